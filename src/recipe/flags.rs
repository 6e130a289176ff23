//! The front door of flags: one method, a base, models and `-p NAME=VALUE`.

use std::path::PathBuf;

use super::{Form, ModelId, NodeId, Options, Recipe, RecipeNode};
use crate::keys::nearest::hint;
use crate::method::{
    Base, Method, ParameterError, ParameterValue, Parameters, Shape, Space, find, named,
    parameter_named,
};

/// Flags that do not make a merge.
#[derive(Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum FlagError {
    #[error("there is no method `{id}`{hint}; `wgmerge methods` lists them")]
    UnknownMethod { id: String, hint: String },
    #[error("method `{method}` needs a base model: give it with --base")]
    BaseMissing { method: &'static str },
    #[error(
        "method `{method}` takes no base model: give it as one of the models instead of --base"
    )]
    BaseUnused { method: &'static str },
    #[error("method `{method}` takes {wanted}, {given} given")]
    ModelCount {
        method: &'static str,
        wanted: String,
        given: usize,
    },
    #[error("`-p {text}` is not of the form NAME=VALUE")]
    NotAssignment { text: String },
    #[error(transparent)]
    Parameter(#[from] ParameterError),
}

/// The recipe of one merge. `assignments` are the texts of `-p`.
pub fn merge_of(
    method: &str,
    base: Option<PathBuf>,
    models: Vec<PathBuf>,
    assignments: &[String],
    options: Options,
) -> Result<Recipe, FlagError> {
    let known = find(method).ok_or_else(|| unknown(method))?;
    let values = assignments
        .iter()
        .map(|text| assignment(known, text))
        .collect::<Result<Vec<_>, FlagError>>()?;
    merge_by(method, base, models, &values, options)
}

/// The same, with parameters that are read.
pub(super) fn merge_by(
    method: &str,
    base: Option<PathBuf>,
    models: Vec<PathBuf>,
    values: &[(String, ParameterValue)],
    options: Options,
) -> Result<Recipe, FlagError> {
    let method = find(method).ok_or_else(|| unknown(method))?;
    merge_with(method, base, models, values, options)
}

/// The same of a method that is known.
pub(super) fn merge_with(
    method: &'static Method,
    base: Option<PathBuf>,
    models: Vec<PathBuf>,
    values: &[(String, ParameterValue)],
    options: Options,
) -> Result<Recipe, FlagError> {
    let first_is_base = method.base == Base::First && base.is_some();
    match (method.base, &base) {
        (Base::Required, None) => return Err(FlagError::BaseMissing { method: method.id }),
        (Base::None, Some(_)) => return Err(FlagError::BaseUnused { method: method.id }),
        _ => {}
    }
    let given = models.len() + usize::from(first_is_base);
    if !(method.models_min..=method.models_max).contains(&given) {
        return Err(FlagError::ModelCount {
            method: method.id,
            wanted: method.takes("model"),
            given,
        });
    }
    let mut parameters = Parameters::resolve(method, values, given)?;
    let names = values.iter().map(|(name, _)| name.as_str());
    parameters.fix(method, names);
    let has_base = base.is_some();
    let paths: Vec<PathBuf> = base.into_iter().chain(models).collect();
    let mut nodes: Vec<RecipeNode> = ModelId::all()
        .take(paths.len())
        .map(|model| RecipeNode::Model {
            model,
            form: Form::Inferred,
            space: Space::Weight,
        })
        .collect();
    let apart = has_base && !first_is_base;
    nodes.push(RecipeNode::Merge {
        method,
        base: apart.then_some(NodeId::new(0)),
        models: (usize::from(apart)..paths.len()).map(NodeId::new).collect(),
        parameters,
        given: Vec::new(),
        schedule: None,
    });
    Ok(Recipe::new(paths, nodes, options))
}

fn unknown(id: &str) -> FlagError {
    FlagError::UnknownMethod {
        id: id.to_owned(),
        hint: hint(id, named().map(|method| method.id)),
    }
}

/// Reads `NAME=VALUE[,VALUE…]`, with the type that the parameter has.
fn assignment(method: &'static Method, text: &str) -> Result<(String, ParameterValue), FlagError> {
    let not = || FlagError::NotAssignment {
        text: text.to_owned(),
    };
    let (name, value) = text.split_once('=').ok_or_else(not)?;
    let (name, value) = (name.trim(), value.trim());
    if name.is_empty() || value.is_empty() {
        return Err(not());
    }
    let (parameter, _) = parameter_named(method, name)?;
    let wrong = |wanted: &str| ParameterError::Type {
        method: method.id,
        name: name.to_owned(),
        text: value.to_owned(),
        wanted: wanted.to_owned(),
    };
    let value = match parameter.shape {
        Shape::Number(_, range) => ParameterValue::Numbers(
            value
                .split(',')
                .map(|number| number.trim().parse::<f64>())
                .collect::<Result<Vec<f64>, _>>()
                .map_err(|_| wrong(range.describe()))?,
        ),
        Shape::Flag(_) => match value {
            "true" | "yes" | "on" | "1" => ParameterValue::Flag(true),
            "false" | "no" | "off" | "0" => ParameterValue::Flag(false),
            _ => return Err(wrong("true or false").into()),
        },
        Shape::Choice(_) => ParameterValue::Word(value.to_owned()),
    };
    Ok((name.to_owned(), value))
}
