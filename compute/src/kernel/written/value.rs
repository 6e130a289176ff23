//! What a running function computes with.

use naga::{Handle, LocalVariable};

use crate::kernel::Node;

/// A number: known, or one per element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Number {
    /// This one.
    Known(f32),
    /// A value of the expression.
    Each(Node),
}

/// A condition: known, or one per element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Truth {
    /// This one.
    Known(bool),
    /// 1 where it holds, 0 elsewhere.
    Each(Node),
}

/// A value of a running function.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// An f32.
    Number(Number),
    /// A bool.
    Truth(Truth),
    /// A u32. Integers count and index: none hangs on elements.
    Unsigned(u32),
    /// An i32.
    Signed(i32),
    /// An integer that is another one for some elements: it must not be used.
    Mixed,
    /// The parts of an array, a vector or a struct.
    Parts(Vec<Value>),
    /// A variable, or a part of one.
    Place(Place),
}

/// Where a variable's value, or a part of it, is.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    pub(super) variable: Handle<LocalVariable>,
    /// The parts of parts that lead to it.
    pub(super) path: Vec<usize>,
}

impl Value {
    /// A number that is known.
    pub fn known(number: f32) -> Value {
        Value::Number(Number::Known(number))
    }

    /// A number per element.
    pub fn each(node: Node) -> Value {
        Value::Number(Number::Each(node))
    }

    /// Whether it is an integer, or has one.
    pub(super) fn counts(&self) -> bool {
        match self {
            Value::Unsigned(_) | Value::Signed(_) | Value::Mixed => true,
            Value::Parts(parts) => parts.iter().any(Value::counts),
            _ => false,
        }
    }

    /// What it is, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Number(_) => "f32",
            Value::Truth(_) => "bool",
            Value::Unsigned(_) => "u32",
            Value::Signed(_) => "i32",
            Value::Mixed => "an integer that hangs on elements",
            Value::Parts(_) => "a value of several parts",
            Value::Place(_) => "a pointer",
        }
    }
}

impl Place {
    /// A part of it.
    pub(super) fn part(&self, number: usize) -> Place {
        let mut path = self.path.clone();
        path.push(number);
        Place {
            variable: self.variable,
            path,
        }
    }
}

/// A part of a value, by the parts that lead to it.
pub(super) fn part_of<'v>(value: &'v mut Value, path: &[usize]) -> Option<&'v mut Value> {
    let mut value = value;
    for &number in path {
        value = match value {
            Value::Parts(parts) => parts.get_mut(number)?,
            _ => return None,
        };
    }
    Some(value)
}
