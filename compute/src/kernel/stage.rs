//! Stages: steps of a tensor's work that the host does on whole values.
//!
//! What every element of a result hangs on all elements of its inputs for, an order, a transform, a
//! decomposition, no Program can compute tile by tile. A stage has the values it needs computed by
//! Programs into buffers, does its operation on them, and keeps the result in a buffer that later
//! Programs read as an input of f32. The buffers are planned: see [`HostOp::working_bytes`].

use std::fmt::Debug;
use std::sync::Arc;

use super::linear::Loops;
use super::{Node, SlotId};

/// An operation on whole tensors of f32, row-major, all of one shape. Its bits hang on nothing but
/// its numbers and values: not on threads, instruction sets or machines.
pub trait HostOp: Debug + Send + Sync {
    /// Its name: stages of one name differ in their numbers at most.
    fn name(&self) -> &'static str;

    /// What it does to a tensor, as in "too little memory to rank the entries of `key`".
    fn purpose(&self) -> &'static str;

    /// What spares it, as in "raise --memory or set della_eps to 0".
    fn instead(&self) -> Option<&'static str> {
        None
    }

    /// What its result hangs on besides the values.
    fn numbers(&self) -> Vec<u64>;

    /// Elements of a tensor that it can take.
    fn elements_max(&self) -> u64 {
        u64::MAX
    }

    /// Bytes that it holds at most besides its values, of which there are so many, and its result.
    fn working_bytes(&self, shape: &[u64], values: u64) -> u64;

    /// The result, of as many elements as each of the values. `loops` are compiled for the machine.
    fn run(&self, loops: &dyn Loops, shape: &[u64], values: Vec<Vec<f32>>) -> Vec<f32>;
}

/// A stage of an expression.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The input slot in which Programs find the result.
    pub slot: SlotId,
    /// What is done.
    pub op: Arc<dyn HostOp>,
    /// To what.
    pub values: Vec<Node>,
}

impl Stage {
    /// Whether another does the same operation to the same values, whatever its numbers.
    pub(super) fn is_like(&self, other: &Stage) -> bool {
        self.op.name() == other.op.name() && self.values == other.values
    }

    /// Whether two stages of one tensor have the same result.
    pub fn is_same(&self, other: &Stage) -> bool {
        self.is_like(other) && self.op.numbers() == other.op.numbers()
    }

    /// Bytes that are held while it runs, its result included.
    pub fn bytes(&self, shape: &[u64], elements: u64) -> u64 {
        let held = (self.values.len() as u64 + 1).saturating_mul(elements.saturating_mul(4));
        held.saturating_add(self.op.working_bytes(shape, self.values.len() as u64))
    }
}
