//! Values in expressions.

use super::{Operand, ValueId};

/// A value in an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node(pub(super) ValueId);

impl Node {
    /// The number of its step.
    pub(super) fn index(self) -> usize {
        self.0.index()
    }
}

impl From<Node> for Operand {
    fn from(node: Node) -> Operand {
        Operand::Value(node.0)
    }
}
