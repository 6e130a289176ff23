//! The table of merge methods.
//!
//! A method is a row: its identifier, source, inputs, parameters and a function that writes its
//! arithmetic into a tensor's [`Expression`](crate::kernel::Expression). Help, documentation,
//! checking, the command line and tests read the same table. No code here runs per element.

mod add_difference;
mod consensus;
mod dare;
mod linear;
mod lowering;
mod parameter;
mod slerp;
mod task_arithmetic;
mod ties;

pub use lowering::{Argument, Lowering};
pub use parameter::{
    Default, Parameter, ParameterError, Parameters, Range, Shape, Value, parameter_named,
};

use crate::kernel::Node;

/// What a value means: a model's weights, a difference of models, or a hyper-parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Space {
    /// A model.
    Weight,
    /// A difference of models: a task vector.
    Delta,
    /// A number or a field of numbers that steers a method.
    Param,
}

/// Whether a method works relative to a base model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    /// It takes no base.
    None,
    /// It needs one.
    Required,
    /// The base is the first of its models.
    First,
}

/// A merge method.
#[derive(Debug)]
pub struct Method {
    /// The name in recipes and on the command line.
    pub id: &'static str,
    /// One sentence.
    pub summary: &'static str,
    /// What is computed, element by element.
    pub formula: &'static str,
    /// Paper, equation or tool that defines it.
    pub source: &'static str,
    /// Whether it takes a base model.
    pub base: Base,
    /// The least number of models besides a required base.
    pub models_min: usize,
    /// The greatest number of models besides a required base.
    pub models_max: usize,
    /// The space of the models.
    pub space: Space,
    /// The space of the result.
    pub result: Space,
    /// What can be set.
    pub parameters: &'static [Parameter],
    /// Writes the arithmetic of one tensor.
    pub lower: fn(&mut Lowering<'_>) -> Node,
}

/// Every method, in the order of the documentation.
pub static METHODS: &[&Method] = &[
    &linear::LINEAR,
    &linear::N_AVERAGE,
    &slerp::SLERP,
    &add_difference::ADD_DIFFERENCE,
    &task_arithmetic::TASK_ARITHMETIC,
    &ties::TIES,
    &dare::DARE_LINEAR,
    &dare::DARE_TIES,
    &dare::DARE_THEN_TIES,
];

/// The method with this identifier.
pub fn find(id: &str) -> Option<&'static Method> {
    METHODS.iter().copied().find(|method| method.id == id)
}
