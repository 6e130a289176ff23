//! Operations on several tensors that belong together, of shapes of their own: the weights and
//! biases of a layer, those of several models, statistics of its inputs.

mod balance;
mod permute;
mod rebasin;
mod regmean;
mod shuffle;
mod units;

use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

pub use balance::{Balance, Side};
pub use rebasin::Rebasin;
pub use regmean::RegMean;
pub use shuffle::Shuffle;
pub use units::{Member, Units};

use super::linear::Loops;

/// An operation on whole tensors of f32, row-major, that gives one of them anew. Its bits hang on
/// nothing but its numbers and values.
pub trait JointOp: Debug + Send + Sync {
    /// Its name.
    fn name(&self) -> &'static str;

    /// What it does to a tensor, as in "too little memory to balance the heads of `key`".
    fn purpose(&self) -> &'static str;

    /// What its result hangs on besides the values.
    fn numbers(&self) -> Vec<u64>;

    /// Whether the elements of its result are those of the tensor, in another order.
    fn moves(&self) -> bool;

    /// Whether its result hangs on values; else on shapes alone.
    fn reads(&self) -> bool {
        true
    }

    /// Says what is wrong with tensors of these shapes, as in "have no rows".
    fn check(&self, shapes: &[Vec<u64>]) -> Result<(), String>;

    /// Bytes that it holds at most besides its values and its result.
    fn working_bytes(&self, shapes: &[Vec<u64>]) -> u64;

    /// The result for tensor number `part`. Values are finite; there are none where it
    /// [reads](JointOp::reads) none.
    fn run(
        &self,
        loops: &dyn Loops,
        shapes: &[Vec<u64>],
        values: Vec<Vec<f32>>,
        part: usize,
    ) -> Joined;
}

/// What an operation on several tensors gives.
#[derive(Clone, Debug, PartialEq)]
pub enum Joined {
    /// Of all tensors that change the orders of their elements, by number.
    Orders(Vec<Order>),
    /// The values of one tensor.
    Values(Vec<f32>),
}

/// The order in which the entries along a dimension are taken; all other dimensions stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Order {
    /// The dimension.
    pub axis: usize,
    /// For each entry where it was.
    pub from: Vec<u32>,
}

/// An operation that several tensors share. Two are equal where they have the same result.
#[derive(Clone, Debug)]
pub struct SharedOp(pub Arc<dyn JointOp>);

impl PartialEq for SharedOp {
    fn eq(&self, other: &SharedOp) -> bool {
        self.0.name() == other.0.name() && self.0.numbers() == other.0.numbers()
    }
}

impl Eq for SharedOp {}

impl Hash for SharedOp {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name().hash(state);
        self.0.numbers().hash(state);
    }
}
