//! Recipes composed in Rust, as sd-mecha composes them in Python.
//!
//! A [`Value`] is a model, a number or a merge of other values; it is cheap to clone, and a value
//! that is used twice is evaluated once. Operators stand for the commonest merges: `a - b` is a
//! task vector, `a + d` adds one, `d * 0.5` scales one, `a | b` falls back to `b` where `a` has no
//! tensor. [`Value::into_recipe`] checks everything that can be checked without the models.
//!
//! ```
//! use wgmerge::recipe::compose::{merge, model};
//! use wgmerge::recipe::Options;
//!
//! let [a, b, base] = ["a", "b", "base"].map(|name| model(format!("{name}.safetensors")));
//! let soup = merge("weighted_sum").input(&a).input(&b).set("alpha", 0.4).value();
//! let ties = merge("ties_sum").input(&a - &base).input(&b - &base).set("k", 0.3).value();
//! let recipe = (soup + ties * 0.7).into_recipe(Options::default())?;
//! assert_eq!(recipe.models.len(), 3);
//! # Ok::<(), wgmerge::recipe::compose::ComposeError>(())
//! ```

use std::collections::HashMap;
use std::ops::{Add, BitOr, Mul, Sub};
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::{
    Constant, Entry, Form, NodeId, Options, Recipe, RecipeNode, Route, SpaceError, spaces,
};
use crate::keys::{Configs, conversion};
use crate::method::{ParameterError, Parameters, Space, in_recipes};

/// A value of a recipe that is being composed.
#[derive(Clone, Debug)]
pub struct Value(Arc<Term>);

#[derive(Debug)]
enum Term {
    Model(PathBuf, Form, Space),
    Literal(IndexMap<String, Constant>, Form),
    Merge(Merge),
    Route(Route, Vec<Value>),
    Convert(Value, Vec<&'static conversion::Conversion>),
    Unconvertible(String, String),
}

/// A merge while its inputs and parameters are given.
#[derive(Clone, Debug)]
pub struct Merge {
    method: String,
    inputs: Vec<Value>,
    parameters: Vec<(String, Given)>,
}

/// A parameter of a merge: a constant, or a value of its own for each tensor or element.
#[derive(Clone, Debug)]
pub enum Given {
    /// The same for all tensors.
    Constant(Constant),
    /// A recipe.
    Value(Value),
}

/// Values that make no recipe.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ComposeError {
    #[error("there is no method `{id}` for recipes; `wgmerge methods` lists them")]
    UnknownMethod { id: String },
    #[error("method `{method}` takes {wanted} inputs, {given} given")]
    Inputs {
        method: &'static str,
        wanted: String,
        given: usize,
    },
    #[error(transparent)]
    Parameter(#[from] ParameterError),
    #[error(transparent)]
    Space(#[from] SpaceError),
    #[error("no conversion leads from {from} to {to}; `wgmerge configs` lists what there is")]
    NoConversion { from: String, to: String },
}

/// A model: a `.safetensors` file or a folder. Its model config is recognised.
pub fn model(path: impl Into<PathBuf>) -> Value {
    Value::new(Term::Model(path.into(), Form::Inferred, Space::Weight))
}

/// A task vector that is stored in a file.
pub fn delta(path: impl Into<PathBuf>) -> Value {
    Value::new(Term::Model(path.into(), Form::Inferred, Space::Delta))
}

/// Numbers by block, for the block config of this name, as a parameter of a merge of models of the
/// config `to`.
pub fn blocks<'a>(
    config: &str,
    to: &str,
    weights: impl IntoIterator<Item = (&'a str, f64)>,
) -> Value {
    let entries = weights
        .into_iter()
        .map(|(name, weight)| (name.to_owned(), Constant::Number(weight)));
    let literal = Term::Literal(entries.collect(), Form::Config(config.to_owned()));
    Value::new(literal).convert(config, to)
}

/// One number for all tensors, such as the default of [`blocks`]: `blocks(…) | number(0.5)`.
pub fn number(value: f64) -> Value {
    let entries = [("key".to_owned(), Constant::Number(value))];
    let literal = Term::Literal(entries.into_iter().collect(), Form::Singleton);
    Value::new(literal).route(Route::ConvertSingleton)
}

/// A merge by a method of recipes, by its identifier.
pub fn merge(method: &str) -> Merge {
    Merge {
        method: method.to_owned(),
        inputs: Vec::new(),
        parameters: Vec::new(),
    }
}

impl Merge {
    /// Adds an input, the next in the method's order.
    pub fn input(mut self, input: impl Into<Value>) -> Merge {
        self.inputs.push(input.into());
        self
    }

    /// Sets a parameter: to a number, yes or no, a word, or a [`Value`].
    pub fn set(mut self, name: &str, value: impl Into<Given>) -> Merge {
        self.parameters.push((name.to_owned(), value.into()));
        self
    }

    /// The result.
    pub fn value(self) -> Value {
        Value::new(Term::Merge(self))
    }
}

impl Value {
    fn new(term: Term) -> Value {
        Value(Arc::new(term))
    }

    fn route(self, route: Route) -> Value {
        Value::new(Term::Route(route, vec![self]))
    }

    /// The tensors of one component of the model config.
    pub fn pick_component(self, name: &str) -> Value {
        self.route(Route::PickComponent(name.to_owned()))
    }

    /// The tensors of all other components.
    pub fn omit_component(self, name: &str) -> Value {
        self.route(Route::OmitComponent(name.to_owned()))
    }

    /// Rounded to a type.
    pub fn cast(self, float: crate::dtype::Float) -> Value {
        self.route(Route::Cast(Some(float)))
    }

    /// Without the tensors that hold infinities or NaN, which a fallback then replaces.
    pub fn omit_non_finite(self) -> Value {
        self.route(Route::OmitNonFinite)
    }

    /// From one model config to another, by the shortest way.
    pub fn convert(self, from: &str, to: &str) -> Value {
        match conversion::path(from, to) {
            Some(way) => Value::new(Term::Convert(self, way)),
            None => Value::new(Term::Unconvertible(from.to_owned(), to.to_owned())),
        }
    }

    /// The recipe whose result is this value.
    ///
    /// # Errors
    /// What is wrong with methods, parameters, conversions and merge spaces; the models are not
    /// looked at.
    pub fn into_recipe(self, options: Options) -> Result<Recipe, ComposeError> {
        let mut composer = Composer {
            recipe: Recipe {
                models: Vec::new(),
                nodes: Vec::new(),
                lines: Vec::new(),
                reference: 0,
                options,
                configs: Arc::new(Configs::default()),
            },
            known: HashMap::new(),
        };
        composer.node(&self)?;
        let mut recipe = composer.recipe;
        recipe.reference = recipe.primary_model();
        spaces(&recipe)?;
        Ok(recipe)
    }
}

/// Turns values into nodes, each once.
struct Composer {
    recipe: Recipe,
    known: HashMap<*const Term, NodeId>,
}

impl Composer {
    fn push(&mut self, node: RecipeNode) -> NodeId {
        self.recipe.nodes.push(node);
        self.recipe.root()
    }

    fn node(&mut self, value: &Value) -> Result<NodeId, ComposeError> {
        let address = Arc::as_ptr(&value.0);
        if let Some(known) = self.known.get(&address) {
            return Ok(*known);
        }
        let id = match value.0.as_ref() {
            Term::Model(path, form, space) => {
                let known = self.recipe.models.iter().position(|known| known == path);
                let model = known.unwrap_or_else(|| {
                    self.recipe.models.push(path.clone());
                    self.recipe.models.len() - 1
                });
                let (form, space) = (form.clone(), *space);
                self.push(RecipeNode::Model { model, form, space })
            }
            Term::Literal(entries, form) => {
                let entries = entries
                    .iter()
                    .map(|(name, constant)| (name.clone(), Entry::Constant(constant.clone())));
                self.push(RecipeNode::Literal {
                    entries: entries.collect(),
                    form: form.clone(),
                    space: None,
                })
            }
            Term::Merge(merge) => self.merge(merge)?,
            Term::Route(route, inputs) => {
                let inputs: Vec<NodeId> = inputs
                    .iter()
                    .map(|input| self.node(input))
                    .collect::<Result<_, _>>()?;
                let route = route.clone();
                self.push(RecipeNode::Route { route, inputs })
            }
            Term::Convert(value, way) => {
                let mut id = self.node(value)?;
                for step in way {
                    id = self.push(RecipeNode::Route {
                        route: Route::Convert(step),
                        inputs: vec![id],
                    });
                }
                id
            }
            Term::Unconvertible(from, to) => {
                let (from, to) = (from.clone(), to.clone());
                return Err(ComposeError::NoConversion { from, to });
            }
        };
        self.known.insert(address, id);
        Ok(id)
    }

    fn merge(&mut self, merge: &Merge) -> Result<NodeId, ComposeError> {
        let id = merge.method.clone();
        let method = in_recipes(&id).ok_or(ComposeError::UnknownMethod { id })?;
        let given = merge.inputs.len();
        if !(method.models_min..=method.models_max).contains(&given) {
            return Err(ComposeError::Inputs {
                method: method.id,
                wanted: method.models(),
                given,
            });
        }
        let models: Vec<NodeId> = merge
            .inputs
            .iter()
            .map(|input| self.node(input))
            .collect::<Result<_, _>>()?;
        let (mut constants, mut nodes) = (Vec::new(), Vec::new());
        for (name, given) in &merge.parameters {
            match given {
                Given::Constant(constant) => {
                    constants.extend(constant.given().map(|value| (name.clone(), value)));
                }
                Given::Value(value) => {
                    let (parameter, _) = crate::method::parameter_named(method, name)?;
                    nodes.push((parameter.name, self.node(value)?));
                }
            }
        }
        let parameters = Parameters::resolve(method, &constants, models.len())?;
        Ok(self.push(RecipeNode::Merge {
            method,
            base: None,
            models,
            parameters,
            given: nodes,
        }))
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Value {
        value.clone()
    }
}

impl From<f64> for Given {
    fn from(number: f64) -> Given {
        Given::Constant(Constant::Number(number))
    }
}

impl From<bool> for Given {
    fn from(flag: bool) -> Given {
        Given::Constant(Constant::Flag(flag))
    }
}

impl From<Value> for Given {
    fn from(value: Value) -> Given {
        Given::Value(value)
    }
}

impl From<&Value> for Given {
    fn from(value: &Value) -> Given {
        Given::Value(value.clone())
    }
}

/// An operator on values and references to them.
macro_rules! operator {
    ($trait:ident, $function:ident, $build:expr) => {
        impl<R: Into<Value>> $trait<R> for Value {
            type Output = Value;

            fn $function(self, other: R) -> Value {
                let build: fn(Value, Value) -> Value = $build;
                build(self, other.into())
            }
        }

        impl<R: Into<Value>> $trait<R> for &Value {
            type Output = Value;

            fn $function(self, other: R) -> Value {
                self.clone().$function(other)
            }
        }
    };
}

operator!(Add, add, |a, b| merge("add_difference")
    .input(a)
    .input(b)
    .value());
operator!(Sub, sub, |a, b| merge("subtract").input(a).input(b).value());
operator!(BitOr, bitor, |a, b| Value::new(Term::Route(
    Route::Fallback,
    vec![a, b]
)));

impl<F: Into<Given>> Mul<F> for Value {
    type Output = Value;

    fn mul(self, factor: F) -> Value {
        merge("scale").input(self).set("alpha", factor).value()
    }
}

impl<F: Into<Given>> Mul<F> for &Value {
    type Output = Value;

    fn mul(self, factor: F) -> Value {
        self.clone() * factor
    }
}
