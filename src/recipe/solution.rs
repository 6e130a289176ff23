//! A recipe solved against the models' headers: how the tensors of every node are named.
//!
//! Nodes whose tensors meet in a merge share one naming, called their form: a model config, or the
//! files' own names. Conversions join forms that differ. A model whose config is not given is
//! recognised by its names and shapes; what fits no config keeps its own names, so that any
//! architecture can be merged.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::groups::{Fixed, Groups};
use super::naming::{Names, Naming};
use super::prefix::Prefix;
use super::recognise::{GroupForm, Recogniser};
use super::{Form, Leaf, ModelId, NodeId, OutputNames, Recipe, RecipeNode, Route, SolveError};
use crate::keys::Config;
use crate::keys::nearest::hint;

/// How the tensors of every node are named.
#[derive(Clone, Debug)]
pub struct Solution<'a> {
    /// Per node the model config, or None for own names.
    configs: Vec<Option<Arc<Config>>>,
    /// Per model node its tensors.
    models: Vec<Option<Naming<'a>>>,
    /// The nodes that are models.
    model_nodes: Vec<NodeId>,
    /// The model nodes whose names the output's tensors have, the first that has one first.
    output: Vec<NodeId>,
    /// Per node how many merges come before it.
    merges: Vec<u32>,
    /// What each model is, for messages.
    pub described: Vec<String>,
    /// What is to be said about names, in lines.
    pub notes: Vec<String>,
}

impl<'a> Solution<'a> {
    /// Solves a recipe, whose models the recogniser knows.
    pub fn of(
        recipe: &Recipe,
        recogniser: &mut Recogniser<'a>,
    ) -> Result<Solution<'a>, SolveError> {
        let models = recogniser.models;
        check_stacks(recipe)?;
        let mut groups = Groups::of(recipe)?;
        let mut members: HashMap<usize, Vec<NodeId>> = HashMap::new();
        for id in 0..recipe.nodes.len() {
            let group = members.entry(groups.find(id)).or_default();
            group.push(NodeId::new(id));
        }
        let mut forms: HashMap<usize, GroupForm> = HashMap::new();
        for id in 0..recipe.nodes.len() {
            let group = groups.find(id);
            if let Entry::Vacant(entry) = forms.entry(group) {
                let fixed = groups.fixed[group].as_ref();
                entry.insert(recogniser.form(recipe, id, &members[&group], fixed)?);
            }
        }
        let form = |id: usize, groups: &mut Groups| &forms[&groups.find(id)];
        let configs = (0..recipe.nodes.len()).map(|id| form(id, &mut groups).config.clone());
        let configs: Vec<Option<Arc<Config>>> = configs.collect();
        let models_by_node = namings(recipe, models, |id| form(id, &mut groups));
        let is_model = |id: &NodeId| models_by_node[id.index()].is_some();
        let described = ModelId::all().take(models.len());
        let solution = Solution {
            model_nodes: (0..recipe.nodes.len())
                .map(NodeId::new)
                .filter(is_model)
                .collect(),
            models: models_by_node,
            merges: merges(recipe),
            output: output(recipe, &members[&groups.find(recipe.root().index())]),
            described: described.map(|model| recogniser.described(model)).collect(),
            notes: notes(models, &forms),
            configs,
        };
        for (id, node) in recipe.nodes.iter().enumerate() {
            let explanation = Some(&forms[&groups.find(id)].explanation);
            solution.check(recipe, NodeId::new(id), node, explanation)?;
            solution.check_entries(recipe, NodeId::new(id))?;
            solution.check_factors(recipe, NodeId::new(id))?;
        }
        solution.check_adapters(recipe, models)?;
        solution.check_sides(recipe)?;
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
        let Some(config) = &self.configs[id.index()] else {
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
    fn check_entries(&self, recipe: &Recipe, id: NodeId) -> Result<(), SolveError> {
        let has = |name: &String| {
            let mut models = self.models.iter().flatten();
            models.any(|naming| naming.find(name).is_some())
        };
        check_entries(recipe, id, self.config(id), has)
    }

    /// The model config of a node, or None where its tensors have their own names.
    pub fn config(&self, id: NodeId) -> Option<&Config> {
        self.configs[id.index()].as_deref()
    }

    /// How many merges come before a node.
    pub(super) fn merges_before(&self, id: NodeId) -> u32 {
        self.merges[id.index()]
    }

    /// A model node's tensor by the name that the node's form gives it.
    pub fn leaf(&self, id: NodeId, name: &str) -> Option<Leaf> {
        let naming = self.models[id.index()].as_ref()?;
        Some(Leaf {
            model: naming.model,
            name: naming.find(name)?.to_owned(),
        })
    }

    /// The name that a model node's tensor has in its file, by the name of the node's form.
    pub fn stored_name(&self, id: NodeId, name: &str) -> Option<&'a str> {
        self.models[id.index()].as_ref()?.find(name)
    }

    /// The tensors of models that go by a name, each of one node.
    pub fn named<'n>(&'n self, name: &'n str) -> impl Iterator<Item = Leaf> + 'n {
        let leaf = move |id: &NodeId| self.leaf(*id, name);
        self.model_nodes.iter().filter_map(leaf)
    }

    /// A model's tensor by the name that its first node gives it.
    pub fn of_model(&self, wanted: ModelId, name: &str) -> Option<Leaf> {
        let of = |id: &&NodeId| self.models[id.index()].as_ref().map(|naming| naming.model);
        let is = |id: &&NodeId| of(id) == Some(wanted);
        self.leaf(*self.model_nodes.iter().find(is)?, name)
    }

    /// The names of a model node's tensors, in file order.
    pub fn model_names(&self, id: NodeId) -> impl Iterator<Item = &str> {
        self.models[id.index()].iter().flat_map(Naming::names)
    }

    /// The name that a tensor of the result has in the output: that of the reference model's file,
    /// or else of the first file whose tensors have the same form.
    pub fn output_name<'n>(&'n self, name: &'n str) -> &'n str {
        let namings = self
            .output
            .iter()
            .filter_map(|id| self.models[id.index()].as_ref());
        let mut found = namings.filter_map(|naming| naming.find(name));
        found.next().unwrap_or(name)
    }

    /// Whether a pick or omission of a component passes a tensor.
    pub fn passes(&self, id: NodeId, route: &Route, name: &str) -> bool {
        let component = self.configs[id.index()]
            .as_ref()
            .and_then(|config| config.component_of(name));
        match route {
            Route::PickComponent(wanted) => component == Some(wanted),
            Route::OmitComponent(unwanted) => component != Some(unwanted),
            Route::OmitMatching(unwanted) => !unwanted.is_match(self.output_name(name)),
            _ => true,
        }
    }

    /// Whether the config of a node lets models lack a tensor: it calls it optional, or does not
    /// have it at all.
    pub fn is_optional(&self, id: NodeId, name: &str) -> bool {
        let config = self.configs[id.index()].as_ref();
        config.is_some_and(|config| config.key(name).is_none_or(|key| key.optional))
    }
}

/// How many merges come before each node.
fn merges(recipe: &Recipe) -> Vec<u32> {
    let mut count = 0;
    let before = recipe.nodes.iter().map(|node| {
        let before = count;
        count += u32::from(matches!(node, RecipeNode::Merge { .. }));
        before
    });
    before.collect()
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
            check_entries(recipe, NodeId::new(id), Some(config), |_| false)?;
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
    let RecipeNode::Literal { entries, form, .. } = &recipe.nodes[id.index()] else {
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
        let below = node
            .inputs()
            .into_iter()
            .map(|input| depths[input.index()])
            .max();
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
                node: recipe.label(NodeId::new(id)),
                limit: STACKS_MAX,
            });
        }
        depths.push(depth);
    }
    Ok(())
}

/// For each model node its tensors by the names that its form gives them. Nodes of one model and
/// form share them.
fn namings<'a, 'f>(
    recipe: &Recipe,
    models: &'a [Names<'a>],
    mut form: impl FnMut(usize) -> &'f GroupForm,
) -> Vec<Option<Naming<'a>>> {
    let mut known: HashMap<(ModelId, *const GroupForm), Naming<'a>> = HashMap::new();
    let mut naming = |(id, node): (usize, &RecipeNode)| {
        let RecipeNode::Model { model, .. } = node else {
            return None;
        };
        let form = form(id);
        let naming = known.entry((*model, std::ptr::from_ref(form)));
        let none = Prefix::default();
        let naming = naming.or_insert_with(|| {
            let prefix = form.prefixes.get(model).unwrap_or(&none);
            let named_by = (prefix, form.config.as_deref());
            let exact = recipe.options.exact_names;
            Naming::new(*model, models[model.index()], named_by, exact)
        });
        Some(naming.clone())
    };
    recipe.nodes.iter().enumerate().map(&mut naming).collect()
}

/// The model nodes among those of the result's form, the reference first.
fn output(recipe: &Recipe, members: &[NodeId]) -> Vec<NodeId> {
    if recipe.options.output_names == OutputNames::Graph {
        return Vec::new();
    }
    let is_model = |id: &&NodeId| matches!(recipe.nodes[id.index()], RecipeNode::Model { .. });
    let mut models: Vec<NodeId> = members.iter().filter(is_model).copied().collect();
    models.sort_by_key(|id| match recipe.nodes[id.index()] {
        RecipeNode::Model { model, .. } => model != recipe.reference,
        _ => true,
    });
    models
}

/// A line for each model of a group whose names have another prefix than those of the others.
fn notes(models: &[Names<'_>], forms: &HashMap<usize, GroupForm>) -> Vec<String> {
    let prefixes = forms.values().flat_map(|form| &form.prefixes);
    let mut lines: Vec<String> = prefixes
        .filter(|(_, prefix)| !prefix.is_empty())
        .map(|(&model, prefix)| {
            let path = models[model.index()].path.display();
            match (prefix.strip.as_str(), prefix.add.as_str()) {
                ("", add) => format!("{path}: `{add}` is put before its names"),
                (strip, "") => format!("{path}: `{strip}` is left out of its names"),
                (strip, add) => format!("{path}: `{add}` stands for `{strip}` in its names"),
            }
        })
        .collect();
    lines.sort_unstable();
    lines.dedup();
    lines
}
