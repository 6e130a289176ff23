//! What happens to one tensor of the output.

use std::sync::Arc;

use super::{ClassId, Encoded, FileId, Input, InputId, Joint, Largest, OutputId, Seen};
use crate::dtype::{DType, Float};
use crate::kernel::{ARENA_ALIGNMENT, Made, Plane, Row, Scope, SlotId, Stage, Statistic, TILE};

/// Bytes of an element of a plane that the host makes.
pub(super) const PLANE_BYTES: u64 = 4;

/// Bytes of the sum of a column.
const SUM_BYTES: u64 = 8;

/// Where a tensor's bytes lie in the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// Which file of the output.
    pub file: FileId,
    /// Byte offset in that file's data section.
    pub offset: u64,
}

/// What an output computes of a tensor. Tensors that differ in nothing but where their inputs lie
/// share it.
#[derive(Clone, Debug)]
pub struct Work {
    /// The class whose Programs compute it.
    pub class: ClassId,
    /// For each input slot of the class, the number of the tensor's input that is found there;
    /// None where no Program reads it, or a plane lies there.
    pub slots: Vec<Option<InputId>>,
    /// Its numbers, as far as they are known before any statistic.
    pub row: Row,
    /// What must be known about it.
    pub statistics: Vec<Statistic>,
    /// What the host makes beside the inputs, in the order in which it can be made.
    pub planes: Vec<Plane>,
    /// What the host makes of whole values, in the order in which it can be made.
    pub stages: Vec<Stage>,
    /// Where the largest magnitudes of a result that is encoded are found, if they are needed.
    pub largest: Option<Largest>,
}

impl Work {
    /// Whether the host makes any of what its Programs read.
    pub(crate) fn is_made(&self) -> bool {
        !(self.planes.is_empty() && self.stages.is_empty())
    }

    /// Whether two are the same, bit for bit.
    pub(super) fn is_same(&self, other: &Work) -> bool {
        let statistics = || {
            let (own, others) = (&self.statistics, &other.statistics);
            own.len() == others.len() && own.iter().zip(others).all(|(a, b)| a.is_same(b))
        };
        let planes = || {
            let (own, others) = (&self.planes, &other.planes);
            let same = |(a, b): (&Plane, &Plane)| a.slot == b.slot && a.made.is_same(&b.made);
            own.len() == others.len() && own.iter().zip(others).all(same)
        };
        let stages = || {
            let (own, others) = (&self.stages, &other.stages);
            let same = |(a, b): (&Stage, &Stage)| a.slot == b.slot && a.is_same(b);
            own.len() == others.len() && own.iter().zip(others).all(same)
        };
        (self.class, &self.slots) == (other.class, &other.slots)
            && (&self.row, self.largest) == (&other.row, other.largest)
            && statistics()
            && planes()
            && stages()
    }
}

/// How a tensor comes about.
#[derive(Clone, Debug)]
pub enum Action {
    /// Its bytes are those of a model's tensor.
    Copy(Input),
    /// It is computed.
    Merge {
        /// What it is computed of, for all outputs, each input once.
        inputs: Box<[Input]>,
        /// What each output computes.
        outputs: Arc<[Arc<Work>]>,
        /// The stored type of the result.
        float: Float,
        /// Whether its statistics and its merge share one reading, in memory.
        resident: bool,
        /// Where the result is stored as codes, how. It is computed as f32 then, and its entries
        /// are jobs of their own: [`Action::Part`].
        encoded: Option<Arc<Encoded>>,
    },
    /// It is written with the tensor that it is part of.
    Part,
}

/// One of the entries along the first dimension by which a tensor of the output is computed. They
/// lie one after the other, and the job's shape is that of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which part, from 0 on.
    pub part: u64,
    /// How many there are.
    pub parts: u64,
}

/// A tensor of the output, or of each output of a sweep; or a part of it.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its name.
    pub key: String,
    /// Its type.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Arc<[u64]>,
    /// Its elements.
    pub elements: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Where it goes.
    pub place: Place,
    /// Which part of the output's tensor it is, where that is computed expert by expert.
    pub run: Option<Run>,
    /// Whether the CPU computes it, chunk by chunk, whatever computes the others: see
    /// [`MemoryPlan::chunk_elements`](super::MemoryPlan::chunk_elements).
    pub streams: bool,
    /// Whether it is an entry of codes, and no tensor by itself.
    pub is_part: bool,
    /// How it comes about.
    pub action: Action,
    /// Of a copy, where models are compared: every model's tensor, model by model, if all have it.
    pub copies: Box<[Seen]>,
}

impl Job {
    /// Whether it goes on with the tensor of the job before it.
    pub fn goes_on(&self) -> bool {
        self.run.is_some_and(|run| run.part > 0)
    }

    /// The models' tensors that are read for it, each once.
    pub fn inputs(&self) -> &[Input] {
        match &self.action {
            Action::Copy(input) => std::slice::from_ref(input),
            Action::Merge { inputs, .. } => inputs,
            Action::Part => &[],
        }
    }

    /// What each output computes; nothing where it is copied.
    pub fn outputs(&self) -> &[Arc<Work>] {
        match &self.action {
            Action::Copy(_) | Action::Part => &[],
            Action::Merge { outputs, .. } => outputs,
        }
    }

    /// How its result is stored as codes, where it is.
    pub fn encoded(&self) -> Option<&Arc<Encoded>> {
        match &self.action {
            Action::Merge { encoded, .. } => encoded.as_ref(),
            Action::Copy(_) | Action::Part => None,
        }
    }

    /// Whether it is an entry of a file: what is stored as codes is several others.
    pub fn is_entry(&self) -> bool {
        self.encoded().is_none()
    }

    /// Elements of which a multiple is cut from it: a tile, or as many tiles as codes are made of
    /// together.
    pub(crate) fn grain(&self) -> u64 {
        let tile = TILE as u64;
        self.encoded().map_or(tile, |encoded| encoded.grain())
    }

    /// What an output computes; None where it is copied.
    pub fn work(&self, output: OutputId) -> Option<&Work> {
        self.outputs().get(output.index()).map(Arc::as_ref)
    }

    /// How many input slots an output has; one for the bytes of a copy.
    pub(crate) fn slot_count(&self, output: OutputId) -> usize {
        self.work(output).map_or(1, |work| work.slots.len())
    }

    /// The inputs that an output reads, by slot.
    pub fn slots(&self, output: OutputId) -> impl Iterator<Item = (SlotId, &Input)> {
        let copied = match &self.action {
            Action::Copy(input) => Some((SlotId::default(), input)),
            Action::Merge { .. } | Action::Part => None,
        };
        let slots = self.work(output).map_or(&[][..], |work| &work.slots);
        let inputs = self.inputs();
        let read = SlotId::all().zip(slots);
        let read = read.filter_map(|(slot, at)| Some((slot, &inputs[(*at)?.index()])));
        copied.into_iter().chain(read)
    }

    /// The planes that the host makes for it, of all outputs.
    pub fn planes(&self) -> impl Iterator<Item = &Plane> {
        self.outputs().iter().flat_map(|work| &work.planes)
    }

    /// Whether parts of its work are done on the host alone.
    pub fn needs_host(&self) -> bool {
        let outputs = self.outputs().iter();
        let joint = self.joints().next().is_some();
        joint
            || outputs
                .into_iter()
                .any(|work| work.is_made() || work.statistics.iter().any(Statistic::needs_host))
    }

    /// Whether some output has statistics, and all that there are can be found from it alone.
    pub(super) fn has_local_statistics(&self) -> bool {
        let any = |work: &Arc<Work>| !work.statistics.is_empty();
        self.outputs().iter().any(any) && !self.has_global_statistics()
    }

    /// Whether some statistic is about more than its own tensor.
    pub(super) fn has_global_statistics(&self) -> bool {
        let global = |statistic: &Statistic| statistic.scope != Scope::Tensor;
        let mut outputs = self.outputs().iter();
        outputs.any(|work| work.statistics.iter().any(global))
    }

    /// Bytes of the output that one element makes; of a copy, one byte makes one.
    pub(crate) fn unit_bytes(&self) -> u64 {
        match &self.action {
            Action::Copy(_) | Action::Part => 1,
            Action::Merge { float, .. } => float.bytes() as u64,
        }
    }

    /// The stages of all outputs.
    pub(crate) fn stages(&self) -> impl Iterator<Item = &Stage> {
        self.outputs().iter().flat_map(|work| &work.stages)
    }

    /// Bytes that the host holds of its tensor as a whole: the results of all stages, and what the
    /// greediest of them holds while it runs.
    pub(crate) fn stage_bytes(&self) -> u64 {
        let result = self.elements.saturating_mul(PLANE_BYTES);
        let stages = self.stages();
        let running = stages.map(|stage| stage.bytes(&self.shape, self.elements) - result);
        let results = (self.stages().count() as u64).saturating_mul(result);
        let joints = self.joints().map(Joint::whole_bytes);
        let joints = joints.fold(0, u64::saturating_add);
        let most = running.max().unwrap_or(0);
        results.saturating_add(most).saturating_add(joints)
    }

    /// The operations on several tensors that its inputs come of.
    pub(crate) fn joints(&self) -> impl Iterator<Item = &Joint> {
        self.inputs().iter().flat_map(|input| input.bytes.joints())
    }

    /// Whether the host holds any of its tensor as a whole.
    pub(crate) fn is_whole(&self) -> bool {
        self.stages().next().is_some() || self.joints().next().is_some()
    }

    /// Bytes that the host holds of its columns as a whole: their sums and their numbers.
    pub(super) fn column_bytes(&self) -> u64 {
        let own = self.planes().map(|plane| match &plane.made {
            Made::Columns(sums) => {
                self.columns() * (sums.products.len() as u64 * SUM_BYTES + PLANE_BYTES)
            }
            _ => 0,
        });
        own.sum()
    }

    /// How many elements have one first index: its columns.
    pub(crate) fn columns(&self) -> u64 {
        self.shape.iter().skip(1).product()
    }

    /// Bytes of arena that `elements` of it take for all outputs; of a copy, its bytes.
    pub(crate) fn arena_bytes(&self, elements: u64) -> u64 {
        let padded = |bytes: u64| bytes.next_multiple_of(ARENA_ALIGNMENT as u64);
        match &self.action {
            Action::Copy(_) | Action::Part => padded(elements),
            Action::Merge { inputs, .. } => {
                let inputs = inputs.iter();
                let inputs = inputs.map(|input| padded(elements * input.element_bytes));
                let made = self.planes().count() + self.stages().count();
                inputs.sum::<u64>() + made as u64 * padded(elements * PLANE_BYTES)
            }
        }
    }

    /// Bytes read for it in one pass.
    pub fn input_bytes(&self) -> u64 {
        match &self.action {
            Action::Copy(input) => input.read_bytes(self.bytes / input.element_bytes),
            Action::Merge { inputs, .. } => {
                let inputs = inputs.iter();
                inputs.map(|input| input.read_bytes(self.elements)).sum()
            }
            Action::Part => 0,
        }
    }
}
