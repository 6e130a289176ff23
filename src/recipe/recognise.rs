//! Which model config the models of a group of nodes have.

use std::sync::Arc;

use super::groups::Fixed;
use super::{Form, Names, NodeId, Recipe, RecipeNode, SolveError};
use crate::keys::{Config, Configs, Verdict};
use crate::method::Space;

/// The share of a model's tensors that a config must know to be taken for the model's.
const KNOWN_SHARE: f64 = 0.1;

/// Finds the config of a group of nodes.
pub(super) struct Recogniser<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) models: &'a [Names<'a>],
    pub(super) registry: &'a Configs,
    /// What the models show, for messages.
    pub(super) explanation: String,
}

impl Recogniser<'_> {
    /// The config of a group of nodes: what is said about it, else what its models show.
    pub(super) fn config(
        &mut self,
        id: usize,
        members: &[usize],
        fixed: Option<Fixed>,
    ) -> Result<Option<Arc<Config>>, SolveError> {
        let inferred: Vec<usize> = members
            .iter()
            .filter_map(|&member| match &self.recipe.nodes[member] {
                // Parameters may have any shape.
                RecipeNode::Model { model, form, space }
                    if *form != Form::Own && *space != Space::Param =>
                {
                    Some(*model)
                }
                _ => None,
            })
            .collect();
        match fixed {
            Some(Fixed::Own) => Ok(None),
            Some(Fixed::Config(name)) => {
                let fault = |fault| SolveError::Config {
                    node: self.recipe.label(NodeId(id)),
                    fault,
                };
                let config = Arc::clone(self.registry.find(&name).map_err(fault)?);
                for model in inferred {
                    self.check(model, &config)?;
                }
                Ok(Some(config))
            }
            None => self.recognise(id, &inferred),
        }
    }

    /// The config that all models show, if there is exactly one.
    fn recognise(
        &mut self,
        id: usize,
        models: &[usize],
    ) -> Result<Option<Arc<Config>>, SolveError> {
        let mut fits: Option<Vec<&Arc<Config>>> = None;
        let mut unknown = false;
        for (number, &model) in models.iter().enumerate() {
            // Models of one family mostly have the same tensors.
            if models[..number]
                .iter()
                .any(|&other| self.same(model, other))
            {
                continue;
            }
            let tensors = self.models[model].tensors.iter();
            let shown = tensors.map(|(name, info)| (name.as_str(), info.shape.as_slice()));
            let recognition = self.registry.recognise(shown);
            self.explanation += &format!(
                "{}:\n{}\n",
                self.models[model].path.display(),
                recognition.explain()
            );
            let shown = match recognition.verdict {
                Verdict::Unknown => {
                    unknown = true;
                    continue;
                }
                Verdict::Known(config) => vec![config],
                Verdict::Ambiguous(configs) => configs,
            };
            let Some(before) = fits else {
                fits = Some(shown);
                continue;
            };
            let both: Vec<&Arc<Config>> = before
                .iter()
                .copied()
                .filter(|config| shown.iter().any(|other| other.id() == config.id()))
                .collect();
            if let ([], [first, ..], [second, ..]) =
                (both.as_slice(), before.as_slice(), shown.as_slice())
            {
                return Err(SolveError::Conflict {
                    node: self.recipe.label(NodeId(id)),
                    first: first.id().to_owned(),
                    second: second.id().to_owned(),
                });
            }
            fits = Some(both);
        }
        Ok(match fits.as_deref() {
            Some([config]) if !unknown => Some(Arc::clone(config)),
            _ => None,
        })
    }

    /// Whether two models have the same names and shapes in the same order.
    fn same(&self, model: usize, other: usize) -> bool {
        let [a, b] = [model, other].map(|model| self.models[model].tensors);
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|((a, x), (b, y))| a == b && x.shape == y.shape)
    }

    fn check(&self, model: usize, config: &Config) -> Result<(), SolveError> {
        let names = &self.models[model];
        let known = names
            .tensors
            .keys()
            .filter(|name| config.canonical(name).is_some())
            .count();
        if known as f64 >= KNOWN_SHARE * names.tensors.len() as f64 {
            return Ok(());
        }
        Err(SolveError::NotThisConfig {
            model: names.path.display().to_string(),
            config: config.id().to_owned(),
            known,
            tensors: names.tensors.len(),
        })
    }
}
