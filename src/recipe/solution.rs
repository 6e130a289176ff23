//! A recipe solved against the models' headers: how the tensors of every node are named.
//!
//! Nodes whose tensors meet in a merge share one naming, called their form: a model config, or the
//! files' own names. Conversions join forms that differ. A model whose config is not given is
//! recognised by its names and shapes; what fits no config keeps its own names, so that any
//! architecture can be merged.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::factors::AdapterError;
use super::groups::{Fixed, Groups};
use super::recognise::Recogniser;
use super::{Form, Label, Leaf, NodeId, Recipe, RecipeNode, Route};
use crate::checkpoint::Tensors;
use crate::keys::nearest::hint;
use crate::keys::{Config, ConfigError, Configs};

/// A recipe whose nodes cannot be named consistently.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SolveError {
    #[error("{node}: {fault}")]
    Config { node: Label, fault: ConfigError },
    #[error(
        "{node} mixes tensors named as in {first} with tensors named as in {second}: convert one \
         of them"
    )]
    Conflict {
        node: Label,
        first: String,
        second: String,
    },
    #[error(
        "{model} is said to be {config}, but {known} of its {tensors} tensors have names of that \
         config; `wgmerge inspect` says what it is"
    )]
    NotThisConfig {
        model: String,
        config: String,
        known: usize,
        tensors: usize,
    },
    #[error(
        "{node} needs to know the model config, which the models do not show; give it as \
         model_config\n{explanation}"
    )]
    NoConfig { node: Label, explanation: String },
    #[error("{node}: {config} has no component `{name}`; it has {known}")]
    Component {
        node: Label,
        config: String,
        name: String,
        known: String,
    },
    #[error("{node} stacks what is stacked {limit} times already; so many dimensions are not read")]
    Stacks { node: Label, limit: usize },
    #[error(transparent)]
    Adapter(#[from] AdapterError),
    #[error("{node}: there is no `{name}` in {names}{hint}")]
    Entry {
        node: Label,
        name: String,
        names: String,
        hint: String,
    },
}

impl SolveError {
    /// The line of the recipe's text at which it shows, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            SolveError::Config { node, .. }
            | SolveError::Conflict { node, .. }
            | SolveError::NoConfig { node, .. }
            | SolveError::Component { node, .. }
            | SolveError::Stacks { node, .. }
            | SolveError::Entry { node, .. } => node.line(),
            SolveError::Adapter(fault) => fault.line(),
            SolveError::NotThisConfig { .. } => None,
        }
    }
}

/// A model's headers, as far as names go.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The model's path, for messages.
    pub path: &'a std::path::Path,
    /// Its tensors, in file order.
    pub tensors: &'a Tensors,
}

/// A model's tensors by the names that its form gives them, in file order.
type NameMap = IndexMap<String, String, RandomState>;

/// How the tensors of every node are named.
#[derive(Clone, Debug)]
pub struct Solution {
    /// Per node the model config, or None for own names.
    configs: Vec<Option<Arc<Config>>>,
    /// Per model node: which model, and the config's names with the file's.
    models: Vec<Option<(usize, NameMap)>>,
    /// The nodes that are models.
    model_nodes: Vec<NodeId>,
}

impl Solution {
    /// Solves a recipe. `models` are those of the recipe.
    pub fn of(
        recipe: &Recipe,
        models: &[Names<'_>],
        registry: &Configs,
    ) -> Result<Solution, SolveError> {
        check_stacks(recipe)?;
        let mut groups = Groups::of(recipe)?;
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); recipe.nodes.len()];
        for id in 0..recipe.nodes.len() {
            members[groups.find(id)].push(id);
        }
        let mut configs = Vec::with_capacity(recipe.nodes.len());
        let mut explanations: HashMap<usize, String> = HashMap::new();
        let mut found: HashMap<usize, Option<Arc<Config>>> = HashMap::new();
        for id in 0..recipe.nodes.len() {
            let group = groups.find(id);
            if let std::collections::hash_map::Entry::Vacant(entry) = found.entry(group) {
                let fixed = groups.fixed[group].clone();
                let mut solver = Recogniser {
                    recipe,
                    models,
                    registry,
                    explanation: String::new(),
                };
                entry.insert(solver.config(id, &members[group], fixed)?);
                explanations.insert(group, solver.explanation);
            }
            configs.push(found[&group].clone());
        }
        let models_by_node = name_maps(recipe, models, &configs);
        let is_model = |id: &NodeId| models_by_node[id.0].is_some();
        let solution = Solution {
            model_nodes: (0..recipe.nodes.len())
                .map(NodeId)
                .filter(is_model)
                .collect(),
            models: models_by_node,
            configs,
        };
        for (id, node) in recipe.nodes.iter().enumerate() {
            let explanation = explanations.get(&groups.find(id));
            solution.check(recipe, NodeId(id), node, explanation)?;
            solution.check_entries(recipe, NodeId(id), models)?;
            solution.check_factors(recipe, NodeId(id))?;
        }
        solution.check_adapters(recipe, models)?;
        Ok(solution)
    }

    /// Checks that components are those of the config.
    fn check(
        &self,
        recipe: &Recipe,
        id: NodeId,
        node: &RecipeNode,
        explanation: Option<&String>,
    ) -> Result<(), SolveError> {
        let RecipeNode::Route {
            route: Route::PickComponent(name) | Route::OmitComponent(name),
            ..
        } = node
        else {
            return Ok(());
        };
        let Some(config) = &self.configs[id.0] else {
            return Err(SolveError::NoConfig {
                node: recipe.label(id),
                explanation: explanation.cloned().unwrap_or_default(),
            });
        };
        if config.components().contains(name) {
            return Ok(());
        }
        Err(SolveError::Component {
            node: recipe.label(id),
            config: config.id().to_owned(),
            name: name.clone(),
            known: config.components().join(", "),
        })
    }

    /// Checks that the values of a literal belong to something.
    fn check_entries(
        &self,
        recipe: &Recipe,
        id: NodeId,
        models: &[Names<'_>],
    ) -> Result<(), SolveError> {
        let has = |name: &String| {
            let mut models = models.iter();
            models.any(|model| model.tensors.contains_key(name))
        };
        check_entries(recipe, id, self.config(id), has)
    }

    /// The model config of a node, or None where its tensors have their own names.
    pub fn config(&self, id: NodeId) -> Option<&Config> {
        self.configs[id.0].as_deref()
    }

    /// A model node's tensor by the name that the node's form gives it.
    pub fn leaf(&self, id: NodeId, name: &str) -> Option<Leaf> {
        let (model, names) = self.models[id.0].as_ref()?;
        let name = names.get(name)?.clone();
        Some(Leaf {
            model: *model,
            name,
        })
    }

    /// The tensors of models that go by a name, each of one node.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = Leaf> + 'a {
        let leaf = move |id: &NodeId| self.leaf(*id, name);
        self.model_nodes.iter().filter_map(leaf)
    }

    /// A model's tensor by the name that its first node gives it.
    pub fn of_model(&self, wanted: usize, name: &str) -> Option<Leaf> {
        let is = |id: &&NodeId| matches!(&self.models[id.0], Some((model, _)) if *model == wanted);
        self.leaf(*self.model_nodes.iter().find(is)?, name)
    }

    /// The names of a model node's tensors, in file order.
    pub(super) fn model_names(&self, id: NodeId) -> impl Iterator<Item = &str> {
        let names = self.models[id.0].iter().flat_map(|(_, names)| names.keys());
        names.map(String::as_str)
    }

    /// Whether a pick or omission of a component passes a tensor.
    pub fn passes(&self, id: NodeId, route: &Route, name: &str) -> bool {
        let component = self.configs[id.0]
            .as_ref()
            .and_then(|config| config.component_of(name));
        match route {
            Route::PickComponent(wanted) => component == Some(wanted),
            Route::OmitComponent(unwanted) => component != Some(unwanted),
            _ => true,
        }
    }

    /// Whether the config of a node lets models lack a tensor: it calls it optional, or does not
    /// have it at all.
    pub fn is_optional(&self, id: NodeId, name: &str) -> bool {
        let config = self.configs[id.0].as_ref();
        config.is_some_and(|config| config.key(name).is_none_or(|key| key.optional))
    }
}

/// Checks the names in literals as far as the recipe alone says whose they are: those of blocks
/// that are converted, and of literals whose model config is given.
pub fn check_names(recipe: &Recipe) -> Result<(), SolveError> {
    check_stacks(recipe)?;
    let mut groups = Groups::of(recipe)?;
    let with_models: HashSet<usize> = (0..recipe.nodes.len())
        .filter(|id| matches!(recipe.nodes[*id], RecipeNode::Model { .. }))
        .map(|id| groups.find(id))
        .collect();
    for id in 0..recipe.nodes.len() {
        let group = groups.find(id);
        // A model may have tensors that its config does not know.
        if let (Some(Fixed::Config(name)), false) =
            (&groups.fixed[group], with_models.contains(&group))
            && let Ok(config) = recipe.configs.find(name)
        {
            check_entries(recipe, NodeId(id), Some(config), |_| false)?;
        }
    }
    Ok(())
}

/// Names of the supermerger form of blocks that its SD1 models have no block for: it takes them
/// from tables for both families.
const UNUSED: [(&str, &str); 1] = [("sd1-supermerger_blocks", "VAE")];

/// Checks that the values of a literal belong to something: names of the config, or of a model.
fn check_entries(
    recipe: &Recipe,
    id: NodeId,
    config: Option<&Config>,
    has: impl Fn(&String) -> bool,
) -> Result<(), SolveError> {
    let RecipeNode::Literal { entries, form, .. } = &recipe.nodes[id.0] else {
        return Ok(());
    };
    let known = |name: &String| {
        let of = |config: &Config| {
            let unused = UNUSED.contains(&(config.id(), name.as_str()));
            unused || config.canonical(name).is_some()
        };
        config.is_some_and(of) || has(name)
    };
    let Some(stray) = entries.keys().find(|name| !known(name)) else {
        return Ok(());
    };
    if *form == Form::Singleton {
        return Ok(());
    }
    let names = config.into_iter().flat_map(Config::keys);
    Err(SolveError::Entry {
        node: recipe.label(id),
        name: stray.clone(),
        names: match config {
            Some(config) => format!("the names of {}", config.id()),
            None => "any model".to_owned(),
        },
        hint: hint(stray, names.map(|(name, _)| name)),
    })
}

/// Stacks of stacks at most: each is one more dimension.
const STACKS_MAX: usize = 16;

/// Checks that no tensor is stacked without end.
fn check_stacks(recipe: &Recipe) -> Result<(), SolveError> {
    let mut depths: Vec<usize> = Vec::with_capacity(recipe.nodes.len());
    for (id, node) in recipe.nodes.iter().enumerate() {
        let below = node.inputs().into_iter().map(|input| depths[input.0]).max();
        let is_stack = matches!(
            node,
            RecipeNode::Route {
                route: Route::Stack,
                ..
            }
        );
        let depth = below.unwrap_or(0) + usize::from(is_stack);
        if depth > STACKS_MAX {
            return Err(SolveError::Stacks {
                node: recipe.label(NodeId(id)),
                limit: STACKS_MAX,
            });
        }
        depths.push(depth);
    }
    Ok(())
}

/// For each model node the names of its tensors, by the names that its config gives them.
fn name_maps(
    recipe: &Recipe,
    models: &[Names<'_>],
    configs: &[Option<Arc<Config>>],
) -> Vec<Option<(usize, NameMap)>> {
    let map = |(node, config): (&RecipeNode, &Option<Arc<Config>>)| {
        let RecipeNode::Model { model, .. } = node else {
            return None;
        };
        let canonical = |name: &str| match config {
            Some(config) => config.canonical(name).unwrap_or(name).to_owned(),
            None => name.to_owned(),
        };
        let names = models[*model].tensors.keys();
        let map = names.map(|name| (canonical(name), name.clone())).collect();
        Some((*model, map))
    };
    recipe.nodes.iter().zip(configs).map(map).collect()
}
