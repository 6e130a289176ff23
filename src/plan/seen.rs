//! Tensors as a recipe sees them.

use std::sync::Arc;

use super::bytes::Bytes;
use super::{Codes, Factors, Gathered, Joint, JointSource, RowSource, Source, ViewError};
use crate::checkpoint::{Axes, Coding, TensorInfo};
use crate::dtype::{DType, Float};
use crate::kernel::joint::SharedOp;
use crate::keys::Reshape;
use crate::recipe::{Leaf, ModelId, Rule, View};
use crate::vocabulary::RowMap;

/// A tensor as a recipe sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its type.
    pub dtype: DType,
    /// The type in which it is stored where nothing else is asked for.
    pub kept: DType,
    /// Its dimensions.
    pub shape: Vec<u64>,
    /// Where its elements lie.
    pub bytes: Bytes,
}

impl Seen {
    /// A tensor of a model.
    pub fn tensor(model: ModelId, info: &TensorInfo) -> Seen {
        if let Some(coding) = &info.coding {
            return Seen::coded(model, info, coding);
        }
        let run = Bytes::Run {
            model,
            file: info.file,
            offset: info.span.start,
        };
        Seen {
            dtype: info.dtype,
            kept: info.dtype,
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

    /// A tensor of a model that is stored as codes: f32.
    fn coded(model: ModelId, info: &TensorInfo, coding: &Arc<Coding>) -> Seen {
        let codes = Bytes::Coded(Codes {
            model,
            coding: Arc::clone(coding),
        });
        Seen {
            dtype: Float::F32.dtype(),
            // What loaders of decoded models keep them in.
            kept: Float::BF16.dtype(),
            shape: info.shape.to_vec(),
            bytes: match info.axes() {
                None => codes,
                Some(axes) => Bytes::Strided {
                    of: Box::new(codes),
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
                let info = &sources[leaf.model.index()].tensors[&leaf.name];
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
                    kept: seen.kept,
                })
            }
            View::Joined(views) => join(views, sources, false),
            View::Stacked(views) => join(views, sources, true),
            View::Gathered { of, map } => gather(of, map, sources),
            View::Delta { delta, shape } => {
                let (factors, shape) = Factors::of(delta, shape, sources)?;
                Ok(Seen {
                    dtype: Float::F32.dtype(),
                    kept: Float::F32.dtype(),
                    shape,
                    bytes: Bytes::Delta(Box::new(factors)),
                })
            }
            View::Joint { of, op, part } => joint((of, *part), op, sources),
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
        kept: first.kept,
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

/// One of several tensors after an operation on them: of its type where elements are moved, else
/// f32.
fn joint(
    (of, part): (&[View<Leaf>], usize),
    op: &SharedOp,
    sources: &[Source<'_>],
) -> Result<Seen, ViewError> {
    let parts = of.iter();
    let parts = parts.map(|view| Seen::whole_bytes(view, sources, "taken apart into units"));
    let parts: Vec<Seen> = parts.collect::<Result<_, _>>()?;
    let shapes: Vec<Vec<u64>> = parts.iter().map(|part| part.shape.clone()).collect();
    let floats = parts.iter().all(|part| part.dtype.float().is_some());
    let checked = match floats {
        true => op.0.check(&shapes),
        false => Err("are not all floats".to_owned()),
    };
    let names = || of.iter().map(|view| names(view).join(", "));
    if let Err(fault) = checked {
        let found = parts.iter().zip(names());
        let found = found.map(|(part, name)| format!("`{name}` {} {:?}", part.dtype, part.shape));
        return Err(ViewError::Joint {
            purpose: op.0.purpose(),
            fault,
            found: found.collect::<Vec<_>>().join(", "),
        });
    }
    let own = parts[part].clone();
    let dtype = match op.0.moves() {
        true => own.dtype,
        false => Float::F32.dtype(),
    };
    let sources = parts.into_iter().zip(names());
    let sources = sources.map(|(part, name)| JointSource {
        name,
        bytes: part.bytes,
        dtype: part.dtype,
        shape: part.shape,
    });
    Ok(Seen {
        dtype,
        bytes: Bytes::Joint(Box::new(Joint {
            sources: sources.collect(),
            op: op.clone(),
            part,
        })),
        ..own
    })
}

/// A gathered matrix: of the type of its first source where all are of that, else f32.
pub(super) fn gather(
    of: &[View<Leaf>],
    map: &Rule<RowMap>,
    sources: &[Source<'_>],
) -> Result<Seen, ViewError> {
    let parts = of.iter();
    let parts = parts.map(|view| Seen::whole_bytes(view, sources, "taken apart into rows"));
    let parts: Vec<Seen> = parts.collect::<Result<_, _>>()?;
    let fault = |wanted: &'static str| {
        let names = of.iter().flat_map(View::leaves);
        let names: Vec<&str> = names.map(|leaf| leaf.name.as_str()).collect();
        let found = parts
            .iter()
            .map(|part| format!("{} {:?}", part.dtype, part.shape));
        ViewError::Rows {
            names: names.join(", "),
            wanted,
            found: found.collect::<Vec<_>>().join(", "),
        }
    };
    let rows = map.0.rows();
    let Some((first, inner)) = parts
        .first()
        .and_then(|part| Some((part, part.shape.get(1..)?)))
    else {
        return Err(fault("have no rows"));
    };
    if parts.iter().any(|part| part.shape.get(1..) != Some(inner)) {
        return Err(fault("have rows of different lengths"));
    }
    let short = |(part, needed): (&Seen, &u32)| part.shape[0] < u64::from(*needed);
    if map.0.needed().len() > parts.len() || parts.iter().zip(map.0.needed()).any(short) {
        return Err(fault("have fewer rows than their vocabularies"));
    }
    let columns: u64 = inner.iter().product();
    let bytes = columns.checked_mul(u64::from(rows));
    if bytes.and_then(|elements| elements.checked_mul(8)).is_none() {
        return Err(fault("have more elements than 64 bits count"));
    }
    let decoded = map.0.computes() || parts.iter().any(|part| part.dtype != first.dtype);
    if decoded && parts.iter().any(|part| part.dtype.float().is_none()) {
        return Err(fault("are of different types, or no floats"));
    }
    let mut shape = first.shape.clone();
    shape[0] = u64::from(rows);
    let (dtype, kept) = match decoded {
        true => (Float::F32.dtype(), first.kept),
        false => (first.dtype, first.kept),
    };
    let parts = parts.into_iter().map(|part| RowSource {
        bytes: part.bytes,
        dtype: part.dtype,
    });
    Ok(Seen {
        dtype,
        kept,
        shape,
        bytes: Bytes::Gathered(Box::new(Gathered {
            sources: parts.collect(),
            map: map.clone(),
            columns,
            decoded,
        })),
    })
}
