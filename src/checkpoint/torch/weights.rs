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

use super::fault::TorchError;
use super::names::{self, DEPTH_MAX, Weight};
use super::search::{AVERAGES, Search, is_training};
use super::value::{Heap, Value};

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
/// The weights of a pickle.
pub(super) struct Weights {
    /// In the order of the pickle.
    pub(super) tensors: Vec<Weight>,
    /// What was left out, where anything was.
    pub(super) note: Option<String>,
}

/// Finds the weights in what a pickle made.
pub(super) fn find(heap: &Heap, root: Value) -> Result<Weights, TorchError> {
    let mut search = Search::new(heap);
    let Value::Dict(mut dict) = root else {
        let found = what(root).to_owned();
        return Err(TorchError::NoWeights { found });
    };
    for _ in 0..DEPTH_MAX {
        let Some(inner) = inside(&mut search, dict)? else {
            break;
        };
        dict = inner;
    }
    let tensors = names::take(&mut search, dict)?;
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

/// The dicts of a dict that hold tensors, as far as they may lead to the weights.
#[derive(Default)]
struct Inner<'n> {
    /// Whether it holds tensors itself.
    has_own: bool,
    /// The likeliest of the weights' names, by its place among them.
    wrapper: Option<(usize, &'n str, u32)>,
    /// The same of moving averages.
    average: Option<(usize, &'n str, u32)>,
    /// The first that is none of these.
    plain: Option<(&'n str, u32)>,
    /// How many there are.
    plains: usize,
}

impl<'n> Inner<'n> {
    fn add(&mut self, name: &'n str, dict: u32) {
        let likelier = |best: &mut Option<(usize, &'n str, u32)>, names: &[&str]| {
            let place = names.iter().position(|own| *own == name);
            if let Some(place) = place
                && best.is_none_or(|(best, ..)| place < best)
            {
                *best = Some((place, name, dict));
            }
            place.is_some()
        };
        likelier(&mut self.wrapper, &WRAPPERS);
        if !likelier(&mut self.average, &AVERAGES) && !is_training(name) {
            self.plain.get_or_insert((name, dict));
            self.plains += 1;
        }
    }

    fn chosen(&self) -> Option<(&'n str, u32)> {
        let named = |best: Option<(usize, &'n str, u32)>| best.map(|(_, name, dict)| (name, dict));
        named(self.wrapper).or_else(|| match self.plains {
            _ if self.has_own => None,
            0 => named(self.average),
            1 => self.plain,
            _ => None,
        })
    }
}

/// The dict in a dict that leads to the weights; None where it is the one itself.
fn inside(search: &mut Search<'_>, dict: u32) -> Result<Option<u32>, TorchError> {
    let heap = search.heap;
    let named = || {
        let entries = heap.dict(dict).iter();
        entries.filter_map(|entry| Some((heap.as_text(entry.key)?, entry.value)))
    };
    let mut inner = Inner::default();
    for (name, value) in named() {
        match value {
            Value::Tensor(_) => inner.has_own = true,
            Value::Dict(dict) if search.count(value)? > 0 => inner.add(name, dict),
            _ => {}
        }
    }
    let Some((name, chosen)) = inner.chosen() else {
        return Ok(None);
    };
    search.names.push(name.to_owned());
    for (own, value) in named().filter(|(own, _)| *own != name) {
        search.leave_out(own, value)?;
    }
    Ok(Some(chosen))
}
