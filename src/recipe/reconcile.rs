//! Models of one family in different key formats: each is converted to that of the others it meets.
//!
//! The conversions are nodes of the graph, as if the recipe had them.

use super::groups::{Fixed, Groups};
use super::recognise::Recogniser;
use super::{Form, ModelId, NodeId, OutputNames, Recipe, RecipeNode, Route, SolveError};
use crate::keys::conversion::{self, Conversion};

/// A recipe with a conversion behind every model that needs one, and a line for each.
pub struct Reconciled {
    /// The recipe.
    pub recipe: Recipe,
    /// What is to be said, in lines.
    pub notes: Vec<String>,
}

/// The ways from a model node to the config of those it meets.
type Ways = Vec<Option<Vec<&'static Conversion>>>;

impl Recogniser<'_> {
    /// The recipe with a conversion behind every model that needs one. A recipe that routes tensors
    /// itself names those of the output as the graph does; another, as its reference model does.
    pub fn reconcile(&mut self, recipe: &Recipe) -> Result<Reconciled, SolveError> {
        let mut groups = Groups::of(recipe)?;
        let mut inferred: indexmap::IndexMap<usize, Vec<usize>> = indexmap::IndexMap::new();
        for (id, node) in recipe.nodes.iter().enumerate() {
            if let RecipeNode::Model { form, .. } = node
                && *form == Form::Inferred
            {
                inferred.entry(groups.find(id)).or_default().push(id);
            }
        }
        let mut ways: Ways = vec![None; recipe.nodes.len()];
        let mut notes = Vec::new();
        for (group, nodes) in inferred {
            let target = match &groups.fixed[group] {
                Some(Fixed::Own) => None,
                Some(Fixed::Config(name)) => Some(name.clone()),
                None => self.target(recipe, &nodes),
            };
            let Some(target) = target else {
                continue;
            };
            for id in nodes {
                let RecipeNode::Model { model, .. } = recipe.nodes[id] else {
                    continue;
                };
                let Some((from, way)) = self.way(model, &target) else {
                    continue;
                };
                let path = recipe.models[model.index()].display();
                notes.push(format!("{path}: {from}, is converted to {target}"));
                ways[id] = Some(way);
            }
        }
        notes.dedup();
        let mut reconciled = inserted(recipe, &ways);
        if !recipe.is_plain() {
            reconciled.options.output_names = OutputNames::Graph;
        }
        Ok(Reconciled {
            recipe: reconciled,
            notes,
        })
    }

    /// The config that models of one group have in common once they are converted: the reference's
    /// if all can become that, else that of the first to which all can be converted.
    fn target(&mut self, recipe: &Recipe, nodes: &[usize]) -> Option<String> {
        let mut shown: Vec<(bool, Vec<String>)> = Vec::new();
        for &id in nodes {
            let RecipeNode::Model { model, .. } = recipe.nodes[id] else {
                continue;
            };
            let configs = self.shown(model).configs.clone();
            let configs: Vec<String> = configs
                .iter()
                .filter(|config| !config.is_adapter())
                .map(|config| config.id().to_owned())
                .collect();
            let entry = (model != recipe.reference, configs);
            if !entry.1.is_empty() && !shown.contains(&entry) {
                shown.push(entry);
            }
        }
        shown.sort_by_key(|(other, _)| *other);
        let reached = |target: &&String| {
            let mut all = shown.iter().map(|(_, configs)| configs);
            all.all(|configs| {
                configs
                    .iter()
                    .any(|id| conversion::path(id, target).is_some())
            })
        };
        let single = shown.iter().filter(|(_, configs)| configs.len() == 1);
        single
            .map(|(_, configs)| &configs[0])
            .find(reached)
            .cloned()
    }

    /// What a model is and the conversions that lead to a config, where it is not of that config.
    fn way(&mut self, model: ModelId, target: &str) -> Option<(String, Vec<&'static Conversion>)> {
        let shown = self.shown(model);
        if shown.configs.iter().any(|config| config.id() == target) {
            return None;
        }
        let models = shown.configs.iter().filter(|config| !config.is_adapter());
        let mut ways = models.filter_map(|config| {
            Some((
                config.id().to_owned(),
                conversion::path(config.id(), target)?,
            ))
        });
        ways.next()
    }
}

/// The recipe with these conversions behind its models.
fn inserted(recipe: &Recipe, ways: &Ways) -> Recipe {
    let mut nodes = Vec::with_capacity(recipe.nodes.len());
    let mut lines = Vec::with_capacity(recipe.lines.len());
    let mut number_of: Vec<NodeId> = Vec::with_capacity(recipe.nodes.len());
    for (id, node) in recipe.nodes.iter().enumerate() {
        let mut node = node.clone();
        node.renumber(&mut |id| number_of[id.index()]);
        nodes.push(node);
        for step in ways[id].iter().flatten() {
            nodes.push(RecipeNode::Route {
                route: Route::Convert(step),
                inputs: vec![NodeId::new(nodes.len() - 1)],
            });
        }
        if let Some(&line) = recipe.lines.get(id) {
            lines.resize(nodes.len(), line);
        }
        number_of.push(NodeId::new(nodes.len() - 1));
    }
    Recipe {
        nodes,
        lines,
        ..recipe.clone()
    }
}
