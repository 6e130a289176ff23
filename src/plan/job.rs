//! What happens to one tensor of the output.

use super::Bytes;
use crate::dtype::{DType, Float};
use crate::kernel::{Made, Plane, Row, Statistic};

/// Bytes of a key, its place and its rank, per element and plane of ranks.
const RANK_BYTES: u64 = 12;

/// Where a tensor's bytes lie in the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which file of the output.
    pub file: usize,
    /// Byte offset in that file's data section.
    pub offset: u64,
}

/// A tensor of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// Which model; the first, where it is made of several.
    pub model: usize,
    /// Bytes of one element; of a packed type, of its unit.
    pub element_bytes: u64,
    /// Where its elements lie.
    pub bytes: Bytes,
}

impl Input {
    /// Bytes of the files that are read for `elements` of it.
    pub fn read_bytes(&self, elements: u64) -> u64 {
        self.bytes.read_bytes(elements, self.element_bytes)
    }
}

/// How a tensor comes about.
#[derive(Clone, Debug)]
pub enum Action {
    /// Its bytes are those of a model's tensor.
    Copy(Input),
    /// It is computed.
    Merge {
        /// The class whose Programs compute it.
        class: usize,
        /// One per input slot of the class; slots that no Program reads are None.
        inputs: Vec<Option<Input>>,
        /// Its numbers, as far as they are known before any statistic.
        row: Row,
        /// What must be known about it.
        statistics: Vec<Statistic>,
        /// What the host makes beside the inputs, in the order in which it can be made.
        planes: Vec<Plane>,
        /// The stored type of the result.
        float: Float,
        /// Whether its statistics and its merge share one reading, in memory.
        resident: bool,
    },
}

/// A tensor of the output.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name.
    pub key: String,
    /// Its type.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Vec<u64>,
    /// Its elements.
    pub elements: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Where it goes.
    pub place: Place,
    /// How it comes about.
    pub action: Action,
}

impl Job {
    /// The models' tensors that are read for it.
    pub fn inputs(&self) -> impl Iterator<Item = (usize, &Input)> {
        let (copy, merge) = match &self.action {
            Action::Copy(input) => (Some((0, input)), &[][..]),
            Action::Merge { inputs, .. } => (None, inputs.as_slice()),
        };
        let slots = merge.iter().enumerate();
        copy.into_iter()
            .chain(slots.filter_map(|(slot, input)| Some((slot, input.as_ref()?))))
    }

    /// Bytes of the output that one element makes; of a copy, one byte makes one.
    pub(crate) fn unit_bytes(&self) -> u64 {
        match &self.action {
            Action::Copy(_) => 1,
            Action::Merge { float, .. } => float.bytes() as u64,
        }
    }

    /// The planes that the host makes for it.
    pub fn planes(&self) -> &[Plane] {
        match &self.action {
            Action::Copy(_) => &[],
            Action::Merge { planes, .. } => planes,
        }
    }

    /// Whether parts of its work are done on the host alone.
    pub fn needs_host(&self) -> bool {
        let iterated = |statistic: &Statistic| matches!(statistic, Statistic::Iterated { .. });
        match &self.action {
            Action::Copy(_) => false,
            Action::Merge {
                planes, statistics, ..
            } => !planes.is_empty() || statistics.iter().any(iterated),
        }
    }

    /// Bytes that the host holds of its tensor as a whole, to rank the entries.
    pub(super) fn rank_bytes(&self) -> u64 {
        let planes = self.planes().iter();
        let ranks = planes.filter(|plane| matches!(plane.made, Made::CentredRank { .. }));
        ranks.count() as u64 * RANK_BYTES * self.elements
    }

    /// Bytes read for it in one pass.
    pub fn input_bytes(&self) -> u64 {
        match &self.action {
            Action::Copy(input) => input.read_bytes(self.bytes / input.element_bytes),
            Action::Merge { .. } => self
                .inputs()
                .map(|(_, input)| input.read_bytes(self.elements))
                .sum(),
        }
    }
}
