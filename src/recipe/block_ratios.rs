//! Block weights as the schedule of a merge: the ratio of its method, for every tensor by name.

use std::collections::HashMap;
use std::sync::Arc;

use super::schedule::{Bound, Schedule, ScheduleError, ScheduleSource, Scope};
use crate::keys::blocks::OTHERS;
use crate::keys::{BlockRatio, BlockWeights};
use crate::method::ParameterValue;

/// The block weights of a merge.
#[derive(Debug)]
pub struct BlockRatios {
    /// What they say.
    pub weights: BlockWeights,
    /// The parameter that they set.
    pub ratio: &'static str,
    /// What the merge says of it itself: for tensors that no rule names.
    pub own: f64,
    /// Whether the user said that beside the block weights.
    pub is_fixed: bool,
}

impl ScheduleSource for BlockRatios {
    fn bind(&self, scope: &Scope<'_>) -> Result<Bound, ScheduleError> {
        let shown = scope.tensors.iter().map(|tensor| tensor.output);
        let resolved = self.weights.resolve(shown, scope.family);
        let mut resolved = resolved.map_err(|fault| ScheduleError::Blocks(Box::new(fault)))?;
        if resolved.unweighted.is_empty() && self.is_fixed {
            return Err(ScheduleError::Twice { ratio: self.ratio });
        }
        if !resolved.unweighted.is_empty() {
            resolved.blocks.push(BlockRatio {
                block: OTHERS.to_owned(),
                ratio: self.own,
                tensors: resolved.unweighted.len(),
            });
        }
        let weights = scope.tensors.iter().filter_map(|tensor| {
            let weight = resolved.weights.get(tensor.output)?;
            Some((tensor.graph.to_owned(), *weight))
        });
        let schedule = ByName {
            parameter: self.ratio,
            numbers: weights.collect(),
        };
        Ok(Bound {
            schedule: Arc::new(schedule),
            notes: resolved.notes,
            blocks: resolved.blocks,
        })
    }
}

/// A number for each of some tensors.
#[derive(Debug)]
struct ByName {
    parameter: &'static str,
    numbers: HashMap<String, f64>,
}

impl Schedule for ByName {
    fn parameters(&self, name: &str) -> Vec<(&'static str, ParameterValue)> {
        let number = self.numbers.get(name);
        let value = |number: &f64| (self.parameter, ParameterValue::Numbers(vec![*number]));
        number.map(value).into_iter().collect()
    }
}
