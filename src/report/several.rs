//! Reports of several outputs, or of several models, side by side.

use serde::Serialize;

use super::Report;

/// Reports that are to be compared: of the outputs of a sweep, of the merges of a recipe, of models
/// with the one that they go out from. Each is about the last of its subjects.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Several {
    /// What was done.
    pub what: String,
    /// The reports, in the order in which they are told.
    pub reports: Vec<Report>,
}

impl Several {
    /// What is to be said of any of them, each thing once.
    pub fn notes(&self) -> Vec<&str> {
        let mut notes: Vec<&str> = Vec::new();
        for note in self.reports.iter().flat_map(|report| &report.notes) {
            if !notes.contains(&note.as_str()) {
                notes.push(note);
            }
        }
        notes
    }
}
