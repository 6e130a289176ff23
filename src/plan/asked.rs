//! What is drafted: tensors of the output, or what they hold of one expert.

use super::job::Run;
use crate::recipe::View;

/// A tensor of the output, or a part of it.
pub(super) struct Asked<'k> {
    /// The tensor's name in the graph.
    pub(super) key: &'k str,
    /// The name by which random methods know it.
    pub(super) name: String,
    /// What is seen of it.
    pub(super) view: View<String>,
    /// Which expert that is, if it is one's.
    pub(super) run: Option<Run>,
    /// Which of how many runs of rows it is, if it is one.
    pub(super) rows: Option<[u64; 2]>,
}

impl<'k> Asked<'k> {
    pub(super) fn whole(key: &'k str) -> Asked<'k> {
        Asked {
            key,
            name: key.to_owned(),
            view: View::Tensor(key.to_owned()),
            run: None,
            rows: None,
        }
    }

    /// The middle one of so many runs of its rows.
    pub(super) fn run_of(self, parts: u64) -> Asked<'k> {
        match parts {
            0 | 1 => self,
            _ => Asked {
                view: self.view.rows(parts / 2, parts),
                rows: Some([parts / 2, parts]),
                ..self
            },
        }
    }

    /// What it holds of an expert.
    pub(super) fn expert(&self, run: Run) -> Asked<'k> {
        Asked {
            key: self.key,
            name: format!("{}.{}", self.key, run.part),
            view: self.view.clone().rows(run.part, run.parts),
            run: Some(run),
            rows: Some([run.part, run.parts]),
        }
    }

    /// The dimensions of what is asked for: of an expert's matrix those of the matrix.
    pub(super) fn inner(&self, mut shape: Vec<u64>) -> Vec<u64> {
        if self.run.is_some() {
            shape.remove(0);
        }
        shape
    }
}
