//! Parameters that differ between the tensors of a merge.
//!
//! Block weights, gradients, filters and windows of blocks are all one thing: they give a
//! merge's parameters by the name of the tensor. A [`ScheduleSource`] is what the user wrote;
//! bound to the tensors of the merge, once they are known, it is a [`Schedule`].

use std::fmt::Debug;
use std::sync::Arc;

use serde_json::Value as Json;

use super::Rule;
use crate::keys::{BlockError, BlockRatio};
use crate::method::ParameterValue;

/// Parameters of a merge, by the names of its tensors.
pub trait Schedule: Debug + Send + Sync {
    /// The parameters that a tensor has of its own, by the name that the merge's node gives it.
    fn parameters(&self, name: &str) -> Vec<(&'static str, ParameterValue)>;

    /// Whether the model at a position takes part in the merge of a tensor. One that does not
    /// counts as if the merge did not have it.
    fn takes_part(&self, name: &str, position: usize) -> bool {
        let _ = (name, position);
        true
    }

    /// What the record of the merge says of it, where that is not in the text of the recipe or
    /// among its options: `true`, that there is one.
    fn record(&self) -> Json {
        Json::Bool(true)
    }
}

/// What the user wrote, before the tensors are known.
pub trait ScheduleSource: Debug + Send + Sync {
    /// The schedule for the tensors of a merge.
    ///
    /// # Errors
    /// What is wrong with it for these tensors, in words that name the parameter.
    fn bind(&self, tensors: &Scope<'_>) -> Result<Bound, ScheduleError>;
}

/// The tensors of a merge.
pub struct Scope<'s> {
    /// Those that are merged, in the order of the output.
    pub tensors: Vec<Named<'s>>,
    /// The model config that names them.
    pub family: Option<&'s str>,
}

/// A tensor of a merge.
#[derive(Clone, Copy, Debug)]
pub struct Named<'s> {
    /// Its name in the graph.
    pub graph: &'s str,
    /// Its name in the output, by which users speak of it.
    pub output: &'s str,
}

/// A schedule and what there is to say about it.
#[derive(Debug)]
pub struct Bound {
    /// The parameters.
    pub schedule: Arc<dyn Schedule>,
    /// What a reader of the report should know, a line each.
    pub notes: Vec<String>,
    /// What it came to, block by block.
    pub blocks: Vec<BlockRatio>,
}

/// A schedule that does not fit the tensors of its merge.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// Block weights that do not fit.
    #[error(transparent)]
    Blocks(Box<BlockError>),
    /// The parameter is given beside it, too.
    #[error("`{ratio}` is given beside the block weights")]
    Twice {
        /// The parameter.
        ratio: &'static str,
    },
}

/// The schedule of a merge in a recipe.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum Scheduled {
    /// As it was written.
    Open(Rule<dyn ScheduleSource>),
    /// Bound to the tensors of its merge.
    Bound(Rule<dyn Schedule>),
}
