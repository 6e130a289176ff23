//! From recipe and headers to jobs: which tensors there are, and how each comes about.

use std::collections::HashSet;

use super::class::{Class, Classes};
use super::job::{Action, Input, Job, Place};
use super::{PlanError, Source};
use crate::checkpoint::TensorInfo;
use crate::dtype::{DType, Float};
use crate::kernel::{End, Entry, Expression, Formula, Node, Program};
use crate::keys::{KeyReport, Mismatch, ModelKeys};
use crate::recipe::{Missing, OnNan, OutputDType, Recipe};

/// Jobs without places, and what they share.
pub(super) struct Resolved {
    pub(super) jobs: Vec<Job>,
    pub(super) programs: Vec<Program>,
    pub(super) classes: Vec<Class>,
    pub(super) report: KeyReport,
}

/// Below this share of common tensors two models are of different families.
const FAMILY_SHARE: f64 = 0.5;

pub(super) fn resolve(recipe: &Recipe, sources: &[Source<'_>]) -> Result<Resolved, PlanError> {
    let reference = &sources[recipe.reference];
    for source in sources {
        if source.tensors.is_empty() {
            return Err(PlanError::Empty {
                model: name(source),
            });
        }
    }
    check_families(reference, sources)?;
    let keys = output_keys(recipe, sources);
    recipe.options.filter.check(keys.iter().copied())?;
    let report = account(recipe, sources, &keys);
    check_account(recipe, &report)?;
    let mut resolver = Resolver {
        recipe,
        sources,
        classes: Classes::default(),
    };
    let jobs: Vec<Job> = keys.iter().map(|key| resolver.job(key)).collect();
    let copied = jobs
        .iter()
        .filter(|job| matches!(job.action, Action::Copy(_)))
        .count();
    Ok(Resolved {
        report: KeyReport {
            merged: jobs.len() - copied,
            copied,
            ..report
        },
        jobs,
        programs: resolver.classes.programs,
        classes: resolver.classes.classes,
    })
}

fn name(source: &Source<'_>) -> String {
    source.path.display().to_string()
}

fn check_families(reference: &Source<'_>, sources: &[Source<'_>]) -> Result<(), PlanError> {
    for source in sources {
        let shared = source
            .tensors
            .keys()
            .filter(|key| reference.tensors.contains_key(*key))
            .count();
        let tensors = source.tensors.len().min(reference.tensors.len());
        if (shared as f64) < FAMILY_SHARE * tensors as f64 {
            let lone = reference
                .tensors
                .keys()
                .find(|key| !source.tensors.contains_key(*key));
            return Err(PlanError::Families {
                model: name(source),
                reference: name(reference),
                shared,
                tensors,
                example: lone.cloned().unwrap_or_default(),
            });
        }
    }
    Ok(())
}

/// The reference model's tensors in file order; under `--missing skip` also what others have.
fn output_keys<'a>(recipe: &Recipe, sources: &'a [Source<'a>]) -> Vec<&'a str> {
    let reference = sources[recipe.reference].tensors;
    let mut keys: Vec<&str> = reference.keys().map(String::as_str).collect();
    if recipe.options.missing == Missing::Skip {
        let mut known: HashSet<&str> = keys.iter().copied().collect();
        for key in sources.iter().flat_map(|source| source.tensors.keys()) {
            if known.insert(key) {
                keys.push(key);
            }
        }
    }
    keys
}

/// The first model, from the reference on, that has the tensor.
fn owner<'a>(recipe: &Recipe, sources: &'a [Source<'_>], key: &str) -> (usize, &'a TensorInfo) {
    let order = std::iter::once(recipe.reference).chain(0..sources.len());
    let mut owners = order.filter_map(|model| Some((model, sources[model].tensors.get(key)?)));
    owners
        .next()
        .expect("every key of the output is some model's")
}

fn account(recipe: &Recipe, sources: &[Source<'_>], keys: &[&str]) -> KeyReport {
    let known: HashSet<&str> = keys.iter().copied().collect();
    let models = sources
        .iter()
        .map(|source| {
            let extra = source
                .tensors
                .keys()
                .filter(|key| !known.contains(key.as_str()));
            let mut model = ModelKeys {
                model: name(source),
                tensors: source.tensors.len(),
                extra: extra.cloned().collect(),
                ..ModelKeys::default()
            };
            for &key in keys {
                match source.tensors.get(key) {
                    None => model.missing.push(key.to_owned()),
                    Some(found) => {
                        let (_, expected) = owner(recipe, sources, key);
                        model
                            .mismatched
                            .extend(mismatch(recipe, key, expected, found));
                    }
                }
            }
            model
        })
        .collect();
    KeyReport {
        reference: name(&sources[recipe.reference]),
        tensors: keys.len(),
        models,
        ..KeyReport::default()
    }
}

fn mismatch(
    recipe: &Recipe,
    key: &str,
    expected: &TensorInfo,
    found: &TensorInfo,
) -> Option<Mismatch> {
    if expected.shape == found.shape && expected.dtype == found.dtype {
        return None;
    }
    let merged = is_merged(recipe, key, expected.dtype);
    let text = |info: &TensorInfo| format!("{} {:?}", info.dtype, info.shape);
    // A tensor that is copied needs no counterpart of its form.
    let fits = recipe.options.shape.fits(&expected.shape, &found.shape);
    let fatal = merged && (!fits || !found.dtype.is_mergeable());
    Some(Mismatch {
        key: key.to_owned(),
        expected: text(expected),
        found: text(found),
        shape: fatal,
    })
}

fn is_merged(recipe: &Recipe, key: &str, dtype: DType) -> bool {
    dtype.is_mergeable() && recipe.options.filter.merges(key)
}

fn check_account(recipe: &Recipe, report: &KeyReport) -> Result<(), PlanError> {
    let strict = recipe.options.missing == Missing::Error;
    let differ = |model: &ModelKeys| !model.missing.is_empty() || !model.extra.is_empty();
    if report
        .models
        .iter()
        .any(|model| model.mismatched.iter().any(|m| m.shape))
    {
        return Err(PlanError::Shapes {
            report: Box::new(report.clone()),
        });
    }
    if strict && report.models.iter().any(differ) {
        return Err(PlanError::Keys {
            report: Box::new(report.clone()),
        });
    }
    Ok(())
}

struct Resolver<'a> {
    recipe: &'a Recipe,
    sources: &'a [Source<'a>],
    classes: Classes,
}

impl Resolver<'_> {
    fn job(&mut self, key: &str) -> Job {
        let (model, info) = owner(self.recipe, self.sources, key);
        let float = info
            .dtype
            .float()
            .filter(|_| is_merged(self.recipe, key, info.dtype));
        let action = match float {
            Some(float) => self.merge(key, float, &info.shape),
            None => None,
        };
        let (dtype, action) = match action {
            Some((float, action)) => (float.dtype(), action),
            None => (info.dtype, Action::Copy(input(model, info, info.bytes()))),
        };
        Job {
            key: key.to_owned(),
            dtype,
            shape: info.shape.clone(),
            elements: info.elements(),
            bytes: info.elements() * dtype.bits() / 8,
            place: Place::default(),
            action,
        }
        .with_copied_bytes(info)
    }

    fn merge(&mut self, key: &str, stored: Float, shape: &[u64]) -> Option<(Float, Action)> {
        let options = &self.recipe.options;
        let mut slots: Vec<usize> = Vec::new();
        let mut expression = Expression::new(options.compute);
        let (recipe, sources) = (self.recipe, self.sources);
        let mut load = |expression: &mut Expression, model: usize| {
            enter(recipe, sources, key, expression, &mut slots, model)
        };
        let root = recipe.lower(key, &mut expression, &mut load)?;
        let float = match options.dtype {
            OutputDType::Keep => stored,
            OutputDType::Float(float) => float,
        };
        let end = |value| End::Store { value, float };
        let class = self.classes.class(&expression, root, slots.len(), end);
        let used = &self.classes.classes[class].slots;
        let inputs = slots
            .iter()
            .zip(used)
            .map(|(&model, used)| {
                let info = &sources[model].tensors[key];
                used.then(|| Input {
                    shape: (info.shape != shape).then(|| info.shape.clone()),
                    ..input(model, info, info.dtype.bits() / 8)
                })
            })
            .collect();
        let action = Action::Merge {
            class,
            inputs,
            row: expression.row().clone(),
            statistics: expression.statistics().to_vec(),
            float,
            resident: false,
        };
        Some((float, action))
    }
}

fn input(model: usize, info: &TensorInfo, element_bytes: u64) -> Input {
    Input {
        model,
        file: info.file,
        offset: info.span.start,
        element_bytes,
        shape: None,
    }
}

/// A model's value as it enters the arithmetic, or None where the tensor is left out.
fn enter(
    recipe: &Recipe,
    sources: &[Source<'_>],
    key: &str,
    expression: &mut Expression,
    slots: &mut Vec<usize>,
    model: usize,
) -> Option<Node> {
    let options = &recipe.options;
    let has = |model: usize| sources[model].tensors.contains_key(key);
    let model = match (has(model), options.missing) {
        (true, _) => model,
        (false, Missing::Base) if has(recipe.reference) => recipe.reference,
        (false, _) => return None,
    };
    let mut load = |expression: &mut Expression, model: usize, entry: Entry| {
        let slot = slots
            .iter()
            .position(|&known| known == model)
            .unwrap_or_else(|| {
                slots.push(model);
                slots.len() - 1
            });
        let float = sources[model].tensors[key].dtype.float()?;
        Some(expression.load(slot as u16, float, entry))
    };
    let finite = match options.on_nan {
        OnNan::Error => return load(expression, model, Entry::Checked),
        OnNan::Keep => return load(expression, model, Entry::Kept),
        OnNan::Zero => finite_or_zero(expression, &mut load, model)?,
        OnNan::Base if model == recipe.reference || !has(recipe.reference) => {
            finite_or_zero(expression, &mut load, model)?
        }
        OnNan::Base => {
            let base = finite_or_zero(expression, &mut load, recipe.reference)?;
            let raw = load(expression, model, Entry::Raw)?;
            expression.call(Formula::FiniteOr, &[raw.into(), base.into()])
        }
    };
    Some(expression.call(Formula::Enter, &[finite.into()]))
}

fn finite_or_zero(
    expression: &mut Expression,
    load: &mut impl FnMut(&mut Expression, usize, Entry) -> Option<Node>,
    model: usize,
) -> Option<Node> {
    let raw = load(expression, model, Entry::Raw)?;
    let zero = expression.scalar(0.0);
    Some(expression.call(Formula::FiniteOrScalar, &[raw.into(), zero]))
}

impl Job {
    /// Packed types narrower than a byte are counted by their stored bytes.
    fn with_copied_bytes(mut self, info: &TensorInfo) -> Job {
        if matches!(self.action, Action::Copy(_)) {
            self.bytes = info.bytes();
        }
        self
    }
}
