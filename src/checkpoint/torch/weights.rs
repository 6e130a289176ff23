//! Which of the tensors of a pickle are the weights, and what they are called.
//!
//! Trainers save weights among other things. From the outermost dict on, the first of these rules
//! that holds leads to the dict of weights:
//!
//! 1. It has an entry by one of the names of [`WRAPPERS`], in that order, that holds tensors: on to
//!    that one.
//! 2. It holds tensors itself: it is the one.
//! 3. Only dicts in it hold tensors. Training state is left out, and so are moving averages unless
//!    there is nothing else. Of one dict that is left: on to it; of several, all are taken.
//!
//! Dicts in the dict of weights are taken too, their names joined by dots. What is left out is
//! told.

use std::collections::HashSet;
use std::fmt::Write;

use super::fault::TorchError;
use super::value::{Entry, Heap, Value};
use crate::checkpoint::header::TENSORS_MAX;
use crate::figures::counted;

/// Names of the weights among what a trainer saves, the likeliest first.
const WRAPPERS: [&str; 9] = [
    "state_dict",
    "model_state_dict",
    "model_state",
    "model",
    "module",
    "params",
    "weights",
    "network",
    "net",
];
/// Names of moving averages of the weights, those of whole models first.
const AVERAGES: [&str; 9] = [
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
/// How deep weights may lie in dicts.
const DEPTH_MAX: usize = 8;
/// The most entries that are looked at.
const STEPS_MAX: usize = 20_000_000;
/// The most bytes of all names.
const NAMES_BYTES_MAX: usize = 100_000_000;
/// Names of what is left out that are told.
const TOLD_MAX: usize = 12;

/// A tensor that is a weight.
pub(super) struct Weight {
    pub(super) key: String,
    /// Its place in the heap.
    pub(super) tensor: u32,
}

/// The weights of a pickle.
pub(super) struct Weights {
    /// In the order of the pickle.
    pub(super) tensors: Vec<Weight>,
    /// What was left out, where anything was.
    pub(super) note: Option<String>,
}

/// Finds the weights in what a pickle made.
pub(super) fn find(heap: &Heap, root: Value) -> Result<Weights, TorchError> {
    let mut search = Search {
        heap,
        steps: 0,
        left_out: Vec::new(),
        names: Vec::new(),
    };
    let Value::Dict(mut dict) = root else {
        let found = what(root).to_owned();
        return Err(TorchError::NoWeights { found });
    };
    for _ in 0..DEPTH_MAX {
        let Some(inner) = search.inside(dict)? else {
            break;
        };
        dict = inner;
    }
    let mut taking = Taking {
        search,
        tensors: Vec::new(),
        keys: HashSet::new(),
        bytes: 0,
    };
    taking.take(dict, "", 0)?;
    let Taking {
        search, tensors, ..
    } = taking;
    if tensors.is_empty() {
        let found = "a dict without tensors under names".to_owned();
        return Err(TorchError::NoWeights { found });
    }
    Ok(Weights {
        tensors,
        note: search.note(),
    })
}

/// What a value is, for a message.
fn what(value: Value) -> &'static str {
    match value {
        Value::Tensor(_) => "one tensor without a name",
        Value::Tuple(_) | Value::List(_) => "a list",
        Value::Storage(_) => "a storage",
        _ => "no dict",
    }
}

fn is_training(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut starts = TRAINING_STARTS.iter();
    TRAINING.contains(&name.as_str()) || starts.any(|start| name.starts_with(start))
}

/// Something that is not among the weights.
struct LeftOut {
    name: String,
    tensors: usize,
}

struct Search<'h> {
    heap: &'h Heap,
    /// Entries that were looked at.
    steps: usize,
    left_out: Vec<LeftOut>,
    /// The names of the dicts that lead to the weights.
    names: Vec<String>,
}

impl Search<'_> {
    fn step(&mut self) -> Result<(), TorchError> {
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
    fn count(&mut self, value: Value) -> Result<usize, TorchError> {
        let (mut tensors, mut seen) = (HashSet::new(), HashSet::new());
        let mut queue = vec![value];
        while let Some(value) = queue.pop() {
            self.step()?;
            let place = match value {
                Value::Tensor(number) => {
                    tensors.insert(number);
                    continue;
                }
                Value::Tuple(number) => (0, number),
                Value::List(number) => (1, number),
                Value::Dict(number) => (2, number),
                _ => continue,
            };
            if seen.insert(place) {
                queue.extend(self.heap.children(value));
            }
        }
        Ok(tensors.len())
    }

    /// The dict in a dict that leads to the weights; None where it is the one itself.
    fn inside(&mut self, dict: u32) -> Result<Option<u32>, TorchError> {
        let entries = self.heap.dict(dict);
        let named = entries
            .iter()
            .filter_map(|entry| Some((self.heap.as_text(entry.key)?, entry)));
        let named: Vec<(&str, &Entry)> = named.collect();
        let mut dicts = Vec::new();
        for (name, entry) in &named {
            if let Value::Dict(inner) = entry.value
                && self.count(entry.value)? > 0
            {
                dicts.push((*name, inner));
            }
        }
        let by_name = |names: &[&str]| {
            let mut names = names.iter();
            names
                .find_map(|name| dicts.iter().find(|(own, _)| own == name))
                .copied()
        };
        let chosen = by_name(&WRAPPERS).or_else(|| {
            if named
                .iter()
                .any(|(_, entry)| matches!(entry.value, Value::Tensor(_)))
            {
                return None;
            }
            let others = dicts.iter().filter(|(name, _)| !is_training(name));
            let mut plain = others.filter(|(name, _)| !AVERAGES.contains(name));
            match (plain.next(), plain.next()) {
                (None, _) => by_name(&AVERAGES),
                (only, None) => only.copied(),
                _ => None,
            }
        });
        let Some((name, inner)) = chosen else {
            return Ok(None);
        };
        self.names.push(name.to_owned());
        for (own, entry) in named {
            if own != name {
                self.leave_out(own, entry.value)?;
            }
        }
        Ok(Some(inner))
    }

    fn leave_out(&mut self, name: &str, value: Value) -> Result<(), TorchError> {
        let tensors = self.count(value)?;
        let name = name.to_owned();
        self.left_out.push(LeftOut { name, tensors });
        Ok(())
    }

    /// What is left out, in a line.
    fn note(&self) -> Option<String> {
        if self.left_out.is_empty() {
            return None;
        }
        let mut note = match self.names.is_empty() {
            true => String::new(),
            false => format!("its weights are `{}`; ", self.names.join(".")),
        };
        note += "left out: ";
        for (number, left_out) in self.left_out.iter().enumerate().take(TOLD_MAX) {
            let separator = if number > 0 { ", " } else { "" };
            // Writing to a String cannot fail.
            let _ = write!(note, "{separator}{left_out}");
        }
        let more = self.left_out.len().saturating_sub(TOLD_MAX);
        if more > 0 {
            let _ = write!(note, " and {more} more");
        }
        Some(note)
    }
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

/// Gathers the tensors of the dict of weights.
struct Taking<'h> {
    search: Search<'h>,
    tensors: Vec<Weight>,
    keys: HashSet<String>,
    /// Bytes of all names.
    bytes: usize,
}

impl Taking<'_> {
    fn take(&mut self, dict: u32, prefix: &str, depth: usize) -> Result<(), TorchError> {
        let heap = self.search.heap;
        // At the root, names are those of what trainers save.
        let is_root = depth == 0 && self.search.names.is_empty();
        for Entry { key, value } in heap.dict(dict) {
            self.search.step()?;
            let name = match key {
                Value::Int(number) => number.to_string(),
                key => match heap.as_text(*key) {
                    Some(name) => name.to_owned(),
                    None => continue,
                },
            };
            let other = is_training(&name) || AVERAGES.contains(&name.as_str());
            match value {
                Value::Tensor(tensor) => self.add(format!("{prefix}{name}"), *tensor)?,
                Value::Dict(inner) if depth < DEPTH_MAX && !(is_root && other) => {
                    self.take(*inner, &format!("{prefix}{name}."), depth + 1)?;
                }
                value if is_root || self.search.count(*value)? > 0 => {
                    self.search.leave_out(&format!("{prefix}{name}"), *value)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn add(&mut self, key: String, tensor: u32) -> Result<(), TorchError> {
        self.bytes += key.len();
        if self.tensors.len() == TENSORS_MAX {
            return Err(TorchError::TooMany {
                max: TENSORS_MAX,
                what: "tensors",
            });
        }
        if self.bytes > NAMES_BYTES_MAX {
            return Err(TorchError::TooMany {
                max: NAMES_BYTES_MAX,
                what: "bytes of names",
            });
        }
        if !self.keys.insert(key.clone()) {
            return Err(TorchError::DuplicateKey { key });
        }
        self.tensors.push(Weight { key, tensor });
        Ok(())
    }
}
