//! The names of the weights: those of the dicts that they lie in, joined by dots.
//!
//! Dicts may share dicts, so that few bytes of a pickle name many tensors, and a long name may be
//! part of many. The names are measured first and made when there is room for them.

use super::fault::TorchError;
use super::input::TEXT_BYTES_MAX;
use super::search::{AVERAGES, Search, is_training};
use super::value::{Entry, Value};
use crate::checkpoint::header::TENSORS_MAX;

/// How deep the dict of weights may lie, and how deep weights in it.
pub(super) const DEPTH_MAX: usize = 8;
/// The most bytes of all names beside those that each may have.
const NAMES_BYTES_MAX: u64 = 4 << 20;
/// The most bytes of all names for each of them, more than the longest have on average.
const NAME_BYTES: u64 = 256;

/// A tensor that is a weight.
pub(super) struct Weight {
    pub(super) key: String,
    /// Its place in the heap.
    pub(super) tensor: u32,
}

/// The tensors of the dict of weights and of the dicts in it, in the order of the pickle.
pub(super) fn take(search: &mut Search<'_>, dict: u32) -> Result<Vec<Weight>, TorchError> {
    let is_root = search.names.is_empty();
    let mut taking = Taking {
        search,
        is_root,
        is_deep: false,
        count: 0,
        bytes: 0,
        made: None,
    };
    taking.take(dict, "", 0)?;
    let (tensors, bytes) = (taking.count, taking.bytes);
    let max = NAMES_BYTES_MAX + NAME_BYTES * tensors as u64;
    if bytes > max {
        return Err(TorchError::LongNames {
            tensors,
            bytes,
            max,
        });
    }
    if tensors == 0 && taking.is_deep {
        // Those of the way to the dict of weights, and those in it.
        let max = 2 * DEPTH_MAX;
        return Err(TorchError::TooDeep { max });
    }
    if tensors == 0 {
        let found = "a dict without tensors under names".to_owned();
        return Err(TorchError::NoWeights { found });
    }
    taking.made = Some(Vec::with_capacity(tensors));
    taking.take(dict, "", 0)?;
    let weights = taking.made.unwrap_or_default();
    check_unique(&weights)?;
    Ok(weights)
}

/// Checks that no two weights have one name.
fn check_unique(weights: &[Weight]) -> Result<(), TorchError> {
    // No more is held for it than a number for each.
    let mut order: Vec<u32> = (0..weights.len() as u32).collect();
    let key = |number: u32| &weights[number as usize].key;
    order.sort_unstable_by(|one, other| key(*one).cmp(key(*other)));
    let mut pairs = order.windows(2);
    match pairs.find(|pair| key(pair[0]) == key(pair[1])) {
        Some(pair) => Err(TorchError::DuplicateKey {
            key: key(pair[0]).clone(),
        }),
        None => Ok(()),
    }
}

/// Goes through the dict of weights: once to measure, once more to make the names.
struct Taking<'s, 'h> {
    search: &'s mut Search<'h>,
    /// Whether the dict is the outermost, whose names are those of what trainers save.
    is_root: bool,
    /// Whether tensors were left out because they lie too deep.
    is_deep: bool,
    /// Tensors so far.
    count: usize,
    /// Bytes of their names.
    bytes: u64,
    /// The weights, once they are made.
    made: Option<Vec<Weight>>,
}

impl Taking<'_, '_> {
    fn take(&mut self, dict: u32, prefix: &str, depth: usize) -> Result<(), TorchError> {
        let heap = self.search.heap;
        let is_root = self.is_root && depth == 0;
        for Entry { key, value } in heap.dict(dict) {
            self.search.step()?;
            let number: String;
            let name = match key {
                Value::Int(key) => {
                    number = key.to_string();
                    &number
                }
                Value::LongText(bytes) => match self.search.count(*value)? {
                    0 => continue,
                    _ => return Err(long(prefix.len() as u64 + u64::from(*bytes))),
                },
                key => match heap.as_text(*key) {
                    Some(name) => name,
                    None => continue,
                },
            };
            let other = is_training(name) || AVERAGES.contains(&name);
            match value {
                Value::Tensor(tensor) => self.add(prefix, name, *tensor)?,
                Value::Dict(inner) if depth < DEPTH_MAX && !(is_root && other) => {
                    self.take(*inner, &format!("{prefix}{name}."), depth + 1)?;
                }
                // What is left out was told when the names were measured.
                _ if self.made.is_some() => {}
                value => {
                    let tensors = self.search.count(*value)?;
                    self.is_deep |= tensors > 0 && depth == DEPTH_MAX;
                    if is_root || tensors > 0 {
                        self.search.leave_out(&format!("{prefix}{name}"), *value)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn add(&mut self, prefix: &str, name: &str, tensor: u32) -> Result<(), TorchError> {
        if let Some(made) = &mut self.made {
            let key = format!("{prefix}{name}");
            made.push(Weight { key, tensor });
            return Ok(());
        }
        if self.count == TENSORS_MAX {
            return Err(TorchError::TooMany {
                max: TENSORS_MAX,
                what: "tensors",
            });
        }
        let bytes = prefix.len() + name.len();
        if bytes > TEXT_BYTES_MAX {
            return Err(long(bytes as u64));
        }
        self.count += 1;
        self.bytes += bytes as u64;
        Ok(())
    }
}

fn long(bytes: u64) -> TorchError {
    let max = TEXT_BYTES_MAX;
    TorchError::LongName { bytes, max }
}
