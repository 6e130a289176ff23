//! Nodes as messages name them.

use std::fmt;

/// What a node is, and where the recipe's text says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label(Box<Place>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    line: Option<usize>,
    what: String,
}

impl Label {
    pub(super) fn new(line: Option<usize>, what: String) -> Label {
        Label(Box::new(Place { line, what }))
    }

    /// The line of the text, from 1; None where there is no text.
    pub fn line(&self) -> Option<usize> {
        self.0.line
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, what } = &*self.0;
        if let Some(line) = line {
            write!(f, "line {line}, ")?;
        }
        f.write_str(what)
    }
}
