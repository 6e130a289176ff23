//! Sums over some tensors.

use serde::Serialize;

use super::{Comparison, Statistics, Stored, Survival, Tensor};

/// What is known of some tensors together.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Summary {
    /// How many there are.
    pub tensors: usize,
    /// What a comparison found of those whose elements were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// The same of those whose bytes were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stored: Option<Stored>,
    /// What is present of a merge's change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub survival: Option<Survival>,
    /// What their values are like.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistics: Option<Statistics>,
}

impl Summary {
    /// Of tensors.
    pub fn of<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Summary {
        let mut summary = Summary::default();
        tensors.into_iter().for_each(|tensor| summary.add(tensor));
        summary
    }

    /// Adds a tensor.
    pub fn add(&mut self, tensor: &Tensor) {
        self.tensors += 1;
        if let Some(own) = &tensor.comparison {
            self.comparison.get_or_insert_default().add(own);
        }
        if let Some(own) = tensor.stored {
            let stored = self.stored.get_or_insert_default();
            stored.bytes += own.bytes;
            stored.changed += own.changed;
        }
        if let Some(own) = &tensor.survival {
            self.survival.get_or_insert_default().add(own);
        }
        if let Some(own) = &tensor.statistics {
            self.statistics.get_or_insert_default().add(own);
        }
    }
}
