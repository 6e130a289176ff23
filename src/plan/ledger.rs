//! What shows while the tensors of a recipe that routes are worked out.
//!
//! Such a recipe has the tensors that any of its parts can give; what each model lacks then shows
//! tensor by tensor.

use std::collections::{HashMap, HashSet};

use super::account::name;
use super::{PlanError, Source};
use crate::figures::counted;
use crate::keys::{KeyReport, Mismatch, ModelKeys};
use crate::recipe::{Lost, Missing, ModelId, NodeId, Recipe, RecipeNode, Solution};

/// What shows while the tensors of a recipe that routes are worked out.
#[derive(Debug)]
pub(super) struct Ledger<'a> {
    sources: &'a [Source<'a>],
    /// What a tensor of the output needed and nothing has.
    lost: Vec<(String, Lost)>,
    /// Tensors of the output that are left out, because a model lacks what its config calls
    /// optional.
    left_out: Vec<String>,
    /// Tensors that no model is there for that takes part in their merge.
    untaken: Vec<String>,
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
            untaken: Vec::new(),
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
        self.untaken.append(&mut other.untaken);
        for (used, more) in self.used.iter_mut().zip(other.used) {
            for (used, more) in used.iter_mut().zip(more) {
                *used |= more;
            }
        }
        for (mismatched, more) in self.mismatched.iter_mut().zip(&mut other.mismatched) {
            mismatched.append(more);
        }
    }

    pub(super) fn uses(&mut self, model: ModelId, name: &str) {
        if let Some(number) = self.sources[model.index()].tensors.get_index_of(name) {
            self.used[model.index()][number] = true;
        }
    }

    pub(super) fn mismatch(&mut self, model: ModelId, mismatch: Mismatch) {
        self.mismatched[model.index()].push(mismatch);
    }

    /// Notes what a tensor lacks. Returns whether it can be computed all the same.
    pub(super) fn lacks(
        &mut self,
        recipe: &Recipe,
        solution: &Solution<'_>,
        key: &str,
        lost: Vec<Lost>,
    ) {
        let optional = |lost: &Lost| {
            let model = matches!(recipe.nodes[lost.node.index()], RecipeNode::Model { .. });
            model && solution.is_optional(lost.node, &lost.name)
        };
        if !lost.is_empty() && lost.iter().all(optional) {
            self.left_out.push(key.to_owned());
            return;
        }
        self.lost
            .extend(lost.into_iter().map(|lost| (key.to_owned(), lost)));
    }

    /// Notes that the output lacks a tensor because no model takes part in it.
    pub(super) fn untaken(&mut self, key: &str) {
        self.untaken.push(key.to_owned());
    }

    /// What there is to say about tensors in which no model takes part.
    pub(super) fn note(&self) -> Option<String> {
        let first = self.untaken.first()?;
        let tensors = counted(self.untaken.len(), "tensor");
        let are = if self.untaken.len() == 1 { "is" } else { "are" };
        Some(format!(
            "{tensors} {are} left out, in which no model takes part that has it, such as `{first}`"
        ))
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
            if let RecipeNode::Model { model, .. } = recipe.nodes[lost.node.index()]
                && seen.insert((model, &lost.name))
            {
                models[model.index()].missing.push(lost.name.clone());
            }
        }
        KeyReport {
            reference: name(&sources[recipe.reference.index()]),
            tensors,
            models,
            left_out: std::mem::take(&mut self.left_out),
            ..KeyReport::default()
        }
    }

    /// Refuses what a strict merge cannot do without.
    pub(super) fn check(&self, recipe: &Recipe, report: &KeyReport) -> Result<(), PlanError> {
        let misfits = |model: &ModelKeys| !model.mismatched.is_empty();
        if report.models.iter().any(misfits) && !recipe.options.compares {
            return Err(PlanError::Shapes {
                report: Box::new(report.clone()),
            });
        }
        if recipe.options.missing != Missing::Error || self.lost.is_empty() {
            return Ok(());
        }
        let mut others: HashMap<NodeId, Vec<&(String, Lost)>> = HashMap::new();
        for entry in &self.lost {
            if !matches!(recipe.nodes[entry.1.node.index()], RecipeNode::Model { .. }) {
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
