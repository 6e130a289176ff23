//! Which tensors of the result a merge gives, and what they are called in its models.

use std::collections::HashMap;
use std::sync::Arc;

use super::layers::{Place, is_embedding, place};
use crate::recipe::{Renaming, Selection};

/// The parts of models that a document names.
#[derive(Debug, Default)]
pub(super) struct Modules {
    /// The part that each name is of, in order; of a name that begins with none of them there is
    /// the rest.
    pub names: Vec<String>,
    /// The number of the part that has all other tensors.
    pub rest: Option<usize>,
}

impl Modules {
    /// The number of the part that has a tensor: the first among the parts of its name that is one.
    pub fn of(&self, name: &str) -> Option<usize> {
        let number = |part: &str| self.names.iter().position(|own| own == part);
        let named = name.split('.').find_map(number);
        named.filter(|at| Some(*at) != self.rest).or(self.rest)
    }
}

/// Tensors outside of layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Outer {
    /// Those before the layers.
    pub before: bool,
    /// Those after them.
    pub after: bool,
}

/// A run of layers of the result.
#[derive(Clone, Debug)]
pub(super) struct LayerRun {
    /// The stack.
    pub stack: String,
    /// The first of its layers in the result.
    pub first: usize,
    /// How many there are.
    pub count: usize,
    /// The first of them in each model, in the order of the merge's models.
    pub starts: Vec<usize>,
}

/// The tensors that a merge gives.
#[derive(Debug)]
pub(super) struct Extent {
    /// The parts of models, and which of them it is.
    pub modules: Arc<Modules>,
    /// The number of its part.
    pub module: usize,
    /// Its layers. Where it has all of whole models these are all their stacks.
    pub runs: Vec<LayerRun>,
    /// Whether tensors of other stacks are none of its layers but outside of them.
    pub sliced: bool,
    /// The tensors outside of layers that it gives.
    pub outer: Outer,
}

impl Extent {
    /// The run that a tensor's layer lies in, if it is in one of the stacks.
    fn run<'e, 'n>(&'e self, name: &'n str) -> Option<(&'e LayerRun, Place<'n>)> {
        let place = place(name)?;
        let run = self.runs.iter().find(|run| run.stack == place.stack)?;
        Some((run, place))
    }

    /// Whether it gives a tensor of the result.
    pub fn has(&self, name: &str) -> bool {
        if self.modules.of(name) != Some(self.module) {
            return false;
        }
        match self.run(name) {
            Some((run, place)) => (run.first..run.first + run.count).contains(&place.layer),
            None if !self.sliced => true,
            None if is_embedding(name) => self.outer.before,
            None => self.outer.after,
        }
    }

    /// Whether a tensor of the result lies in one of its layers.
    pub fn is_layer(&self, name: &str) -> bool {
        self.run(name).is_some()
    }

    /// How deep a tensor of the result lies among its layers, from 0 to 1; outside of them at 0.
    pub fn depth(&self, name: &str) -> f64 {
        match self.run(name) {
            Some((LayerRun { count: 1, .. }, _)) => 1.0,
            Some((run, place)) => {
                let at = place.layer.saturating_sub(run.first);
                at as f64 / (run.count - 1) as f64
            }
            None => 0.0,
        }
    }

    /// What one of the models calls a tensor of the result.
    pub fn source(&self, name: &str, model: usize) -> String {
        match self.run(name) {
            Some((run, place)) => place.at((place.layer + run.starts[model]) - run.first),
            None => name.to_owned(),
        }
    }

    /// What the result calls a tensor of one of the models; None where it does not have it.
    pub fn target(&self, name: &str, model: usize) -> Option<String> {
        let target = match self.run(name) {
            Some((run, place)) => {
                let at = place.layer.checked_sub(run.starts[model])?;
                place.at(run.first + at)
            }
            None => name.to_owned(),
        };
        self.has(&target).then_some(target)
    }

    /// Whether one of the models has other names than the result.
    pub fn renames(&self, model: usize) -> bool {
        self.runs.iter().any(|run| run.starts[model] != run.first)
    }
}

/// The tensors of one of the models under the names of the result.
#[derive(Debug)]
pub(super) struct Renamed {
    /// The tensors.
    pub extent: Arc<Extent>,
    /// The model's number in its merge.
    pub model: usize,
    /// A head that the model does not have, and the embedding that stands for it.
    pub tied: Option<Tied>,
}

/// A head that is tied to the embedding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tied {
    /// The head's name.
    pub head: String,
    /// The name of the embedding.
    pub embedding: String,
}

impl Renaming for Renamed {
    fn source(&self, name: &str) -> Option<String> {
        if !self.extent.has(name) {
            return None;
        }
        match &self.tied {
            Some(tied) if tied.head == name => Some(tied.embedding.clone()),
            _ => Some(self.extent.source(name, self.model)),
        }
    }

    fn targets(&self, name: &str) -> Vec<String> {
        let head = match &self.tied {
            Some(tied) if tied.embedding == name && self.extent.has(&tied.head) => {
                Some(tied.head.clone())
            }
            _ => None,
        };
        let own = self.extent.target(name, self.model);
        own.into_iter().chain(head).collect()
    }
}

/// The merges of a document side by side, of which there may be thousands.
#[derive(Debug)]
pub(super) struct Beside {
    extents: Vec<Arc<Extent>>,
    /// For each stack the first merge that has a layer, by the numbers of its part and the layer.
    layers: HashMap<String, HashMap<(usize, usize), usize>>,
    /// Those that have tensors outside of their layers.
    loose: Vec<usize>,
}

impl Beside {
    pub fn new(extents: Vec<Arc<Extent>>) -> Beside {
        let mut layers: HashMap<String, HashMap<(usize, usize), usize>> = HashMap::new();
        for (at, extent) in extents.iter().enumerate() {
            for run in &extent.runs {
                let own = layers.entry(run.stack.clone()).or_default();
                for layer in run.first..run.first + run.count {
                    own.entry((extent.module, layer)).or_insert(at);
                }
            }
        }
        let is_loose =
            |extent: &Extent| !extent.sliced || extent.outer.before || extent.outer.after;
        let loose = extents.iter().enumerate();
        let loose = loose.filter(|(_, extent)| is_loose(extent));
        Beside {
            loose: loose.map(|(at, _)| at).collect(),
            layers,
            extents,
        }
    }
}

impl Selection for Beside {
    fn input(&self, name: &str) -> Option<usize> {
        let module = self.extents.first()?.modules.of(name)?;
        let layer = place(name).and_then(|place| {
            let own = self.layers.get(place.stack)?;
            own.get(&(module, place.layer)).copied()
        });
        let mut loose = self.loose.iter().copied();
        let loose = loose.find(|at| self.extents[*at].has(name));
        layer.into_iter().chain(loose).min()
    }
}
