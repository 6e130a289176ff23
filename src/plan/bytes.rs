//! Where the bytes of a tensor lie, as a recipe sees it.

use super::{Factor, Factors, Source, ViewError};
use crate::checkpoint::{Axes, TensorInfo, heap_bytes};
use crate::dtype::{DType, Float};
use crate::keys::Reshape;
use crate::recipe::{Leaf, View};

/// Elements of a tensor in the order in which they are wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Bytes {
    /// One after the other in a file.
    Run {
        /// Which model.
        model: usize,
        /// Which of its files.
        file: usize,
        /// Byte offset of the first element in that file.
        offset: u64,
    },
    /// Cut from a tensor of other dimensions of the same rank, and filled up with zeros.
    Fitted {
        /// The tensor.
        of: Box<Bytes>,
        /// Its dimensions.
        stored: Vec<u64>,
        /// The box of its elements that are wanted; the others are zero.
        within: Vec<u64>,
    },
    /// Repeated along the dimensions in which the tensor has one entry, and along those before its
    /// first.
    Spread {
        /// The tensor.
        of: Box<Bytes>,
        /// Its dimensions.
        stored: Vec<u64>,
    },
    /// Integers or truth values as f32, each rounded to the nearest.
    Numbers {
        /// The tensor.
        of: Box<Bytes>,
        /// Its type.
        dtype: DType,
    },
    /// As f32, 1 inside a box and 0 outside.
    Inside {
        /// The box.
        within: Vec<u64>,
    },
    /// One element of a file, as often as it is wanted.
    Repeated {
        /// Which model.
        model: usize,
        /// Which of its files.
        file: usize,
        /// Byte offset of the element in that file.
        offset: u64,
    },
    /// Several, each with its number of elements.
    Joined(Vec<(u64, Bytes)>),
    /// In another order than they are stored: transposed, or as PyTorch's strides say.
    Strided {
        /// What is stored.
        of: Box<Bytes>,
        /// The order.
        axes: Axes,
    },
    /// Computed from an adapter's factors, as f32.
    Delta(Box<Factors>),
    /// Zeros.
    Zero,
    /// What follows after some elements.
    From {
        /// How many are left out.
        skip: u64,
        /// Of what.
        of: Box<Bytes>,
    },
}

impl Bytes {
    /// The first model that is read.
    pub fn model(&self) -> usize {
        match self {
            Bytes::Run { model, .. } | Bytes::Repeated { model, .. } => *model,
            Bytes::Joined(runs) => {
                let mut read = runs.iter().filter(|(_, bytes)| *bytes != Bytes::Zero);
                read.next().map_or(0, |(_, bytes)| bytes.model())
            }
            Bytes::Fitted { of, .. }
            | Bytes::Spread { of, .. }
            | Bytes::Numbers { of, .. }
            | Bytes::Strided { of, .. }
            | Bytes::From { of, .. } => of.model(),
            Bytes::Delta(factors) => factors.model(),
            Bytes::Inside { .. } | Bytes::Zero => 0,
        }
    }

    /// Bytes of the files that are read for `elements` of `unit` bytes each.
    pub fn read_bytes(&self, elements: u64, unit: u64) -> u64 {
        match self {
            Bytes::Run { .. } => elements * unit,
            Bytes::Fitted { of, within, .. } => {
                let there: u64 = within.iter().product();
                of.read_bytes(elements.min(there), unit)
            }
            Bytes::Spread { of, stored } => {
                let entry = stored.last().is_none_or(|last| *last == 1);
                let there: u64 = stored.iter().product();
                of.read_bytes(if entry { elements.min(there) } else { elements }, unit)
            }
            Bytes::Numbers { of, dtype } => of.read_bytes(elements, dtype.unit().bytes),
            Bytes::Repeated { .. } => unit,
            Bytes::Joined(runs) => runs
                .iter()
                .map(|(elements, bytes)| bytes.read_bytes(*elements, unit))
                .sum(),
            Bytes::Strided { of, .. } | Bytes::From { of, .. } => of.read_bytes(elements, unit),
            Bytes::Delta(factors) => factors.stored_bytes(),
            Bytes::Inside { .. } | Bytes::Zero => 0,
        }
    }

    /// The deltas that are computed from factors.
    pub fn deltas(&self) -> Vec<&Factors> {
        match self {
            Bytes::Run { .. } | Bytes::Inside { .. } | Bytes::Repeated { .. } | Bytes::Zero => {
                Vec::new()
            }
            Bytes::Joined(runs) => runs.iter().flat_map(|(_, bytes)| bytes.deltas()).collect(),
            Bytes::Fitted { of, .. }
            | Bytes::Spread { of, .. }
            | Bytes::Numbers { of, .. }
            | Bytes::Strided { of, .. }
            | Bytes::From { of, .. } => of.deltas(),
            Bytes::Delta(factors) => vec![factors],
        }
    }

    /// Whether elements that are read one after the other lie far from each other.
    pub(crate) fn is_strided(&self) -> bool {
        match self {
            Bytes::Strided { .. } => true,
            Bytes::Fitted { of, .. }
            | Bytes::Spread { of, .. }
            | Bytes::Numbers { of, .. }
            | Bytes::From { of, .. } => of.is_strided(),
            Bytes::Joined(runs) => runs.iter().any(|(_, bytes)| bytes.is_strided()),
            Bytes::Run { .. }
            | Bytes::Inside { .. }
            | Bytes::Repeated { .. }
            | Bytes::Delta(_)
            | Bytes::Zero => false,
        }
    }

    /// Bytes that it takes besides its own size.
    pub(super) fn held_bytes(&self) -> u64 {
        let boxed = |of: &Bytes| heap_bytes(size_of::<Bytes>()) + of.held_bytes();
        match self {
            Bytes::Run { .. } | Bytes::Repeated { .. } | Bytes::Zero => 0,
            Bytes::Fitted { of, stored, within } => {
                let boxes = [stored, within].map(|lens| heap_bytes(size_of_val(lens.as_slice())));
                boxed(of) + boxes.iter().sum::<u64>()
            }
            Bytes::Spread { of, stored } => boxed(of) + heap_bytes(size_of_val(stored.as_slice())),
            Bytes::Inside { within } => heap_bytes(size_of_val(within.as_slice())),
            Bytes::Joined(runs) => {
                let inner: u64 = runs.iter().map(|(_, bytes)| bytes.held_bytes()).sum();
                heap_bytes(size_of_val(runs.as_slice())) + inner
            }
            Bytes::Strided { of, axes } => boxed(of) + heap_bytes(axes.heap_len()),
            Bytes::Numbers { of, .. } | Bytes::From { of, .. } => boxed(of),
            Bytes::Delta(factors) => {
                let each = size_of::<Factor>() + 64;
                heap_bytes(size_of::<Factors>() + factors.delta.factors().len() * each)
            }
        }
    }

    /// The elements from `skip` on, of `unit` bytes each.
    fn from(self, skip: u64, unit: u64) -> Bytes {
        match self {
            _ if skip == 0 => self,
            Bytes::Run {
                model,
                file,
                offset,
            } => Bytes::Run {
                model,
                file,
                offset: offset + skip * unit,
            },
            other => Bytes::From {
                skip,
                of: Box::new(other),
            },
        }
    }
}

/// A tensor as a recipe sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its type.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Vec<u64>,
    /// Where its elements lie.
    pub bytes: Bytes,
}

impl Seen {
    /// A tensor of a model.
    pub fn tensor(model: usize, info: &TensorInfo) -> Seen {
        let run = Bytes::Run {
            model,
            file: info.file,
            offset: info.span.start,
        };
        Seen {
            dtype: info.dtype,
            shape: info.shape.to_vec(),
            bytes: match info.axes() {
                None => run,
                Some(axes) => Bytes::Strided {
                    of: Box::new(run),
                    axes,
                },
            },
        }
    }

    /// Its elements as numbers: integers as f32.
    pub(super) fn numbers(self) -> Bytes {
        match self.dtype.is_integer() {
            true => Bytes::Numbers {
                of: Box::new(self.bytes),
                dtype: self.dtype,
            },
            false => self.bytes,
        }
    }

    /// A view of tensors. Every leaf must be there.
    pub fn of(view: &View<Leaf>, sources: &[Source<'_>]) -> Result<Seen, ViewError> {
        match view {
            View::Tensor(leaf) => {
                let info = &sources[leaf.model].tensors[&leaf.name];
                Ok(Seen::tensor(leaf.model, info))
            }
            View::Reshaped(of, reshape) => {
                let seen = Seen::of(of, sources)?;
                let shape = reshaped(&seen.shape, *reshape);
                let shape = shape.ok_or_else(|| fault(of, &seen, "taken for a 1x1 convolution"))?;
                Ok(Seen { shape, ..seen })
            }
            View::Transposed(of) => {
                let seen = Seen::whole_bytes(of, sources, "transposed")?;
                let [rows, columns] = seen.shape[..] else {
                    return Err(fault(of, &seen, "transposed"));
                };
                Ok(Seen {
                    shape: vec![columns, rows],
                    bytes: Bytes::Strided {
                        of: Box::new(seen.bytes),
                        axes: Axes::transposed(rows, columns),
                    },
                    ..seen
                })
            }
            View::Rows { of, part, parts } => {
                let wanted = format!("divided into {parts} runs of rows");
                let seen = Seen::whole_bytes(of, sources, &wanted)?;
                let unit = seen.dtype.unit().bytes;
                let mut shape = seen.shape.clone();
                match shape.first_mut() {
                    Some(rows) if rows.is_multiple_of(*parts) => *rows /= parts,
                    _ => return Err(fault(of, &seen, &wanted)),
                }
                let elements: u64 = shape.iter().product();
                Ok(Seen {
                    bytes: seen.bytes.from(part * elements, unit),
                    shape,
                    dtype: seen.dtype,
                })
            }
            View::Joined(views) => join(views, sources, false),
            View::Stacked(views) => join(views, sources, true),
            View::Delta { delta, shape } => {
                let (factors, shape) = Factors::of(delta, shape, sources)?;
                Ok(Seen {
                    dtype: Float::F32.dtype(),
                    shape,
                    bytes: Bytes::Delta(Box::new(factors)),
                })
            }
            View::Zero => Err(ViewError::Parts {
                names: "zeros".to_owned(),
                found: "nothing that gives them a form".to_owned(),
            }),
        }
    }

    /// A view whose elements can be taken one by one, as each has bytes of its own.
    fn whole_bytes(
        view: &View<Leaf>,
        sources: &[Source<'_>],
        wanted: &str,
    ) -> Result<Seen, ViewError> {
        let seen = Seen::of(view, sources)?;
        if seen.dtype.unit().elements == 1 {
            return Ok(seen);
        }
        Err(ViewError::Packed {
            name: names(view).join(", "),
            shape: seen.shape,
            dtype: seen.dtype,
            wanted: wanted.to_owned(),
        })
    }
}

fn reshaped(shape: &[u64], reshape: Reshape) -> Option<Vec<u64>> {
    match (reshape, shape) {
        (Reshape::AddOnes, [rows, columns]) => Some(vec![*rows, *columns, 1, 1]),
        (Reshape::DropOnes, [rows, columns, 1, 1]) => Some(vec![*rows, *columns]),
        _ => None,
    }
}

fn join(views: &[View<Leaf>], sources: &[Source<'_>], stacked: bool) -> Result<Seen, ViewError> {
    let parts: Vec<Option<Seen>> = views
        .iter()
        .map(|view| match view {
            View::Zero => Ok(None),
            view => Seen::whole_bytes(view, sources, "joined with others").map(Some),
        })
        .collect::<Result<_, _>>()?;
    // Zeros have the form of the first part that is there.
    let form = parts.iter().flatten().next().cloned();
    let zeros = form.map(|form| Seen {
        bytes: Bytes::Zero,
        ..form
    });
    let parts: Vec<Seen> = parts
        .into_iter()
        .filter_map(|part| part.or_else(|| zeros.clone()))
        .collect();
    let mismatch = || {
        let names: Vec<&str> = views.iter().flat_map(names).collect();
        let found = parts
            .iter()
            .map(|part| format!("{} {:?}", part.dtype, part.shape));
        ViewError::Parts {
            names: names.join(", "),
            found: found.collect::<Vec<_>>().join(", "),
        }
    };
    let first = parts.first().ok_or_else(mismatch)?;
    let same = |part: &Seen| {
        let skip = usize::from(!stacked);
        part.dtype == first.dtype
            && part.shape.len() == first.shape.len()
            && part.shape.get(skip..) == first.shape.get(skip..)
    };
    if !parts.iter().all(same) {
        return Err(mismatch());
    }
    let mut shape = first.shape.clone();
    match (stacked, shape.first_mut()) {
        (true, _) => shape.insert(0, parts.len() as u64),
        (false, Some(rows)) => *rows = parts.iter().map(|part| part.shape[0]).sum(),
        (false, None) => return Err(mismatch()),
    }
    Ok(Seen {
        dtype: first.dtype,
        shape,
        bytes: Bytes::Joined(
            parts
                .into_iter()
                .map(|part| (part.shape.iter().product(), part.bytes))
                .collect(),
        ),
    })
}

fn names(view: &View<Leaf>) -> Vec<&str> {
    view.leaves()
        .into_iter()
        .map(|leaf| leaf.name.as_str())
        .collect()
}

fn fault(view: &View<Leaf>, seen: &Seen, wanted: &str) -> ViewError {
    ViewError::Shape {
        name: names(view).join(", "),
        shape: seen.shape.clone(),
        wanted: wanted.to_owned(),
    }
}
