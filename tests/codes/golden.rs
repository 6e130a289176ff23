//! What other libraries made of codes, and of numbers: `compute/tests/data/formats`.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A file that a library was given, and what it made of that.
pub struct Case {
    pub name: String,
    pub op: String,
    /// The first is of weights; a config may follow.
    pub inputs: Vec<PathBuf>,
    pub output: PathBuf,
    /// What the case allows for, where bits are not compared.
    pub tolerance: Value,
}

/// The cases of a topic.
pub fn cases(topic: &str) -> Vec<Case> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("compute/tests/data/formats");
    let folder = data.join(topic);
    let text = std::fs::read_to_string(folder.join("cases.json")).expect("the cases");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let file = |name: &Value| folder.join(name.as_str().expect("a name"));
    let case = |case: &Value| Case {
        name: case["name"].as_str().expect("a name").to_owned(),
        op: case["op"].as_str().expect("what was done").to_owned(),
        inputs: match &case["inputs"] {
            Value::Array(names) => names.iter().map(file).collect(),
            _ => Vec::new(),
        },
        output: match &case["output"] {
            Value::Array(names) => file(&names[0]),
            name => file(name),
        },
        tolerance: case["tolerance"].clone(),
    };
    let cases = json["cases"].as_array().expect("a list");
    cases.iter().map(case).collect()
}
