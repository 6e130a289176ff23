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

use std::ops::{Add, BitOr, Mul, Sub};
use std::path::PathBuf;

use super::composer::composed;
use super::term::Term;
pub use super::term::{ComposeError, Given, Merge, Value};
use super::{Constant, Form, Omitted, Options, Recipe, Route, spaces};
use crate::keys::conversion;
use crate::method::Space;

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
        self.route(Route::OmitNonFinite(Omitted::ALL))
    }

    /// From one model config to another, by the shortest way.
    pub fn convert(self, from: &str, to: &str) -> Value {
        match conversion::path(from, to) {
            Some(way) => way
                .into_iter()
                .fold(self, |value, step| value.route(Route::Convert(step))),
            None => Value::new(Term::Unconvertible(from.to_owned(), to.to_owned())),
        }
    }

    /// The recipe whose result is this value.
    ///
    /// # Errors
    /// What is wrong with methods, parameters, conversions and merge spaces; the models are not
    /// looked at.
    pub fn into_recipe(self, options: Options) -> Result<Recipe, ComposeError> {
        let mut recipe = composed(&self, options)?;
        recipe.reference = recipe.primary_model();
        spaces(&recipe)?;
        Ok(recipe)
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
