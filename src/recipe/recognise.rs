//! How the tensors of a group of nodes are named: by which model config, and with which prefixes.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::groups::Fixed;
use super::naming::Naming;
use super::prefix::{Prefix, Side};
use super::{Form, ModelId, Names, NodeId, Recipe, RecipeNode, SolveError};
use crate::keys::{Config, Configs, Verdict, conversion};
use crate::method::Space;

/// The share of a model's tensors that a config must know to be taken for the model's.
const KNOWN_SHARE: f64 = 0.1;

/// Below this share of common tensors two models are of different families, or one has a prefix.
pub(crate) const FAMILY_SHARE: f64 = 0.5;

/// What the names and shapes of a model show.
#[derive(Debug)]
pub(super) struct Shown<'a> {
    /// The configs that fit it equally well.
    pub(super) configs: Vec<&'a Arc<Config>>,
    /// Why, for messages.
    pub(super) explanation: String,
}

/// A model whose config is not clear.
#[derive(Debug)]
pub struct Unclear {
    /// Whether no config fits, instead of several.
    pub is_unknown: bool,
    /// What speaks for and against the configs, in lines.
    pub explanation: String,
}

impl Unclear {
    fn of(shown: &Shown<'_>) -> Unclear {
        Unclear {
            is_unknown: shown.configs.is_empty(),
            explanation: shown.explanation.clone(),
        }
    }
}

/// How the tensors of a group are named.
#[derive(Clone, Debug, Default)]
pub(super) struct GroupForm {
    /// The model config, or None for own names.
    pub(super) config: Option<Arc<Config>>,
    /// The prefixes of models that have one.
    pub(super) prefixes: HashMap<ModelId, Prefix>,
    /// What its models show, for messages.
    pub(super) explanation: String,
}

/// Finds out how the models of a recipe are named; looks at each once.
pub struct Recogniser<'a> {
    pub(super) models: &'a [Names<'a>],
    registry: &'a Configs,
    /// Per model the prefix that the user says.
    told: Vec<Prefix>,
    shown: Vec<Option<Rc<Shown<'a>>>>,
}

impl<'a> Recogniser<'a> {
    /// For a recipe of these models.
    pub fn new(recipe: &'a Recipe, models: &'a [Names<'a>]) -> Self {
        let told = |names: &Names<'_>| {
            let told = recipe.options.strip_prefix.iter();
            let mut told = told.filter(|told| names.tensors.keys().any(|n| n.starts_with(*told)));
            Prefix {
                strip: told.next().cloned().unwrap_or_default(),
                add: recipe.options.add_prefix.clone(),
            }
        };
        Recogniser {
            models,
            registry: &recipe.configs,
            told: models.iter().map(told).collect(),
            shown: vec![None; models.len()],
        }
    }

    /// The configs that models may be of.
    pub(super) fn registry(&self) -> &'a Configs {
        self.registry
    }

    /// What a model shows.
    pub(super) fn shown(&mut self, model: ModelId) -> Rc<Shown<'a>> {
        if let Some(shown) = &self.shown[model.index()] {
            return Rc::clone(shown);
        }
        // Models of one family mostly have the same tensors.
        let mut known = ModelId::all().zip(&self.shown);
        let twin = known.find(|(other, shown)| shown.is_some() && self.same(model, *other));
        let shown = match twin.and_then(|(_, shown)| shown.clone()) {
            Some(shown) => shown,
            None => Rc::new(self.look(model, &self.told[model.index()])),
        };
        self.shown[model.index()] = Some(Rc::clone(&shown));
        shown
    }

    /// What a model shows with a prefix left out or put before.
    fn look(&self, model: ModelId, prefix: &Prefix) -> Shown<'a> {
        let tensors = self.models[model.index()].tensors;
        let recognition = match prefix.is_empty() {
            true => {
                let shown = tensors.iter();
                let shown = shown.map(|(name, info)| (name.as_str(), info.shape.as_slice()));
                self.registry.recognise(shown)
            }
            false => {
                let names: Vec<_> = tensors.keys().map(|name| prefix.apply(name)).collect();
                let shown = names.iter().zip(tensors.values());
                let shown = shown.map(|(name, info)| (name.as_ref(), info.shape.as_slice()));
                self.registry.recognise(shown)
            }
        };
        Shown {
            explanation: recognition.explain(),
            configs: match recognition.verdict {
                Verdict::Unknown => Vec::new(),
                Verdict::Known(config) => vec![config],
                Verdict::Ambiguous(configs) => configs,
            },
        }
    }

    /// The form of a group of nodes: what is said about it, else what its models show.
    pub(super) fn form(
        &mut self,
        recipe: &Recipe,
        id: usize,
        members: &[NodeId],
        fixed: Option<&Fixed>,
    ) -> Result<GroupForm, SolveError> {
        let mut form = self.found(recipe, id, members, fixed)?;
        for (model, told) in ModelId::all().zip(&self.told) {
            if !told.is_empty() {
                form.prefixes.insert(model, told.clone());
            }
        }
        Ok(form)
    }

    fn found(
        &mut self,
        recipe: &Recipe,
        id: usize,
        members: &[NodeId],
        fixed: Option<&Fixed>,
    ) -> Result<GroupForm, SolveError> {
        let mut models: Vec<ModelId> = Vec::new();
        for &member in members {
            // Parameters may have any shape.
            if let RecipeNode::Model { model, form, space } = &recipe.nodes[member.index()]
                && *space != Space::Param
                && (*form != Form::Own || fixed == Some(&Fixed::Own))
                && !models.contains(model)
            {
                models.push(*model);
            }
        }
        match fixed {
            Some(Fixed::Own) => Ok(self.own(recipe, &models)),
            Some(Fixed::Config(name)) => {
                let fault = |fault| SolveError::Config {
                    node: recipe.label(NodeId::new(id)),
                    fault,
                };
                let config = Arc::clone(self.registry.find(name).map_err(fault)?);
                let mut form = GroupForm::default();
                for model in models {
                    let prefix = self.check(model, &config)?;
                    form.prefixes.insert(model, prefix);
                }
                form.config = Some(config);
                Ok(form)
            }
            None => self.recognise(recipe, id, &models),
        }
    }

    /// The config that all models show, if there is exactly one.
    fn recognise(
        &mut self,
        recipe: &Recipe,
        id: usize,
        models: &[ModelId],
    ) -> Result<GroupForm, SolveError> {
        let mut fits: Option<Vec<&'a Arc<Config>>> = None;
        let mut first = ModelId::default();
        let mut unknown = Vec::new();
        let mut explanation = String::new();
        for &model in models {
            let shown = self.shown(model);
            let path = self.models[model.index()].path.display();
            if explanation.len() < EXPLAINED {
                explanation += &format!("{path}:\n{}\n", shown.explanation);
            }
            if shown.configs.is_empty() {
                unknown.push(model);
                continue;
            }
            let Some(before) = &fits else {
                (fits, first) = (Some(shown.configs.clone()), model);
                continue;
            };
            let both: Vec<&Arc<Config>> = before
                .iter()
                .copied()
                .filter(|config| shown.configs.iter().any(|other| other.id() == config.id()))
                .collect();
            let mut all = before.iter().chain(&shown.configs);
            if both.is_empty() && all.any(|config| config.is_adapter()) {
                // What to do with factors is said where they would be merged.
                return Ok(self.own(recipe, models));
            }
            if both.is_empty() {
                return Err(SolveError::Families {
                    node: recipe.label(NodeId::new(id)),
                    first: self.described(first),
                    second: self.described(model),
                });
            }
            fits = Some(both);
        }
        let mut form = match fits.as_deref() {
            Some([config]) => self.with_prefixes(config, &unknown),
            _ => None,
        };
        if form.is_none() && !unknown.is_empty() {
            form = Some(self.own(recipe, models));
        }
        let mut form = form.unwrap_or_default();
        form.explanation = explanation;
        Ok(form)
    }

    /// The form of a config, if all of these models can be named by it.
    fn with_prefixes(&self, config: &Arc<Config>, unknown: &[ModelId]) -> Option<GroupForm> {
        let mut form = GroupForm {
            config: Some(Arc::clone(config)),
            ..GroupForm::default()
        };
        for &model in unknown {
            if !self.told[model.index()].is_empty() {
                return None;
            }
            form.prefixes.insert(model, self.prefix(model, config)?);
        }
        Some(form)
    }

    /// The config of a model that is to be converted to another: what it shows, as it is or with a
    /// prefix.
    ///
    /// # Errors
    /// What speaks for and against the configs, where it is not clear.
    pub fn source(&mut self, model: ModelId, to: &str) -> Result<String, Unclear> {
        let shown = self.shown(model);
        match shown.configs.as_slice() {
            [config] => Ok(config.id().to_owned()),
            [] => {
                let leads = |config: &&Arc<Config>| conversion::path(config.id(), to).is_some();
                let models = self
                    .registry
                    .iter()
                    .filter(|config| !config.is_adapter() && !config.is_blocks() && leads(config));
                let mut fits = models.filter(|config| self.prefix(model, config).is_some());
                let found = fits.next().map(|config| config.id().to_owned());
                found.ok_or_else(|| Unclear::of(&shown))
            }
            several => {
                let mut own = several.iter().filter(|config| config.id() == to);
                let found = own.next().map(|config| config.id().to_owned());
                found.ok_or_else(|| Unclear::of(&shown))
            }
        }
    }

    /// The prefix with which a model is of a config.
    pub(super) fn prefix(&self, model: ModelId, config: &Config) -> Option<Prefix> {
        let tensors = self.models[model.index()].tensors;
        let has = |name: &str| tensors.contains_key(name);
        let known = |name: &str| config.canonical(name).is_some();
        let own = Side {
            names: tensors.keys().map(String::as_str).collect(),
            has: &has,
        };
        let wanted = Side {
            names: config.keys().map(|(name, _)| name).collect(),
            has: &known,
        };
        let prefix = Prefix::between(&own, &wanted, &known)?;
        let shown = self.look(model, &prefix);
        let fits = shown.configs.iter().any(|shown| shown.id() == config.id());
        fits.then_some(prefix)
    }

    /// Own names, with the prefixes that make those of all models meet the reference's, or else
    /// the first's.
    fn own(&self, recipe: &Recipe, models: &[ModelId]) -> GroupForm {
        let mut form = GroupForm::default();
        if recipe.options.exact_names {
            return form;
        }
        let reference = models.iter().find(|&&model| model == recipe.reference);
        let Some(&reference) = reference.or(models.first()) else {
            return form;
        };
        let wanted = Naming::new(
            reference,
            self.models[reference.index()],
            (&self.told[reference.index()], None),
            recipe.options.exact_names,
        );
        let known = |name: &str| wanted.find(name).is_some();
        for &model in models.iter().filter(|&&model| model != reference) {
            let tensors = self.models[model.index()].tensors;
            let least = FAMILY_SHARE
                * tensors
                    .len()
                    .min(self.models[reference.index()].tensors.len()) as f64;
            let meets = |prefix: &Prefix| {
                let met = tensors.keys().filter(|name| known(&prefix.apply(name)));
                met.count() as f64 >= least
            };
            if !self.told[model.index()].is_empty() || meets(&Prefix::default()) {
                continue;
            }
            let has = |name: &str| tensors.contains_key(name);
            let own = Side {
                names: tensors.keys().map(String::as_str).collect(),
                has: &has,
            };
            let other = Side {
                names: wanted.names().collect(),
                has: &known,
            };
            let prefix = Prefix::between(&own, &other, &known);
            form.prefixes
                .extend(prefix.filter(meets).map(|prefix| (model, prefix)));
        }
        form
    }

    /// Whether two models have the same names and shapes in the same order.
    fn same(&self, model: ModelId, other: ModelId) -> bool {
        let [a, b] = [model, other].map(|model| self.models[model.index()].tensors);
        a.len() == b.len()
            && a.iter()
                .zip(b)
                .all(|((a, x), (b, y))| a == b && x.shape == y.shape)
    }

    /// The prefix with which a model can be of a config that it is said to be of.
    fn check(&self, model: ModelId, config: &Config) -> Result<Prefix, SolveError> {
        let names = &self.models[model.index()];
        let told = &self.told[model.index()];
        let known = names
            .tensors
            .keys()
            .filter(|name| config.canonical(&told.apply(name)).is_some())
            .count();
        if known as f64 >= KNOWN_SHARE * names.tensors.len() as f64 {
            return Ok(told.clone());
        }
        self.prefix(model, config)
            .ok_or_else(|| SolveError::NotThisConfig {
                model: names.path.display().to_string(),
                config: config.id().to_owned(),
                known,
                tensors: names.tensors.len(),
            })
    }
}

/// How long an explanation may become before further models are left out of it.
const EXPLAINED: usize = 4096;
