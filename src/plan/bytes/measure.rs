//! What is told of bytes: which models and operations they are of, and how many they are.

use super::{Bytes, Cut, Gathered, Joint};
use crate::checkpoint::heap_bytes;
use crate::plan::{Factor, Factors};
use crate::recipe::ModelId;

impl Bytes {
    /// The first model that is read.
    pub fn model(&self) -> ModelId {
        match self {
            Bytes::Run { model, .. } | Bytes::Repeated { model, .. } => *model,
            Bytes::Joined(runs) => {
                let mut read = runs.iter().filter(|(_, bytes)| *bytes != Bytes::Zero);
                read.next()
                    .map_or_else(ModelId::default, |(_, bytes)| bytes.model())
            }
            Bytes::Fitted { of, .. }
            | Bytes::Spread { of, .. }
            | Bytes::Numbers { of, .. }
            | Bytes::Strided { of, .. }
            | Bytes::From { of, .. } => of.model(),
            Bytes::Gathered(rows) => {
                let first = rows.sources.first();
                first.map_or_else(ModelId::default, |own| own.bytes.model())
            }
            Bytes::Delta(factors) => factors.model(),
            Bytes::Coded(codes) => codes.model,
            Bytes::Joint(joint) => joint.source().bytes.model(),
            Bytes::Inside { .. } | Bytes::Constant(_) | Bytes::Zero => ModelId::default(),
        }
    }

    /// Bytes of the files that are read for `elements` of `unit` bytes each.
    pub fn read_bytes(&self, elements: u64, unit: u64) -> u64 {
        match self {
            Bytes::Run { .. } => elements * unit,
            Bytes::Fitted { of, cut } => {
                let there: u64 = cut.within.iter().product();
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
            Bytes::Gathered(rows) => rows.read_bytes(elements),
            Bytes::Delta(factors) => factors.stored_bytes(),
            Bytes::Coded(codes) => codes.read_bytes(elements),
            Bytes::Joint(joint) => joint.read_bytes(elements),
            Bytes::Inside { .. } | Bytes::Constant(_) | Bytes::Zero => 0,
        }
    }

    /// The deltas that are computed from factors.
    pub fn deltas(&self) -> Vec<&Factors> {
        match self {
            Bytes::Run { .. }
            | Bytes::Inside { .. }
            | Bytes::Repeated { .. }
            | Bytes::Coded(_)
            | Bytes::Constant(_)
            | Bytes::Zero => Vec::new(),
            Bytes::Joined(runs) => runs.iter().flat_map(|(_, bytes)| bytes.deltas()).collect(),
            Bytes::Fitted { of, .. }
            | Bytes::Spread { of, .. }
            | Bytes::Numbers { of, .. }
            | Bytes::Strided { of, .. }
            | Bytes::From { of, .. } => of.deltas(),
            Bytes::Gathered(rows) => {
                let sources = rows.sources.iter();
                sources.flat_map(|source| source.bytes.deltas()).collect()
            }
            Bytes::Delta(factors) => vec![factors],
            Bytes::Joint(joint) => {
                let sources = joint.sources.iter();
                sources.flat_map(|source| source.bytes.deltas()).collect()
            }
        }
    }

    /// The operations on several tensors, those on whose results others are included.
    pub fn joints(&self) -> Vec<&Joint> {
        match self {
            Bytes::Joint(joint) => {
                let sources = joint.sources.iter();
                let below = sources.flat_map(|source| source.bytes.joints());
                [&**joint].into_iter().chain(below).collect()
            }
            Bytes::Joined(runs) => runs.iter().flat_map(|(_, bytes)| bytes.joints()).collect(),
            Bytes::Fitted { of, .. }
            | Bytes::Spread { of, .. }
            | Bytes::Numbers { of, .. }
            | Bytes::Strided { of, .. }
            | Bytes::From { of, .. } => of.joints(),
            Bytes::Gathered(rows) => {
                let sources = rows.sources.iter();
                sources.flat_map(|source| source.bytes.joints()).collect()
            }
            Bytes::Run { .. }
            | Bytes::Inside { .. }
            | Bytes::Repeated { .. }
            | Bytes::Delta(_)
            | Bytes::Coded(_)
            | Bytes::Constant(_)
            | Bytes::Zero => Vec::new(),
        }
    }

    /// The rows that are gathered. They are gathered of tensors of models, never of each other.
    pub fn gathered(&self) -> Vec<&Gathered> {
        match self {
            Bytes::Gathered(rows) => vec![rows],
            Bytes::Joined(runs) => runs
                .iter()
                .flat_map(|(_, bytes)| bytes.gathered())
                .collect(),
            Bytes::Fitted { of, .. }
            | Bytes::Spread { of, .. }
            | Bytes::Numbers { of, .. }
            | Bytes::Strided { of, .. }
            | Bytes::From { of, .. } => of.gathered(),
            Bytes::Joint(joint) => {
                let sources = joint.sources.iter();
                sources.flat_map(|source| source.bytes.gathered()).collect()
            }
            Bytes::Run { .. }
            | Bytes::Inside { .. }
            | Bytes::Repeated { .. }
            | Bytes::Delta(_)
            | Bytes::Coded(_)
            | Bytes::Constant(_)
            | Bytes::Zero => Vec::new(),
        }
    }

    /// Whether it is read only once for several readings of it, as far as there is room.
    pub(in crate::plan) fn is_kept(&self) -> bool {
        let average = |rows: &&Gathered| rows.map.0.averages();
        let made = !self.deltas().is_empty() || !self.joints().is_empty();
        made || self.gathered().iter().any(average)
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
            Bytes::Gathered(rows) => rows.sources.iter().any(|own| own.bytes.is_strided()),
            Bytes::Joint(joint) => joint.sources.iter().any(|own| own.bytes.is_strided()),
            Bytes::Run { .. }
            | Bytes::Inside { .. }
            | Bytes::Repeated { .. }
            | Bytes::Delta(_)
            | Bytes::Coded(_)
            | Bytes::Constant(_)
            | Bytes::Zero => false,
        }
    }

    /// Whether it is decoded from codes, in whatever order.
    pub(in crate::plan) fn is_coded(&self) -> bool {
        match self {
            Bytes::Coded(_) => true,
            Bytes::Strided { of, .. } | Bytes::From { of, .. } => of.is_coded(),
            _ => false,
        }
    }

    /// Bytes that it takes besides its own size.
    pub(in crate::plan) fn held_bytes(&self) -> u64 {
        let boxed = |of: &Bytes| heap_bytes(size_of::<Bytes>()) + of.held_bytes();
        match self {
            Bytes::Run { .. } | Bytes::Repeated { .. } | Bytes::Zero => 0,
            // The coding is the model's.
            Bytes::Coded(_) => 0,
            Bytes::Constant(bytes) => heap_bytes(bytes.len()),
            Bytes::Fitted { of, cut } => {
                let lens = [&cut.stored, &cut.within];
                let lens = lens.map(|lens| heap_bytes(size_of_val(lens.as_slice())));
                boxed(of) + heap_bytes(size_of::<Cut>()) + lens.iter().sum::<u64>()
            }
            Bytes::Spread { of, stored } => boxed(of) + heap_bytes(size_of_val(stored.as_slice())),
            Bytes::Inside { within } => heap_bytes(size_of_val(within.as_slice())),
            Bytes::Joined(runs) => {
                let inner: u64 = runs.iter().map(|(_, bytes)| bytes.held_bytes()).sum();
                heap_bytes(size_of_val(runs.as_slice())) + inner
            }
            Bytes::Strided { of, axes } => boxed(of) + heap_bytes(axes.heap_len()),
            Bytes::Numbers { of, .. } | Bytes::From { of, .. } => boxed(of),
            Bytes::Gathered(rows) => {
                let sources = rows.sources.as_slice();
                let inner: u64 = sources.iter().map(|own| own.bytes.held_bytes()).sum();
                let own = heap_bytes(size_of::<Gathered>() + size_of_val(sources));
                own + inner + rows.average_bytes()
            }
            Bytes::Delta(factors) => {
                let each = size_of::<Factor>() + 64;
                heap_bytes(size_of::<Factors>() + factors.delta.factors().len() * each)
            }
            Bytes::Joint(joint) => joint.held_bytes(),
        }
    }

    /// The elements from `skip` on, of `unit` bytes each.
    pub(in crate::plan) fn from(self, skip: u64, unit: u64) -> Bytes {
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
