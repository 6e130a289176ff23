//! Sample counts of checkpoints, by name.

use std::fmt;
use std::path::PathBuf;

use serde::de::{Deserializer, MapAccess, Visitor};

use crate::checkpoint::recorded_name;
use crate::figures::counted;

/// A number for each checkpoint, by its path or the name of its file or folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Counts(Vec<(String, f64)>);

/// Counts that do not fit the checkpoints.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum CountsError {
    #[error("not an object of names and counts, {{\"NAME\": COUNT, …}}: {why}")]
    Json { why: String },
    #[error("`{name}` is there twice")]
    Twice { name: String },
    #[error("the count of `{name}` is {count:?}: a count is a number from 0 to {LARGEST:e}")]
    Count { name: String, count: f64 },
    #[error("no checkpoint is called {}; a name is that of a file or folder, or the path as given",
        listed(.names))]
    Unknown { names: Vec<String> },
    #[error("{} without a count: {}", counted(.names.len(), "checkpoint"), listed(.names))]
    Missing { names: Vec<String> },
    #[error("`{name}` is the name of {}: name them by their paths as given",
        counted(*.checkpoints, "checkpoint"))]
    Ambiguous { name: String, checkpoints: usize },
    #[error("`{name}` counts a checkpoint that another entry counts too")]
    Again { name: String },
}

/// Sums of so large counts are within f32, in which weights are.
const LARGEST: f64 = 1e30;

/// How many names a message lists.
const LISTED: usize = 20;

fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(LISTED)
        .map(|n| format!("`{n}`"))
        .collect();
    let shown = shown.join(", ");
    match names.len().checked_sub(LISTED) {
        None | Some(0) => shown,
        Some(more) => format!("{shown} and {more} more"),
    }
}

impl Counts {
    /// Reads a JSON object of names and counts.
    ///
    /// # Errors
    /// What is no such object, a name that is there twice, and a count that is negative or above
    /// 1e30.
    pub fn parse(text: &str) -> Result<Counts, CountsError> {
        let mut reader = serde_json::Deserializer::from_str(text);
        let read = reader.deserialize_map(Entries);
        let read = read.and_then(|entries| reader.end().map(|()| entries));
        let mut entries = read.map_err(|fault| CountsError::Json {
            why: fault.to_string(),
        })?;
        let count = |entry: &&(String, f64)| !(0.0..=LARGEST).contains(&entry.1);
        if let Some((name, count)) = entries.iter().find(count).cloned() {
            return Err(CountsError::Count { name, count });
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        match entries.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(CountsError::Twice {
                name: pair[0].0.clone(),
            }),
            None => Ok(Counts(entries)),
        }
    }

    /// The counts of checkpoints, in their order.
    pub(super) fn of(&self, checkpoints: &[PathBuf]) -> Result<Vec<f64>, CountsError> {
        let names: Vec<String> = checkpoints.iter().map(|path| recorded_name(path)).collect();
        let mut counts: Vec<Option<f64>> = vec![None; checkpoints.len()];
        let mut unknown = Vec::new();
        for (name, count) in &self.0 {
            let given = checkpoints
                .iter()
                .position(|path| path.as_os_str() == name.as_str());
            let mut called = (0..names.len()).filter(|&at| names[at] == *name);
            let at = match (given, called.next(), called.count()) {
                (Some(at), ..) | (None, Some(at), 0) => at,
                (None, None, _) => {
                    unknown.push(name.clone());
                    continue;
                }
                (None, Some(_), others) => {
                    return Err(CountsError::Ambiguous {
                        name: name.clone(),
                        checkpoints: others + 1,
                    });
                }
            };
            if counts[at].replace(*count).is_some() {
                return Err(CountsError::Again { name: name.clone() });
            }
        }
        if !unknown.is_empty() {
            return Err(CountsError::Unknown { names: unknown });
        }
        let lacking = counts
            .iter()
            .zip(checkpoints)
            .filter(|(count, _)| count.is_none());
        let names: Vec<String> = lacking
            .map(|(_, path)| path.display().to_string())
            .collect();
        match names.is_empty() {
            true => Ok(counts.into_iter().flatten().collect()),
            false => Err(CountsError::Missing { names }),
        }
    }
}

/// Reads an object's entries, those of one name too.
struct Entries;

impl<'de> Visitor<'de> for Entries {
    type Value = Vec<(String, f64)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of numbers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(entries)
    }
}
