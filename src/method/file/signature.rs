//! What a method file's function takes.

use crate::method::{Input, Parameter};

/// What a header says of the function's arguments.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature {
    /// The name of the method, and of the function.
    pub(super) id: &'static str,
    pub(super) inputs: &'static [Input],
    pub(super) parameters: &'static [Parameter],
    /// Whether the last input stands for any number of models.
    pub(super) many: bool,
}
