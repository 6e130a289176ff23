//! Checks that the factors of adapters are used as factors: all of them, and by conversions alone.

use super::adapt::delta;
use super::adapter_error::{BAKE, READ};
use super::{AdapterError, Names, NodeId, Recipe, RecipeNode, Route, Solution};
use crate::keys::adapter::{Adapter, Format};

impl Solution<'_> {
    /// Checks that every tensor of an adapter is a factor of some delta.
    pub(super) fn check_factors(&self, recipe: &Recipe, id: NodeId) -> Result<(), AdapterError> {
        let RecipeNode::Route {
            route: Route::Convert(conversion),
            inputs,
        } = &recipe.nodes[id.index()]
        else {
            return Ok(());
        };
        let (Some(format), Some(config)) = (conversion.adapter(), self.config(id)) else {
            return Ok(());
        };
        let mut names = self.names(recipe, inputs[0], &recipe.configs);
        for (name, _) in config.keys() {
            let made = delta(format, config, name, |factor| names.contains(factor));
            for factor in made.iter().flat_map(|(delta, _)| delta.factors()) {
                names.swap_remove(factor);
            }
        }
        let Some(example) = names.first().cloned() else {
            return Ok(());
        };
        let (node, base, count) = (recipe.label(id), config.id().to_owned(), names.len());
        let stem = example.split_once('.').map_or("", |(stem, _)| stem);
        let adapted = config.keys().any(|(name, key)| {
            let own = format.stem(name, key.dtype, &key.shape);
            own.is_some_and(|own| own == stem)
        });
        let missing = Format::lacking(stem, |factor| names.contains(factor));
        if let Some(missing) = missing.filter(|_| adapted) {
            return Err(AdapterError::Half {
                node,
                base,
                count,
                example,
                missing,
            });
        }
        let kind = Adapter::of(std::iter::once(example.as_str()));
        Err(AdapterError::Stray {
            node,
            base,
            count,
            kind: match kind.map(|adapter| adapter.kind) {
                None | Some("LoRA" | "LoKr" | "unknown kind") => "other adapters".to_owned(),
                Some(kind) => format!("adapters of the kind {kind}"),
            },
            example,
        })
    }

    /// Checks that factors of adapters go into conversions alone: a product of merged factors is
    /// not the merge of their products.
    pub(super) fn check_adapters(
        &self,
        recipe: &Recipe,
        models: &[Names<'_>],
    ) -> Result<(), AdapterError> {
        let merged = |name: &&str| recipe.options.filter.merges(name);
        let adapter = |names: &Names<'_>| {
            let names = names.tensors.keys().map(String::as_str);
            Adapter::of(names.filter(merged)).map(|adapter| adapter.to_string())
        };
        let adapters: Vec<Option<String>> = models.iter().map(adapter).collect();
        // The model node whose factors a node passes on.
        let mut passed: Vec<Option<NodeId>> = Vec::with_capacity(recipe.nodes.len());
        for (id, node) in recipe.nodes.iter().enumerate() {
            let given = |inputs: &[NodeId]| inputs.iter().find_map(|input| passed[input.index()]);
            let factors = match node {
                RecipeNode::Model { model, .. } => {
                    adapters[model.index()].is_some().then_some(NodeId::new(id))
                }
                RecipeNode::Route { route, inputs } => match route {
                    Route::Convert(conversion) if conversion.adapter().is_some() => None,
                    Route::Cast(_) => given(inputs),
                    _ => self.refuse_factors(recipe, id, given(inputs), &adapters)?,
                },
                node => self.refuse_factors(recipe, id, given(&node.inputs()), &adapters)?,
            };
            passed.push(factors);
        }
        Ok(())
    }

    /// The error for a node that is given factors of a model node.
    fn refuse_factors(
        &self,
        recipe: &Recipe,
        id: usize,
        factors: Option<NodeId>,
        adapters: &[Option<String>],
    ) -> Result<Option<NodeId>, AdapterError> {
        let Some(factors) = factors else {
            return Ok(None);
        };
        let RecipeNode::Model { model, .. } = recipe.nodes[factors.index()] else {
            return Ok(None);
        };
        let Some(adapter) = &adapters[model.index()] else {
            return Ok(None);
        };
        let conversion = self
            .config(factors)
            .filter(|config| config.is_adapter())
            .map(|config| format!("convert_'{}'_to_base", config.id()));
        Err(AdapterError::Merged {
            node: recipe.label(NodeId::new(id)),
            model: recipe.models[model.index()].display().to_string(),
            adapter: adapter.clone(),
            way: match conversion {
                Some(conversion) => format!(
                    "convert each adapter to its base and merge the deltas, in a recipe with \
                     `merge \"{conversion}\"` (docs/RECIPES.md, Adapters)"
                ),
                None => format!(
                    "convert each adapter to its base and merge the deltas, in a recipe \
                     (docs/RECIPES.md, Adapters: {READ}); {BAKE}. --exclude leaves factors out of \
                     the merge"
                ),
            },
        })
    }
}
