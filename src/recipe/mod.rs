//! What the user asked for: a graph of models and merges, and how to treat what does not fit.
//!
//! Flags, recipe files and Rust programs are front doors to this one graph. It knows no device;
//! [`Solution`] solves it against the models' headers, and [`Lowerer`] writes one tensor of it as
//! arithmetic.

mod adapt;
mod adapter_error;
mod addition;
pub mod average;
mod block_ratios;
mod card;
mod comparison;
pub mod compose;
mod composer;
mod described;
pub mod draw;
mod extend;
mod factors;

mod flags;
mod folder_request;
mod gathering;
mod groups;
mod id;
mod label;
mod layers;
mod leaf;
mod lora;
mod lower;
pub mod mecha;
pub mod mergeflux;
pub mod mergekit;
mod name_set;
mod names;
mod naming;
mod node;
mod options;
mod output_format;
mod pattern;
mod prefix;
mod python;
mod recognise;
mod reconcile;
mod record;
mod renaming;
mod routes;
mod rule;
mod schedule;
mod sides;
mod solution;
mod solve_error;
mod space;
pub mod supermario;
mod sweep;
pub mod target;
mod term;
mod trace;
mod typing;
mod view;
mod walk;

pub use crate::fault::{Fault, Lines};
pub use adapter_error::AdapterError;
pub use addition::Addition;
pub use block_ratios::BlockRatios;
pub use card::Card;
pub use comparison::comparison_of;
pub use flags::{FlagError, merge_of};
pub use folder_request::{FolderRequest, FolderText, SourceLayer, Stack};
pub use gathering::{GatheredRows, Gathering};
pub use id::{ModelId, NodeId};
pub use label::Label;
pub use layers::LayerRoute;
pub use leaf::Leaf;
pub use lora::Lora;
pub use lower::{Loader, Lost, LowerError, Lowerer, NodeValue};
pub use name_set::NameSet;
pub use naming::Names;
pub use node::{Constant, Form, LiteralEntry, Omitted, RecipeNode, Route};
pub use options::{
    BlockOption, Experts, Metadata, Missing, OnNan, OnOverflow, Options, OutputDType, OutputNames,
    ShapePolicy, SideFiles,
};
pub(crate) use options::{broadcast, same_numbers};
pub use output_format::{CodeRounding, CodeScales, OutputFormat, Storing};
pub use pattern::Pattern;
pub(crate) use recognise::FAMILY_SHARE;
pub use recognise::{Recogniser, Unclear};
pub use reconcile::Reconciled;
pub use record::{RECORD, RecordError, Recorded, RecordedInput, RecordedText, record};
pub use renaming::{Renaming, Selection};
pub use routes::{ROUTES, RouteParameter, RouteRow, find_route};
use routes::{cast, cast_names};
pub use rule::Rule;
pub use schedule::{Bound, Named, Schedule, ScheduleError, ScheduleSource, Scheduled, Scope};
pub use solution::{Solution, check_names};
pub use solve_error::SolveError;
pub use space::{SpaceError, spaces};
pub use sweep::{Sweep, SweepError};
pub use typing::Typing;
pub use view::View;

use std::path::PathBuf;
use std::sync::Arc;

use crate::dtype::Float;
use crate::keys::Configs;
use crate::method::Space;

/// A recipe in another program's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// The language, as the record calls it.
    pub dialect: &'static str,
    /// What was written.
    pub text: String,
    /// The name in it of the merge that is meant; None for the one without a name.
    pub name: Option<String>,
    /// What the text calls the models of the recipe, in their order.
    pub references: Vec<String>,
    /// Whether tensors with a row for each token were cut to as many rows as all models have.
    pub truncates: bool,
}

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
    pub reference: ModelId,
    /// How to treat what does not fit, and what the output looks like.
    pub options: Options,
    /// The text that says it in another program's language, for the record.
    pub text: Option<Arc<Text>>,
    /// What it says of the output's folder besides its tensors.
    pub folder: Option<Arc<FolderRequest>>,
    /// The model configs that tensors may be named by.
    pub configs: Arc<Configs>,
    /// The parameter that a sweep set to one of its values.
    pub swept: Option<Sweep>,
}

impl Recipe {
    /// A recipe without text, whose output has the tensors of the first model.
    pub fn new(models: Vec<PathBuf>, nodes: Vec<RecipeNode>, options: Options) -> Recipe {
        Recipe {
            models,
            nodes,
            lines: Vec::new(),
            reference: ModelId::default(),
            options,
            text: None,
            folder: None,
            configs: Arc::default(),
            swept: None,
        }
    }

    /// Whether something of a model is in the result, or was looked up in it. Recipes of several
    /// outputs share their models, of which one may use a part.
    pub fn takes(&self, model: ModelId) -> bool {
        let is = |node: &RecipeNode| match node {
            RecipeNode::Model { model: own, .. } => *own == model,
            _ => false,
        };
        let adds = |addition: &Addition| match addition {
            Addition::Lora { model: own, .. } | Addition::Vae { model: own } => *own == model,
            Addition::Clip | Addition::Drop(_) => false,
        };
        self.reference == model
            || self.folder.is_some()
            || self.nodes.iter().any(is)
            || self.options.additions.iter().any(adds)
    }

    /// The node that is the result.
    pub fn root(&self) -> NodeId {
        NodeId::new(self.nodes.len().saturating_sub(1))
    }

    /// What a node is and where it stands, for messages.
    pub fn label(&self, id: NodeId) -> Label {
        let what = match &self.nodes[id.index()] {
            RecipeNode::Model { model, .. } => {
                format!("model \"{}\"", self.models[model.index()].display())
            }
            node => node.describe(),
        };
        Label::new(self.lines.get(id.index()).copied(), what)
    }

    /// Whether nothing is routed and models are merged as they are: the tensors of the output are
    /// then those of the reference model, and every model is compared with it.
    pub fn is_plain(&self) -> bool {
        let plain = |node: &RecipeNode| match node {
            RecipeNode::Model { space, .. } => *space != Space::Param,
            RecipeNode::Literal { entries, .. } => {
                let mut entries = entries.values();
                entries.all(|entry| matches!(entry, LiteralEntry::Constant(_)))
            }
            RecipeNode::Merge { .. } => true,
            RecipeNode::Route { .. } => false,
        };
        let is_literal = |node: &RecipeNode| matches!(node, RecipeNode::Literal { .. });
        !self.nodes.last().is_some_and(is_literal) && self.nodes.iter().all(plain)
    }

    /// The first model that the result is made from.
    pub fn primary_model(&self) -> ModelId {
        let mut id = self.root();
        loop {
            match &self.nodes[id.index()] {
                RecipeNode::Model { model, .. } => return *model,
                node => match node.operands().first() {
                    Some(&operand) => id = operand,
                    None => return ModelId::default(),
                },
            }
        }
    }

    /// The type to which the recipe rounds its result, if it ends in that.
    pub fn cast(&self) -> Option<Float> {
        let mut id = self.root();
        loop {
            match &self.nodes[id.index()] {
                RecipeNode::Route {
                    route: Route::Cast(Some(float)),
                    ..
                } => return Some(*float),
                RecipeNode::Route {
                    route:
                        Route::Fallback
                        | Route::Convert(_)
                        | Route::OmitNonFinite(_)
                        | Route::OmitComponent(_)
                        | Route::OmitMatching(_)
                        | Route::Rename(_)
                        | Route::Gather(_)
                        | Route::Layers(_)
                        | Route::Typed(_),
                    inputs,
                } => id = inputs[0],
                _ => return None,
            }
        }
    }
}
