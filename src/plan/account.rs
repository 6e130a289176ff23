//! The account of keys: which tensors the output has, and what the models lack of them.
//!
//! A plain merge has the tensors of its reference model, and every model is compared with it. A
//! recipe that routes tensors has those that any of its parts can give; what each model lacks then
//! shows while the tensors are worked out.

use std::collections::{HashMap, HashSet};

use super::{PlanError, Source};
use crate::checkpoint::TensorInfo;
use crate::dtype::DType;
use crate::keys::{KeyReport, Mismatch, ModelKeys, is_counter};
use crate::recipe::{Lost, Missing, NodeId, Recipe, RecipeNode, Solution};

/// Below this share of common tensors two models are of different families.
const FAMILY_SHARE: f64 = 0.5;

pub(super) fn name(source: &Source<'_>) -> String {
    source.path.display().to_string()
}

pub(super) fn check_families(
    reference: &Source<'_>,
    sources: &[Source<'_>],
) -> Result<(), PlanError> {
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
pub(super) fn output_keys<'a>(recipe: &Recipe, sources: &'a [Source<'a>]) -> Vec<&'a str> {
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

pub(super) fn account(recipe: &Recipe, sources: &[Source<'_>], keys: &[&str]) -> KeyReport {
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

pub(super) fn mismatch(
    recipe: &Recipe,
    key: &str,
    expected: &TensorInfo,
    found: &TensorInfo,
) -> Option<Mismatch> {
    if expected.shape == found.shape && (expected.dtype == found.dtype || is_counter(key)) {
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

pub(super) fn is_merged(recipe: &Recipe, key: &str, dtype: DType) -> bool {
    dtype.is_mergeable() && !is_counter(key) && recipe.options.filter.merges(key)
}

pub(super) fn check_account(recipe: &Recipe, report: &KeyReport) -> Result<(), PlanError> {
    let strict = recipe.options.missing == Missing::Error;
    let differ = |model: &ModelKeys| !model.missing.is_empty() || !model.extra.is_empty();
    if report
        .models
        .iter()
        .any(|model| model.mismatched.iter().any(|m| m.shape))
    {
        return Err(PlanError::Shapes {
            report: Box::new(report.clone()),
            policy: recipe.options.shape,
        });
    }
    if strict && report.models.iter().any(differ) {
        return Err(PlanError::Keys {
            report: Box::new(report.clone()),
        });
    }
    Ok(())
}

/// What shows while the tensors of a recipe that routes are worked out.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    sources: &'a [Source<'a>],
    /// What a tensor of the output needed and nothing has.
    lost: Vec<(String, Lost)>,
    /// Tensors of the output that are left out, because a model lacks what its config calls
    /// optional.
    left_out: Vec<String>,
    /// Whether each tensor of each model is read.
    used: Vec<Vec<bool>>,
    /// The tensors of each model that do not have the form of the output.
    mismatched: Vec<Vec<Mismatch>>,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(sources: &'a [Source<'a>]) -> Ledger<'a> {
        let used = sources.iter();
        Ledger {
            sources,
            lost: Vec::new(),
            left_out: Vec::new(),
            used: used
                .map(|source| vec![false; source.tensors.len()])
                .collect(),
            mismatched: vec![Vec::new(); sources.len()],
        }
    }

    /// Adds what shows at further tensors.
    pub(super) fn add(&mut self, mut other: Ledger<'a>) {
        self.lost.append(&mut other.lost);
        self.left_out.append(&mut other.left_out);
        for (used, more) in self.used.iter_mut().zip(other.used) {
            for (used, more) in used.iter_mut().zip(more) {
                *used |= more;
            }
        }
        for (mismatched, more) in self.mismatched.iter_mut().zip(&mut other.mismatched) {
            mismatched.append(more);
        }
    }

    pub(super) fn uses(&mut self, model: usize, name: &str) {
        if let Some(number) = self.sources[model].tensors.get_index_of(name) {
            self.used[model][number] = true;
        }
    }

    pub(super) fn mismatch(&mut self, model: usize, mismatch: Mismatch) {
        self.mismatched[model].push(mismatch);
    }

    /// Notes what a tensor lacks. Returns whether it can be computed all the same.
    pub(super) fn lacks(
        &mut self,
        recipe: &Recipe,
        solution: &Solution,
        key: &str,
        lost: Vec<Lost>,
    ) {
        let optional = |lost: &Lost| {
            let model = matches!(recipe.nodes[lost.node.0], RecipeNode::Model { .. });
            model && solution.is_optional(lost.node, &lost.name)
        };
        if !lost.is_empty() && lost.iter().all(optional) {
            self.left_out.push(key.to_owned());
            return;
        }
        self.lost
            .extend(lost.into_iter().map(|lost| (key.to_owned(), lost)));
    }

    /// The account of all models.
    pub(super) fn report(&mut self, recipe: &Recipe, tensors: usize) -> KeyReport {
        let sources = self.sources;
        let used = &self.used;
        let mismatched = std::mem::take(&mut self.mismatched);
        let mut models: Vec<ModelKeys> = sources
            .iter()
            .zip(used)
            .zip(mismatched)
            .map(|((source, used), mismatched)| {
                let names = source.tensors.keys();
                ModelKeys {
                    model: name(source),
                    tensors: source.tensors.len(),
                    missing: Vec::new(),
                    extra: names
                        .zip(used)
                        .filter(|(_, used)| !**used)
                        .map(|(name, _)| name.clone())
                        .collect(),
                    mismatched,
                }
            })
            .collect();
        let mut seen = HashSet::new();
        for (_, lost) in &self.lost {
            if let RecipeNode::Model { model, .. } = recipe.nodes[lost.node.0]
                && seen.insert((model, &lost.name))
            {
                models[model].missing.push(lost.name.clone());
            }
        }
        KeyReport {
            reference: name(&sources[recipe.reference]),
            tensors,
            models,
            left_out: std::mem::take(&mut self.left_out),
            ..KeyReport::default()
        }
    }

    /// Refuses what a strict merge cannot do without.
    pub(super) fn check(&self, recipe: &Recipe, report: &KeyReport) -> Result<(), PlanError> {
        if report
            .models
            .iter()
            .any(|model| !model.mismatched.is_empty())
        {
            return Err(PlanError::Shapes {
                report: Box::new(report.clone()),
                policy: recipe.options.shape,
            });
        }
        if recipe.options.missing != Missing::Error || self.lost.is_empty() {
            return Ok(());
        }
        let mut others: HashMap<NodeId, Vec<&(String, Lost)>> = HashMap::new();
        for entry in &self.lost {
            if !matches!(recipe.nodes[entry.1.node.0], RecipeNode::Model { .. }) {
                others.entry(entry.1.node).or_default().push(entry);
            }
        }
        let Some((node, entries)) = others.into_iter().min_by_key(|(node, _)| *node) else {
            return Err(PlanError::Keys {
                report: Box::new(report.clone()),
            });
        };
        let mut names: Vec<String> = entries.iter().map(|(_, lost)| lost.name.clone()).collect();
        names.sort_unstable();
        names.dedup();
        Err(PlanError::NoValue {
            node: recipe.label(node),
            names,
            tensors: entries.len(),
            example: entries
                .first()
                .map(|(key, _)| key.clone())
                .unwrap_or_default(),
        })
    }
}
