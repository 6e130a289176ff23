//! Values of recipes that are composed in Rust: what they are and what they are made of.

use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use super::{Constant, Form, Route, SpaceError};
use crate::method::{ParameterError, Space};

/// A value of a recipe that is being composed.
#[derive(Clone, Debug)]
pub struct Value(pub(super) Arc<Term>);

/// What a value is.
#[derive(Debug)]
pub(super) enum Term {
    Model(PathBuf, Form, Space),
    Literal(IndexMap<String, Constant>, Form),
    Merge(Merge),
    Route(Route, Vec<Value>),
    Unconvertible(String, String),
}

impl Term {
    /// What it is made of, in order.
    pub(super) fn parts(&self) -> Vec<&Value> {
        match self {
            Term::Model(..) | Term::Literal(..) | Term::Unconvertible(..) => Vec::new(),
            Term::Route(_, inputs) => inputs.iter().collect(),
            Term::Merge(merge) => {
                let given = merge
                    .parameters
                    .iter()
                    .filter_map(|(_, given)| match given {
                        Given::Value(value) => Some(value),
                        Given::Constant(_) => None,
                    });
                merge.inputs.iter().chain(given).collect()
            }
        }
    }

    /// Takes out what it is made of.
    fn take_parts(&mut self, into: &mut Vec<Value>) {
        match self {
            Term::Model(..) | Term::Literal(..) | Term::Unconvertible(..) => {}
            Term::Route(_, inputs) => into.append(inputs),
            Term::Merge(merge) => {
                into.append(&mut merge.inputs);
                into.extend(
                    merge
                        .parameters
                        .drain(..)
                        .filter_map(|(_, given)| match given {
                            Given::Value(value) => Some(value),
                            Given::Constant(_) => None,
                        }),
                );
            }
        }
    }
}

/// A value is taken apart step by step: values may lie deeper in each other than a thread's stack.
impl Drop for Value {
    fn drop(&mut self) {
        let mut open = Vec::new();
        if let Some(term) = Arc::get_mut(&mut self.0) {
            term.take_parts(&mut open);
        }
        while let Some(mut value) = open.pop() {
            if let Some(term) = Arc::get_mut(&mut value.0) {
                term.take_parts(&mut open);
            }
        }
    }
}

impl Value {
    pub(super) fn new(term: Term) -> Value {
        Value(Arc::new(term))
    }
}

/// A merge while its inputs and parameters are given.
#[derive(Clone, Debug)]
pub struct Merge {
    pub(super) method: String,
    pub(super) inputs: Vec<Value>,
    pub(super) parameters: Vec<(String, Given)>,
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
    #[error("method `{method}` takes {wanted}, {given} given")]
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
