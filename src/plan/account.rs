//! The account of keys: which tensors the output has, and what the models lack of them.
//!
//! A plain merge has the tensors of its reference model, and every model is compared with it. (What
//! the models of a recipe that routes tensors lack is in the ledger.)

use foldhash::{HashSet, HashSetExt};

use super::{PlanError, Source};
use crate::checkpoint::TensorInfo;
use crate::dtype::{DType, Float};
use crate::keys::{KeyReport, Mismatch, ModelKeys, is_counter};
use crate::recipe::{FAMILY_SHARE, Missing, ModelId, NodeId, Recipe, RecipeNode, Solution};

pub(super) fn name(source: &Source<'_>) -> String {
    source.path.display().to_string()
}

/// A model of a plain merge, by the names of the graph.
struct Compared<'a> {
    model: ModelId,
    source: &'a Source<'a>,
    /// A node that is this model.
    node: NodeId,
}

/// Compares the models of a plain merge with its reference.
pub(super) struct Account<'a> {
    recipe: &'a Recipe,
    solution: &'a Solution<'a>,
    /// The models that take part, the reference first.
    models: Vec<Compared<'a>>,
}

impl<'a> Account<'a> {
    pub(super) fn new(
        recipe: &'a Recipe,
        sources: &'a [Source<'a>],
        solution: &'a Solution<'a>,
    ) -> Account<'a> {
        let mut seen = vec![false; sources.len()];
        let mut models: Vec<Compared<'_>> = Vec::new();
        for (id, node) in recipe.nodes.iter().enumerate() {
            if let RecipeNode::Model { model, .. } = *node
                && !std::mem::replace(&mut seen[model.index()], true)
            {
                let (source, node) = (&sources[model.index()], NodeId::new(id));
                models.push(Compared {
                    model,
                    source,
                    node,
                });
            }
        }
        models.sort_by_key(|compared| compared.model != recipe.reference);
        Account {
            recipe,
            solution,
            models,
        }
    }

    fn info(&self, compared: &Compared<'a>, key: &str) -> Option<&'a TensorInfo> {
        let name = self.solution.stored_name(compared.node, key)?;
        compared.source.tensors.get(name)
    }

    /// Refuses models of which one shares few tensors with the reference.
    pub(super) fn check_families(&self) -> Result<(), PlanError> {
        let Some((reference, others)) = self.models.split_first() else {
            return Ok(());
        };
        if self.recipe.options.exact_names {
            return Ok(());
        }
        let own = self.solution.model_names(reference.node).count();
        for other in others {
            let is_shared = |name: &&str| self.solution.stored_name(other.node, name).is_some();
            let names = self.solution.model_names(reference.node);
            let shared = names.filter(is_shared).count();
            let tensors = own.min(self.solution.model_names(other.node).count());
            if (shared as f64) < FAMILY_SHARE * tensors as f64 {
                let mut names = self.solution.model_names(reference.node);
                let lone = names.find(|name| !is_shared(name));
                return Err(PlanError::Families {
                    model: self.solution.described[other.model.index()].clone(),
                    reference: self.solution.described[reference.model.index()].clone(),
                    shared,
                    tensors,
                    example: lone.unwrap_or_default().to_owned(),
                });
            }
        }
        Ok(())
    }

    /// The tensors of the output in the reference's order, and the account of all models. Refuses
    /// what the policies do not allow.
    pub(super) fn settle(&self) -> Result<(Vec<&'a str>, KeyReport), PlanError> {
        let mut keys = self.keys();
        let mut report = KeyReport {
            reference: self
                .models
                .first()
                .map(|first| name(first.source))
                .unwrap_or_default(),
            tensors: keys.len(),
            ..KeyReport::default()
        };
        let fatal = report.clone();
        report.models = self.compare(&keys);
        if !self.recipe.options.compares {
            check_shapes(&report)?;
        }
        if self.recipe.options.missing == Missing::Error {
            let strict = self.strict(&mut report);
            if strict
                .iter()
                .any(|model| !model.missing.is_empty() || !model.extra.is_empty())
            {
                return Err(PlanError::Keys {
                    report: Box::new(KeyReport {
                        models: strict,
                        ..fatal
                    }),
                });
            }
            let left_out: HashSet<&str> = report.left_out.iter().map(String::as_str).collect();
            keys.retain(|key| !left_out.contains(key));
            report.tensors = keys.len();
        }
        let names = std::mem::take(&mut report.left_out).into_iter();
        let names = names.map(|key| self.solution.output_name(&key).to_owned());
        report.left_out = names.collect();
        Ok((keys, report))
    }

    /// The reference model's tensors in file order; under `--missing skip` also what others have,
    /// under `drop` without those that one lacks.
    fn keys(&self) -> Vec<&'a str> {
        let models = match self.recipe.options.missing {
            Missing::Skip => self.models.as_slice(),
            _ => &self.models[..self.models.len().min(1)],
        };
        let names = models
            .iter()
            .flat_map(|model| self.solution.model_names(model.node));
        let drops = self.recipe.options.missing == Missing::Drop;
        let has = |name: &&str| {
            let mut models = self.models.iter();
            models.all(|model| self.info(model, name).is_some())
        };
        let names = names.filter(|name| !drops || has(name));
        if models.len() < 2 {
            return names.collect();
        }
        let mut known: HashSet<&str> = HashSet::new();
        names.filter(|name| known.insert(name)).collect()
    }

    /// The first model, from the reference on, that has the tensor.
    fn owner(&self, key: &str) -> Option<&'a TensorInfo> {
        self.models.iter().find_map(|model| self.info(model, key))
    }

    /// Whether a tensor is merged; of the others the output has the reference's.
    fn is_merged(&self, key: &str) -> bool {
        let name = self.solution.output_name(key);
        let dtype = self.owner(key).map(|info| info.dtype);
        dtype.is_none_or(|dtype| is_merged(self.recipe, name, dtype))
    }

    fn compare(&self, keys: &[&str]) -> Vec<ModelKeys> {
        let known: HashSet<&str> = keys.iter().copied().collect();
        let compare = |compared: &Compared<'a>| {
            let names = self.solution.model_names(compared.node);
            let extra = names.filter(|name| !known.contains(name));
            let mut model = ModelKeys {
                model: name(compared.source),
                tensors: compared.source.tensors.len(),
                extra: extra.map(str::to_owned).collect(),
                ..ModelKeys::default()
            };
            for key in keys {
                match (self.info(compared, key), self.owner(key)) {
                    (None, _) => model.missing.push((*key).to_owned()),
                    (Some(found), Some(expected)) => {
                        let name = self.solution.output_name(key);
                        model
                            .mismatched
                            .extend(mismatch(self.recipe, name, expected, found));
                    }
                    _ => {}
                }
            }
            model
        };
        self.models.iter().map(compare).collect()
    }

    /// What of the account a strict merge cannot do without. What a model lacks and its config does
    /// not require is left out of the output; what is only copied is the reference's.
    fn strict(&self, report: &mut KeyReport) -> Vec<ModelKeys> {
        let mut left_out: HashSet<String> = HashSet::new();
        let mut strict = Vec::with_capacity(self.models.len());
        for (compared, model) in self.models.iter().zip(&mut report.models) {
            let optional = |key: &String| self.solution.is_optional(compared.node, key);
            let needed = |key: &&String| self.is_merged(key) && !optional(key);
            strict.push(ModelKeys {
                missing: model.missing.iter().filter(needed).cloned().collect(),
                extra: model.extra.iter().filter(needed).cloned().collect(),
                mismatched: Vec::new(),
                ..model.clone()
            });
            let lacks = model.missing.iter().filter(|key| self.is_merged(key));
            left_out.extend(lacks.filter(|key| optional(key)).cloned());
            model.missing.clear();
        }
        let reference = self.models.first();
        let names = reference
            .into_iter()
            .flat_map(|model| self.solution.model_names(model.node));
        let ordered = names.filter(|name| left_out.contains(*name));
        report.left_out = ordered.map(str::to_owned).collect();
        strict
    }
}

pub(super) fn mismatch(
    recipe: &Recipe,
    key: &str,
    expected: &TensorInfo,
    found: &TensorInfo,
) -> Option<Mismatch> {
    // Codes are numbers of no type.
    let coded = expected.coding.is_some() || found.coding.is_some();
    let alike = coded || expected.dtype == found.dtype || is_counter(key);
    if expected.shape == found.shape && alike {
        return None;
    }
    let merged = is_merged(recipe, key, expected.dtype);
    let text = |info: &TensorInfo| format!("{} {:?}", info.form(), info.shape);
    // A tensor that is copied needs no counterpart of its form.
    let fits = recipe.options.shape.fits(&expected.shape, &found.shape);
    let fatal = merged && (!fits || read_as(recipe, found.dtype).is_none());
    Some(Mismatch {
        key: key.to_owned(),
        expected: text(expected),
        found: text(found),
        shape: fatal,
        advice: match fits {
            true => "",
            false => recipe.options.shape.advice(&expected.shape, &found.shape),
        },
    })
}

pub(super) fn is_merged(recipe: &Recipe, key: &str, dtype: DType) -> bool {
    let counts = is_counter(key) && !recipe.options.integers;
    read_as(recipe, dtype).is_some() && !counts && recipe.options.filter.merges(key)
}

/// The type as which elements take part in the arithmetic, if they do.
pub(super) fn read_as(recipe: &Recipe, dtype: DType) -> Option<Float> {
    let integer = recipe.options.integers && dtype.is_integer();
    dtype.float().or(integer.then_some(Float::F32))
}

fn check_shapes(report: &KeyReport) -> Result<(), PlanError> {
    let fatal = |model: &ModelKeys| model.mismatched.iter().any(|mismatch| mismatch.shape);
    match report.models.iter().any(fatal) {
        true => Err(PlanError::Shapes {
            report: Box::new(report.clone()),
        }),
        false => Ok(()),
    }
}
