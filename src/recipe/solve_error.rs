//! What can be wrong with the names in a recipe.

use super::adapter_error::{BAKE, READ};
use super::{AdapterError, Label};
use crate::figures::counted;
use crate::keys::ConfigError;

/// A recipe whose nodes cannot be named consistently.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SolveError {
    #[error("{node}: {fault}")]
    Config { node: Label, fault: ConfigError },
    #[error(
        "{node} mixes tensors named as in {first} with tensors named as in {second}: convert one \
         of them"
    )]
    Conflict {
        node: Label,
        first: String,
        second: String,
    },
    #[error("{node}: {first} and {second} are of different families, which do not merge")]
    Families {
        node: Label,
        first: String,
        second: String,
    },
    #[error(
        "{model} is said to be {config}, but of its {} only {known} can be found in that \
         config; `wgmerge inspect` says what it is",
        counted(*.tensors, "tensor")
    )]
    NotThisConfig {
        model: String,
        config: String,
        known: usize,
        tensors: usize,
    },
    #[error(
        "{node} needs to know the model config, which the models do not show; give it as \
         model_config\n{explanation}"
    )]
    NoConfig { node: Label, explanation: String },
    #[error("{node}: {config} has no component `{name}`; it has {known}")]
    Component {
        node: Label,
        config: String,
        name: String,
        known: String,
    },
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    #[error("{node} stacks what is stacked {limit} times already; so many dimensions are not read")]
    Stacks { node: Label, limit: usize },
    #[error(
        "{what} needs to know the model config of the result, which the models do not show: \
         {models}"
    )]
    NoFamily { what: &'static str, models: String },
    #[error(
        "{model} is no adapter: --lora adds the deltas that the factors of a LoRA or LoKr make; \
         models are merged by a method"
    )]
    NoAdapter { model: String },
    #[error("{model} is {adapter}, which --lora does not add: it reads {READ}; {BAKE}")]
    ForeignAdapter { model: String, adapter: String },
    #[error(
        "{model} is of {family}, and the result is {base}: an adapter fits its own family alone"
    )]
    OtherFamily {
        model: String,
        family: String,
        base: String,
    },
    #[error("{model} holds no VAE that {base} can have")]
    NoVae { model: String, base: String },
    #[error(
        "--clip keeps the result of a merge of two models or more between the first two of them, \
         and this is none: in a recipe, merge by `clamp`"
    )]
    NoBounds,
    #[error(
        "--drop `{pattern}` leaves out nothing of {}{components}",
        counted(*.tensors, "tensor")
    )]
    DropsNothing {
        pattern: String,
        tensors: usize,
        components: String,
    },
    #[error(
        "{node}: {first} and {second} have no tensor in common, so nothing of one meets the other"
    )]
    NothingShared {
        node: Label,
        first: String,
        second: String,
    },
    #[error("{node}: there is no `{name}` in {names}{hint}")]
    Entry {
        node: Label,
        name: String,
        names: String,
        hint: String,
    },
}

impl SolveError {
    /// The line of the recipe's text at which it shows, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            SolveError::Config { node, .. }
            | SolveError::Conflict { node, .. }
            | SolveError::Families { node, .. }
            | SolveError::NoConfig { node, .. }
            | SolveError::Component { node, .. }
            | SolveError::Stacks { node, .. }
            | SolveError::NothingShared { node, .. }
            | SolveError::Entry { node, .. } => node.line(),
            SolveError::Adapter(fault) => fault.line(),
            SolveError::NotThisConfig { .. }
            | SolveError::NoFamily { .. }
            | SolveError::NoAdapter { .. }
            | SolveError::ForeignAdapter { .. }
            | SolveError::OtherFamily { .. }
            | SolveError::NoVae { .. }
            | SolveError::NoBounds
            | SolveError::DropsNothing { .. } => None,
        }
    }
}
