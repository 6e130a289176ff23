//! What the user asked for: a graph of models and merges, and how to treat what does not fit.
//!
//! Flags and recipe files are front doors to this one graph. It knows no device and no header.

mod flags;
mod options;
mod record;

pub use flags::{FlagError, merge_of};
pub use options::{Metadata, Missing, OnNan, Options, OutputDType, ShapePolicy};
pub use record::record;

use std::path::PathBuf;

use crate::kernel::{Expression, Node};
use crate::method::{Argument, Lowering, Method, Parameters};

/// A node of a recipe, by its number. Nodes refer to earlier ones only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub usize);

/// A value of a recipe.
#[derive(Clone, Debug)]
pub enum RecipeNode {
    /// A model, by its number in [`Recipe::models`].
    Model(usize),
    /// A merge of other nodes.
    Merge {
        /// The method.
        method: &'static Method,
        /// The base model, where the method takes one.
        base: Option<NodeId>,
        /// The models.
        models: Vec<NodeId>,
        /// The parameters, checked.
        parameters: Parameters,
    },
}

/// A recipe.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Where the models are.
    pub models: Vec<PathBuf>,
    /// The graph; the last node is the result.
    pub nodes: Vec<RecipeNode>,
    /// The model whose tensors the output has: the base, else the first.
    pub reference: usize,
    /// How to treat what does not fit, and what the output looks like.
    pub options: Options,
}

impl Recipe {
    /// Writes one tensor's arithmetic. `load` gives a model's value, or None where it lacks the
    /// tensor; the result is None where no model has it.
    pub fn lower(
        &self,
        key: &str,
        expression: &mut Expression,
        load: &mut dyn FnMut(&mut Expression, usize) -> Option<Node>,
    ) -> Option<Node> {
        let mut values: Vec<Option<Node>> = Vec::with_capacity(self.nodes.len());
        for (number, node) in self.nodes.iter().enumerate() {
            let value = match node {
                RecipeNode::Model(model) => load(expression, *model),
                RecipeNode::Merge {
                    method,
                    base,
                    models,
                    parameters,
                } => {
                    let base = base.map(|base| values[base.0]);
                    let models = models
                        .iter()
                        .enumerate()
                        .filter_map(|(position, id)| {
                            values[id.0].map(|node| Argument { position, node })
                        })
                        .collect();
                    let merge = Merge {
                        method,
                        parameters,
                        number,
                    };
                    self.lower_merge(key, expression, merge, base, models)
                }
            };
            values.push(value);
        }
        values.pop().flatten()
    }

    fn lower_merge(
        &self,
        key: &str,
        expression: &mut Expression,
        merge: Merge<'_>,
        base: Option<Option<Node>>,
        models: Vec<Argument>,
    ) -> Option<Node> {
        let base = match base {
            None => None,
            // Without the base there is no task vector.
            Some(None) => return models.first().map(|model| model.node),
            Some(base) => base,
        };
        if models.is_empty() {
            return base;
        }
        let mut lowering = Lowering {
            expression,
            base,
            models,
            parameters: merge.parameters,
            key,
            seed: self.options.seed,
            merge: merge.number as u32,
        };
        Some((merge.method.lower)(&mut lowering))
    }
}

/// What is merged how, of a merge node.
struct Merge<'a> {
    method: &'static Method,
    parameters: &'a Parameters,
    number: usize,
}
