//! The nodes of a recipe.

use std::hash::{DefaultHasher, Hash, Hasher};

use indexmap::IndexMap;

use super::renaming::{Renaming, Selection};
use super::{Gathering, LayerRoute, ModelId, NodeId, Pattern, Rule, Scheduled, Typing};
use crate::dtype::{DType, Float};
use crate::keys::Conversion;
use crate::method::{Method, ParameterValue, Parameters, Space, hash_number};

/// A value of a recipe.
#[derive(Clone, Debug, PartialEq)]
pub enum RecipeNode {
    /// A model.
    Model {
        /// Which.
        model: ModelId,
        /// How its tensors are named.
        form: Form,
        /// What it holds.
        space: Space,
    },
    /// Numbers, words or nodes by name: of tensors, of blocks, or `key` for all.
    Literal {
        /// The values.
        entries: IndexMap<String, LiteralEntry>,
        /// Whose names they have.
        form: Form,
        /// What they are, if that is said.
        space: Option<Space>,
    },
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
        /// Parameters that differ between tensors or elements: nodes that give them.
        given: Vec<(&'static str, NodeId)>,
        /// Parameters that differ between tensors by their names.
        schedule: Option<Scheduled>,
    },
    /// Values passed on without arithmetic.
    Route {
        /// Which and how.
        route: Route,
        /// Of what.
        inputs: Vec<NodeId>,
    },
}

/// How the tensors of a model or literal are named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Form {
    /// As the model config that its names and shapes show, else by their own names.
    #[default]
    Inferred,
    /// By their own names, whatever they look like.
    Own,
    /// As a model config, by its identifier.
    Config(String),
    /// One value named `key`, for every tensor.
    Singleton,
}

/// A value of a literal.
#[derive(Clone, Debug, PartialEq, Hash)]
pub enum LiteralEntry {
    /// A constant.
    Constant(Constant),
    /// Another node.
    Node(NodeId),
}

/// A constant of a recipe.
#[derive(Clone, Debug, PartialEq)]
pub enum Constant {
    /// Nothing: the default.
    Null,
    /// Yes or no.
    Flag(bool),
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
}

impl Constant {
    /// The value as a parameter takes it; None for null, which leaves the default.
    pub fn given(&self) -> Option<ParameterValue> {
        match self {
            Constant::Null => None,
            Constant::Flag(flag) => Some(ParameterValue::Flag(*flag)),
            Constant::Number(number) => Some(ParameterValue::Numbers(vec![*number])),
            Constant::Text(text) => Some(ParameterValue::Word(text.clone())),
        }
    }
}

impl std::fmt::Display for Constant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Constant::Null => f.write_str("null"),
            Constant::Flag(flag) => write!(f, "{flag}"),
            Constant::Number(number) => write!(f, "{number}"),
            Constant::Text(text) => write!(f, "{text:?}"),
        }
    }
}

impl Hash for Constant {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Constant::Null => {}
            Constant::Flag(flag) => flag.hash(state),
            Constant::Number(number) => hash_number(*number, state),
            Constant::Text(text) => text.hash(state),
        }
    }
}

/// Which tensors are left out where they hold infinities or NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Omitted {
    /// Those that the model config demands.
    pub mandatory: bool,
    /// Those that it calls optional, or does not know.
    pub optional: bool,
}

impl Omitted {
    /// All of them.
    pub const ALL: Omitted = Omitted {
        mandatory: true,
        optional: true,
    };
}

/// How values are passed on.
#[derive(Clone, Debug, PartialEq)]
pub enum Route {
    /// The first input where it has the tensor, else the second.
    Fallback,
    /// Rounded to a type, if one is given.
    Cast(Option<Float>),
    /// Rounded toward zero, to what a type of integers holds.
    Whole(DType),
    /// Rounded to the type that the second input names.
    CastTo,
    /// The name of the type that values are computed in.
    TypeName,
    /// The name of the device that values are computed on, as sd-mecha says it.
    DeviceName,
    /// The tensors of one component of the model config.
    PickComponent(String),
    /// The tensors of all other components.
    OmitComponent(String),
    /// The tensors whose names do not match.
    OmitMatching(Pattern),
    /// The inputs one after the other along a new first dimension.
    Stack,
    /// The tensors without infinities and NaN; others pass.
    OmitNonFinite(Omitted),
    /// The same value for every tensor.
    ConvertSingleton,
    /// The tensors in another key format.
    Convert(&'static Conversion),
    /// The tensors under other names.
    Rename(Rule<dyn Renaming>),
    /// Tensors that count as being of a type, which they are of already.
    Typed(Rule<dyn Typing>),
    /// Of each tensor the input that a rule says.
    Select(Rule<dyn Selection>),
    /// The tensors of the first input, some with rows of the others.
    Gather(Rule<dyn Gathering>),
    /// The tensors of the first input, each made of those of its layer.
    Layers(LayerRoute),
}

impl Route {
    /// The identifier in recipes.
    pub fn id(&self) -> String {
        match self {
            Route::Fallback => "fallback".to_owned(),
            Route::Cast(_) | Route::Whole(_) | Route::CastTo => "cast".to_owned(),
            Route::TypeName => "get_dtype".to_owned(),
            Route::DeviceName => "get_device".to_owned(),
            Route::PickComponent(_) => "pick_component".to_owned(),
            Route::OmitComponent(_) => "omit_component".to_owned(),
            Route::OmitMatching(_) => "omit_matching".to_owned(),
            Route::Stack => "stack".to_owned(),
            Route::OmitNonFinite(_) => "omit_non_finite".to_owned(),
            Route::ConvertSingleton => "convert_singleton".to_owned(),
            Route::Convert(conversion) => conversion.id(),
            Route::Rename(_) => "rename".to_owned(),
            Route::Typed(_) => "typed".to_owned(),
            Route::Select(_) => "select".to_owned(),
            Route::Gather(_) => "gather".to_owned(),
            Route::Layers(route) => route.id().to_owned(),
        }
    }
}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            Route::Cast(float) => float.hash(state),
            Route::Whole(dtype) => dtype.hash(state),
            Route::PickComponent(name) | Route::OmitComponent(name) => name.hash(state),
            Route::OmitMatching(pattern) => pattern.as_str().hash(state),
            Route::Convert(conversion) => conversion.id().hash(state),
            Route::OmitNonFinite(omitted) => omitted.hash(state),
            Route::Rename(rule) => rule.hash(state),
            Route::Typed(rule) => rule.hash(state),
            Route::Select(rule) => rule.hash(state),
            Route::Gather(rule) => rule.hash(state),
            Route::Layers(route) => route.hash(state),
            Route::Fallback
            | Route::Stack
            | Route::ConvertSingleton
            | Route::CastTo
            | Route::TypeName
            | Route::DeviceName => {}
        }
    }
}

impl Hash for RecipeNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::mem::discriminant(self).hash(state);
        match self {
            RecipeNode::Model { model, form, space } => (model, form, space).hash(state),
            RecipeNode::Literal {
                entries,
                form,
                space,
            } => {
                // Equal maps may list their entries in another order.
                let each = entries.iter().map(|entry| {
                    let mut own = DefaultHasher::new();
                    entry.hash(&mut own);
                    own.finish()
                });
                let all = each.fold(0, u64::wrapping_add);
                (entries.len(), all, form, space).hash(state);
            }
            RecipeNode::Merge {
                method,
                base,
                models,
                parameters,
                given,
                schedule,
            } => (method.id, base, models, parameters, given, schedule).hash(state),
            RecipeNode::Route { route, inputs } => (route, inputs).hash(state),
        }
    }
}

impl RecipeNode {
    /// The nodes it is made of: base and models first, then parameters.
    pub fn inputs(&self) -> Vec<NodeId> {
        match self {
            RecipeNode::Model { .. } => Vec::new(),
            RecipeNode::Literal { entries, .. } => entries
                .values()
                .filter_map(|entry| match entry {
                    LiteralEntry::Node(node) => Some(*node),
                    LiteralEntry::Constant(_) => None,
                })
                .collect(),
            RecipeNode::Merge {
                base,
                models,
                given,
                ..
            } => {
                let given = given.iter().map(|(_, node)| *node);
                base.iter()
                    .copied()
                    .chain(models.iter().copied())
                    .chain(given)
                    .collect()
            }
            RecipeNode::Route { inputs, .. } => inputs.clone(),
        }
    }

    /// The nodes whose tensors its tensors are made of: without parameters.
    pub fn operands(&self) -> Vec<NodeId> {
        match self {
            RecipeNode::Merge { base, models, .. } => {
                base.iter().copied().chain(models.iter().copied()).collect()
            }
            other => other.inputs(),
        }
    }

    /// The operand at a position.
    pub fn operand(&self, at: usize) -> Option<NodeId> {
        match self {
            RecipeNode::Merge { base, models, .. } => match base {
                Some(base) if at == 0 => Some(*base),
                base => models.get(at - usize::from(base.is_some())).copied(),
            },
            RecipeNode::Route { inputs, .. } => inputs.get(at).copied(),
            other => other.operands().get(at).copied(),
        }
    }

    /// Gives every node that it refers to another number.
    pub fn renumber(&mut self, number: &mut impl FnMut(NodeId) -> NodeId) {
        match self {
            RecipeNode::Model { .. } => {}
            RecipeNode::Literal { entries, .. } => {
                for entry in entries.values_mut() {
                    if let LiteralEntry::Node(node) = entry {
                        *node = number(*node);
                    }
                }
            }
            RecipeNode::Merge {
                base,
                models,
                given,
                ..
            } => {
                let given = given.iter_mut().map(|(_, node)| node);
                for node in base.iter_mut().chain(models).chain(given) {
                    *node = number(*node);
                }
            }
            RecipeNode::Route { inputs, .. } => {
                for node in inputs {
                    *node = number(*node);
                }
            }
        }
    }

    /// What it is, in a few words, for messages.
    pub fn describe(&self) -> String {
        match self {
            RecipeNode::Model { .. } => "model".to_owned(),
            RecipeNode::Literal { .. } => "literal".to_owned(),
            RecipeNode::Merge { method, .. } => format!("merge \"{}\"", method.id),
            RecipeNode::Route { route, .. } => format!("merge \"{}\"", route.id()),
        }
    }
}
