//! What operations on several tensors take.

use super::{Joint, JointSource};
use crate::checkpoint::heap_bytes;

impl JointSource {
    /// Its elements.
    pub fn elements(&self) -> u64 {
        self.shape.iter().product()
    }

    fn read_bytes(&self, elements: u64) -> u64 {
        self.bytes.read_bytes(elements, self.dtype.unit().bytes)
    }
}

impl Joint {
    /// The tensor as it was.
    pub fn source(&self) -> &JointSource {
        &self.sources[self.part]
    }

    /// Whether another is given by the same operation, whichever tensor it is.
    pub fn is_beside(&self, other: &Joint) -> bool {
        self.op == other.op && self.sources == other.sources
    }

    /// Bytes of the files that are read for so many elements: all of what the operation is on,
    /// once, and the elements themselves where they are moved.
    pub(in crate::plan) fn read_bytes(&self, elements: u64) -> u64 {
        let all = self
            .sources
            .iter()
            .map(|own| own.read_bytes(own.elements()));
        let all = if self.op.0.reads() { all.sum() } else { 0 };
        match self.op.0.moves() {
            true => all + self.source().read_bytes(elements),
            false => all,
        }
    }

    /// The shapes of what the operation is on.
    pub fn shapes(&self) -> Vec<Vec<u64>> {
        self.sources.iter().map(|own| own.shape.clone()).collect()
    }

    /// Bytes of the result while its tensor is worked on. Orders stay, see
    /// [`held_bytes`](Joint::held_bytes).
    pub(crate) fn result_bytes(&self) -> u64 {
        match self.op.0.moves() {
            true => 0,
            false => self
                .source()
                .elements()
                .saturating_mul(size_of::<f32>() as u64),
        }
    }

    /// Bytes that a lane holds of it: the values and the operation, then the result.
    pub(crate) fn whole_bytes(&self) -> u64 {
        let elements = self.sources.iter().map(JointSource::elements);
        let values = if self.op.0.reads() { elements.sum() } else { 0 };
        let values = u64::saturating_mul(values, size_of::<f32>() as u64);
        let working = self.op.0.working_bytes(&self.shapes());
        values
            .saturating_add(working)
            .saturating_add(self.result_bytes())
    }

    /// Bytes that it takes in a plan, and of the order that is found.
    pub(in crate::plan) fn held_bytes(&self) -> u64 {
        let sources = self.sources.iter().map(|own| {
            let own_bytes = own.bytes.held_bytes() + heap_bytes(own.name.len());
            own_bytes + heap_bytes(size_of_val(own.shape.as_slice()))
        });
        let table = heap_bytes(size_of::<Joint>() + size_of_val(self.sources.as_slice()));
        let order = match self.op.0.moves() {
            true => {
                let along = self.source().shape.iter().copied().max().unwrap_or(0);
                heap_bytes((along as usize).saturating_mul(size_of::<u32>()))
            }
            false => 0,
        };
        table + sources.sum::<u64>() + order
    }
}
