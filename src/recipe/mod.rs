//! What the user asked for: a graph of models and merges, and how to treat what does not fit.
//!
//! Flags, recipe files and Rust programs are front doors to this one graph. It knows no device;
//! [`Solution`] solves it against the models' headers, and [`Lowerer`] writes one tensor of it as
//! arithmetic.

mod adapt;
pub mod compose;
mod composer;
pub mod draw;
mod factors;
mod flags;
mod groups;
mod label;
mod lower;
pub mod mecha;
mod names;
mod node;
mod options;
mod recognise;
mod record;
mod solution;
mod space;
mod sweep;
mod trace;
mod view;
mod walk;

pub use factors::AdapterError;
pub use flags::{FlagError, merge_of};
pub use label::Label;
pub use lower::{Leaf, Loader, Lost, LowerError, Lowerer, Value};
pub use names::NameSet;
pub use node::{Constant, Entry, Form, NodeId, Omitted, RecipeNode, Route};
pub use options::{BlockOption, Metadata, Missing, OnNan, Options, OutputDType, ShapePolicy};
pub use record::record;
pub use solution::{Names, Solution, SolveError, check_names};
pub use space::{SpaceError, spaces};
pub use sweep::{Sweep, SweepError};
pub use view::View;

use std::path::PathBuf;
use std::sync::Arc;

use crate::dtype::Float;
use crate::keys::Configs;

/// A recipe.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Where the models are.
    pub models: Vec<PathBuf>,
    /// The graph; the last node is the result.
    pub nodes: Vec<RecipeNode>,
    /// The line of the recipe's text that says each node; empty where there is no text.
    pub lines: Vec<usize>,
    /// The model whose tensors the output has: the base, else the first.
    pub reference: usize,
    /// How to treat what does not fit, and what the output looks like.
    pub options: Options,
    /// The model configs that tensors may be named by.
    pub configs: Arc<Configs>,
}

impl Recipe {
    /// The node that is the result.
    pub fn root(&self) -> NodeId {
        NodeId(self.nodes.len().saturating_sub(1))
    }

    /// What a node is and where it stands, for messages.
    pub fn label(&self, id: NodeId) -> Label {
        let what = match &self.nodes[id.0] {
            RecipeNode::Model { model, .. } => {
                format!("model \"{}\"", self.models[*model].display())
            }
            node => node.describe(),
        };
        Label::new(self.lines.get(id.0).copied(), what)
    }

    /// Whether every node is a model or a merge of models by their own names: the tensors of the
    /// output are then those of the reference model.
    pub fn is_plain(&self) -> bool {
        self.nodes.iter().all(|node| match node {
            RecipeNode::Model { form, .. } => *form == Form::Own,
            RecipeNode::Merge { .. } => true,
            RecipeNode::Literal { form, .. } => *form == Form::Own,
            RecipeNode::Route { .. } => false,
        })
    }

    /// The first model that the result is made from.
    pub fn primary_model(&self) -> usize {
        let mut id = self.root();
        loop {
            match &self.nodes[id.0] {
                RecipeNode::Model { model, .. } => return *model,
                node => match node.operands().first() {
                    Some(&operand) => id = operand,
                    None => return 0,
                },
            }
        }
    }

    /// The type to which the recipe rounds its result, if it ends in that.
    pub fn cast(&self) -> Option<Float> {
        let mut id = self.root();
        loop {
            match &self.nodes[id.0] {
                RecipeNode::Route {
                    route: Route::Cast(Some(float)),
                    ..
                } => return Some(*float),
                RecipeNode::Route {
                    route: Route::Fallback | Route::Convert(_) | Route::OmitNonFinite(_),
                    inputs,
                } => id = inputs[0],
                _ => return None,
            }
        }
    }
}
