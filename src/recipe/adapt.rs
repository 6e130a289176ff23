//! Deltas of adapters in the graph: which factors a tensor's delta is made of.

use super::{NodeId, Recipe, Solution, View};
use crate::keys::Conversion;
use crate::keys::adapter::{Delta, Format};
use crate::keys::config::Config;

impl Solution<'_> {
    /// How a converted tensor is made of tensors of the conversion's input; None where it cannot
    /// be. Where an adapter has nothing for a part of a tensor, the part is zero.
    pub(super) fn converted(
        &self,
        recipe: &Recipe,
        (id, conversion): (NodeId, &Conversion),
        input: NodeId,
        view: &View<String>,
    ) -> Option<View<String>> {
        let Some(format) = conversion.adapter() else {
            return view.replace(&mut |name: &String| conversion.relation(name).map(View::from));
        };
        let has = |name: &str| {
            let factor = View::Tensor(name.to_owned());
            self.origin(recipe, input, &factor).is_some()
        };
        let config = self.config(id)?;
        let deltas = view.replace(&mut |name: &String| {
            Some(match delta(format, config, name, has) {
                Some((delta, shape)) => View::Delta { delta, shape },
                None => View::Zero,
            })
        });
        deltas.filter(|view| !view.leaves().is_empty())
    }

    /// The names of a conversion's tensors, given those of its input in the order of the target.
    pub(super) fn converted_names<'c>(
        &self,
        (id, conversion): (NodeId, &Conversion),
        sources: &super::names::Borrowed<'_>,
        target: &'c Config,
    ) -> Vec<&'c str> {
        let made = |name: &str| match (conversion.adapter(), self.config(id)) {
            (Some(format), Some(config)) => {
                delta(format, config, name, |factor| sources.contains(factor)).is_some()
            }
            _ => conversion.relation(name).is_some_and(|relation| {
                let view = View::from(relation);
                view.leaves()
                    .into_iter()
                    .any(|leaf| sources.contains(leaf.as_str()))
            }),
        };
        let names = target.keys().map(|(name, _)| name);
        names.filter(|name| made(name)).collect()
    }
}

/// The delta of a tensor, and the shape that the config gives the tensor.
pub(super) fn delta(
    format: &Format,
    config: &Config,
    name: &str,
    has: impl Fn(&str) -> bool,
) -> Option<(Delta<String>, Vec<u64>)> {
    let key = config.key(name)?;
    let stem = format.stem(name, key.dtype, &key.shape)?;
    Some((Format::delta(&stem, has)?, key.shape.clone()))
}
