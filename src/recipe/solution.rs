//! A recipe solved against the models' headers: how the tensors of every node are named.
//!
//! Nodes whose tensors meet in a merge share one naming, called their form: a model config, or the
//! files' own names. Conversions join forms that differ. A model whose config is not given is
//! recognised by its names and shapes; what fits no config keeps its own names, so that any
//! architecture can be merged.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::{IndexMap, IndexSet};

use super::groups::Groups;
use super::recognise::Recogniser;
use super::{Form, Label, Leaf, NodeId, Recipe, RecipeNode, Route, View};
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
    #[error(
        "{node}: {count} tensors, such as `{example}`, are no factors of a LoRA or LoKr of {base}; \
         other adapters are not supported, and left out they would change the result"
    )]
    StrayFactors {
        node: Label,
        base: String,
        count: usize,
        example: String,
    },
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
            | SolveError::StrayFactors { node, .. }
            | SolveError::Entry { node, .. } => node.line(),
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
}

impl Solution {
    /// Solves a recipe. `models` are those of the recipe.
    pub fn of(
        recipe: &Recipe,
        models: &[Names<'_>],
        registry: &Configs,
    ) -> Result<Solution, SolveError> {
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
        let solution = Solution {
            models: name_maps(recipe, models, &configs),
            configs,
        };
        for (id, node) in recipe.nodes.iter().enumerate() {
            let explanation = explanations.get(&groups.find(id));
            solution.check(recipe, NodeId(id), node, explanation)?;
            solution.check_entries(recipe, NodeId(id), models)?;
            solution.check_factors(recipe, NodeId(id))?;
        }
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
        let RecipeNode::Literal { entries, form, .. } = &recipe.nodes[id.0] else {
            return Ok(());
        };
        let config = self.config(id);
        let known = |name: &String| {
            let has = |model: &Names<'_>| model.tensors.contains_key(name);
            config.is_some_and(|config| config.canonical(name).is_some()) || models.iter().any(has)
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

    /// The tensors of models that a node only passes on; None where it computes.
    pub fn routed(&self, recipe: &Recipe, id: NodeId, view: &View<String>) -> Option<View<Leaf>> {
        self.trace(recipe, id, view, false)
    }

    /// The tensors that a node's tensor has its shape and type from: those of the base, else of the
    /// first model that has them.
    pub fn origin(&self, recipe: &Recipe, id: NodeId, view: &View<String>) -> Option<View<Leaf>> {
        self.trace(recipe, id, view, true)
    }

    fn trace(
        &self,
        recipe: &Recipe,
        id: NodeId,
        view: &View<String>,
        through: bool,
    ) -> Option<View<Leaf>> {
        let first = |inputs: &[NodeId]| {
            inputs
                .iter()
                .find_map(|&input| self.trace(recipe, input, view, through))
        };
        match &recipe.nodes[id.0] {
            RecipeNode::Model { .. } => {
                view.replace(&mut |name: &String| self.leaf(id, name).map(View::Tensor))
            }
            RecipeNode::Literal { .. } => None,
            node @ RecipeNode::Merge { .. } if through => first(&node.operands()),
            RecipeNode::Merge { .. } => None,
            RecipeNode::Route { route, inputs } => match route {
                Route::Fallback => {
                    // Which of the two it is does not depend on whether it computes.
                    let produces =
                        |&&input: &&NodeId| self.trace(recipe, input, view, true).is_some();
                    let chosen = inputs.iter().find(produces)?;
                    self.trace(recipe, *chosen, view, through)
                }
                Route::Cast(_) | Route::OmitNonFinite if !through => None,
                Route::Cast(_) | Route::OmitNonFinite => first(inputs),
                Route::ConvertSingleton => None,
                Route::PickComponent(_) | Route::OmitComponent(_) => {
                    let passes = |name: &&String| self.passes(id, route, name);
                    match view.leaves().iter().all(passes) {
                        true => first(inputs),
                        false => None,
                    }
                }
                Route::Convert(conversion) => {
                    let view = self.converted(recipe, (id, conversion), inputs[0], view)?;
                    self.trace(recipe, inputs[0], &view, through)
                }
                Route::Stack => {
                    let views = inputs
                        .iter()
                        .map(|&input| self.trace(recipe, input, view, through));
                    Some(View::Stacked(views.collect::<Option<_>>()?))
                }
            },
        }
    }

    /// The names of all tensors that a node may have: those that any of its models has.
    pub fn names(&self, recipe: &Recipe, id: NodeId, registry: &Configs) -> NameSet {
        let mut names = NameSet::default();
        let mut seen = vec![false; recipe.nodes.len()];
        self.gather(recipe, id, registry, &mut names, &mut seen);
        names
    }

    /// Adds the names of a node's tensors, unless that was done before.
    fn gather(
        &self,
        recipe: &Recipe,
        id: NodeId,
        registry: &Configs,
        names: &mut NameSet,
        seen: &mut [bool],
    ) {
        if std::mem::replace(&mut seen[id.0], true) {
            return;
        }
        match &recipe.nodes[id.0] {
            RecipeNode::Model { .. } => {
                for name in self.models[id.0].iter().flat_map(|(_, names)| names.keys()) {
                    if !names.contains(name) {
                        names.insert(name.clone());
                    }
                }
            }
            RecipeNode::Literal { .. } => {}
            RecipeNode::Route {
                route: route @ (Route::PickComponent(_) | Route::OmitComponent(_)),
                inputs,
            } => {
                let all = self.names(recipe, inputs[0], registry);
                names.extend(all.into_iter().filter(|name| self.passes(id, route, name)));
            }
            RecipeNode::Route {
                route: Route::Convert(conversion),
                inputs,
            } => {
                let sources = self.names(recipe, inputs[0], registry);
                if let Ok(target) = registry.find(conversion.to) {
                    names.extend(self.converted_names((id, conversion), &sources, target));
                }
            }
            node => {
                for input in node.operands() {
                    self.gather(recipe, input, registry, names, seen);
                }
            }
        }
    }
}

/// Names in order.
pub type NameSet = IndexSet<String, RandomState>;

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
