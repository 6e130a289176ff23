//! A walk through what a pickle made: what holds tensors, and what is left out of the weights.

use std::collections::HashSet;
use std::fmt::Write;

use super::fault::TorchError;
use super::value::{Heap, Value};
use crate::figures::counted;

/// Names of moving averages of the weights, those of whole models first.
pub(super) const AVERAGES: [&str; 9] = [
    "params_ema",
    "ema",
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "ema_model",
    "ema_params",
    "average_model",
    "averaged_model",
];
/// Names of training state.
const TRAINING: [&str; 6] = [
    "opt",
    "amp",
    "callbacks",
    "loops",
    "loss",
    "hyper_parameters",
];
/// What other names of training state begin with.
const TRAINING_STARTS: [&str; 8] = [
    "optim",
    "lr_sched",
    "sched",
    "scaler",
    "grad_scaler",
    "rng",
    "random_rng",
    "cuda_rng",
];
/// The most entries that are looked at.
const STEPS_MAX: usize = 20_000_000;
/// Names of what is left out that are told.
const TOLD_MAX: usize = 12;

pub(super) fn is_training(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut starts = TRAINING_STARTS.iter();
    TRAINING.contains(&name.as_str()) || starts.any(|start| name.starts_with(start))
}

/// Goes through what a pickle made.
pub(super) struct Search<'h> {
    pub(super) heap: &'h Heap,
    /// Entries that were looked at.
    steps: usize,
    /// What is told.
    left_out: Vec<LeftOut>,
    /// What is left out beside that.
    more: usize,
    /// The names of the dicts that lead to the weights.
    pub(super) names: Vec<String>,
}

impl<'h> Search<'h> {
    pub(super) fn new(heap: &'h Heap) -> Search<'h> {
        Search {
            heap,
            steps: 0,
            left_out: Vec::new(),
            more: 0,
            names: Vec::new(),
        }
    }

    pub(super) fn step(&mut self) -> Result<(), TorchError> {
        self.steps += 1;
        match self.steps > STEPS_MAX {
            true => Err(TorchError::TooMany {
                max: STEPS_MAX,
                what: "entries",
            }),
            false => Ok(()),
        }
    }

    /// The tensors in a value, each counted once.
    pub(super) fn count(&mut self, value: Value) -> Result<usize, TorchError> {
        let (mut tensors, mut seen) = (HashSet::new(), HashSet::new());
        let mut queue = Vec::new();
        // What was seen is not put into the queue again, so that it has each container once.
        let mut visit = |value: Value, queue: &mut Vec<Value>| {
            let place = match value {
                Value::Tensor(number) => {
                    tensors.insert(number);
                    return;
                }
                Value::Tuple(number) => (0, number),
                Value::List(number) => (1, number),
                Value::Dict(number) => (2, number),
                _ => return,
            };
            if seen.insert(place) {
                queue.push(value);
            }
        };
        self.step()?;
        visit(value, &mut queue);
        while let Some(value) = queue.pop() {
            for child in self.heap.children(value) {
                self.step()?;
                visit(child, &mut queue);
            }
        }
        Ok(tensors.len())
    }

    pub(super) fn leave_out(&mut self, name: &str, value: Value) -> Result<(), TorchError> {
        if self.left_out.len() == TOLD_MAX {
            self.more += 1;
            return Ok(());
        }
        let tensors = self.count(value)?;
        let name = name.to_owned();
        self.left_out.push(LeftOut { name, tensors });
        Ok(())
    }

    /// What is left out, in a line.
    pub(super) fn note(&self) -> Option<String> {
        if self.left_out.is_empty() {
            return None;
        }
        let mut note = match self.names.is_empty() {
            true => String::new(),
            false => format!("its weights are `{}`; ", self.names.join(".")),
        };
        note += "left out: ";
        for (number, left_out) in self.left_out.iter().enumerate() {
            let separator = if number > 0 { ", " } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(note, "{separator}{left_out}");
        }
        if self.more > 0 {
            let _ = write!(note, " and {} more", self.more);
        }
        Some(note)
    }
}

/// Something that is not among the weights.
struct LeftOut {
    name: String,
    tensors: usize,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.name.as_str() {
            name if AVERAGES.contains(&name) => Some("moving average of the weights"),
            name if is_training(name) => Some("training state"),
            _ => None,
        };
        let tensors = (self.tensors > 0).then(|| counted(self.tensors, "tensor"));
        write!(f, "`{}`", self.name)?;
        match (kind, tensors) {
            (Some(kind), Some(tensors)) => write!(f, " ({kind}, {tensors})"),
            (Some(kind), None) => write!(f, " ({kind})"),
            (None, Some(tensors)) => write!(f, " ({tensors})"),
            (None, None) => Ok(()),
        }
    }
}
