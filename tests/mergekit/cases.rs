//! The cases that mergekit computed, and our command lines for them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::data;

/// A case.
pub struct Case {
    pub name: String,
    pub topic: String,
    /// How it was run; how it is compared; what it is about.
    pub fields: Value,
}

/// All cases, by name.
pub fn cases() -> BTreeMap<String, Case> {
    let text = std::fs::read_to_string(data().join("cases.json")).expect("the cases");
    let all: BTreeMap<String, Value> = serde_json::from_str(&text).expect("JSON");
    let case = |(name, fields): (String, Value)| {
        let topic = fields["topic"].as_str().expect("a topic").to_owned();
        let own = Case {
            name: name.clone(),
            topic,
            fields,
        };
        (name, own)
    };
    all.into_iter().map(case).collect()
}

impl Case {
    pub fn tolerance(&self) -> &Value {
        &self.fields["tolerance"]
    }

    pub fn kind(&self) -> &str {
        self.tolerance()["kind"].as_str().expect("a kind")
    }

    pub fn program(&self) -> &str {
        self.command().split(' ').next().unwrap_or_default()
    }

    pub fn command(&self) -> &str {
        self.fields["command"].as_str().expect("a command")
    }

    /// Our command line for mergekit's: one word is another. The CPU computes, where nothing else
    /// is said.
    pub fn arguments(&self, output: &Path) -> Vec<String> {
        let output = output.to_str().expect("UTF-8");
        let words = self.command().split(' ').skip(1);
        let words = words.map(|word| word.replace("OUT", output).replace("TMP", output));
        let mut arguments = vec!["run".to_owned()];
        arguments.extend(words);
        if !arguments.iter().any(|word| word == "--device") {
            arguments.extend(["--device".to_owned(), "cpu".to_owned()]);
        }
        arguments
    }
}
