//! Which tensors a node may have.

use std::borrow::Cow;
use std::collections::HashSet;
use std::rc::Rc;

use foldhash::fast::RandomState;
use indexmap::IndexSet;

use super::Route::{Gather, Layers, OmitComponent, OmitMatching, PickComponent, Rename, Select};
use super::{NameSet, NodeId, Recipe, RecipeNode, Route, Solution};
use crate::keys::Configs;

/// Names of a node, borrowed from models and configs but for those that a rule made.
pub(super) type Borrowed<'a> = IndexSet<Cow<'a, str>, RandomState>;

impl Solution<'_> {
    /// The names of all tensors that a node may have: those that any of its models has.
    pub fn names(&self, recipe: &Recipe, id: NodeId, registry: &Configs) -> NameSet {
        let mut gatherer = Gatherer::new(self, recipe, registry, id);
        for id in (0..=id.index()).map(NodeId::new) {
            gatherer.gather(id);
        }
        let names = gatherer.sets[id.index()].take();
        let names = names.iter().flat_map(|names| &names.names);
        names.map(|name| name.clone().into_owned()).collect()
    }
}

/// A set of names that several nodes may share.
#[derive(Clone, Default)]
struct Names<'a> {
    /// Sets with the same number hold the same names.
    number: usize,
    names: Borrowed<'a>,
}

/// Gathers the names of nodes in their order. A set is kept until its last reader had it, and
/// shared by nodes that add nothing to it.
struct Gatherer<'a> {
    solution: &'a Solution<'a>,
    recipe: &'a Recipe,
    registry: &'a Configs,
    sets: Vec<Option<Rc<Names<'a>>>>,
    /// How many nodes are still to read each set.
    readers: Vec<usize>,
    /// The number of the last set.
    last: usize,
    /// Numbers of sets with those of sets whose names they have.
    within: HashSet<(usize, usize)>,
}

/// The nodes whose names a node has.
fn sources(node: &RecipeNode) -> Vec<NodeId> {
    match node {
        RecipeNode::Model { .. } | RecipeNode::Literal { .. } => Vec::new(),
        // The other inputs of a gathering only lend rows, and a reference says an order.
        RecipeNode::Route {
            route: Gather(_) | Layers(_),
            inputs,
        } => inputs[..1].to_vec(),
        node => node.operands(),
    }
}

impl<'a> Gatherer<'a> {
    fn new(
        solution: &'a Solution<'a>,
        recipe: &'a Recipe,
        registry: &'a Configs,
        root: NodeId,
    ) -> Gatherer<'a> {
        let mut readers = vec![0; root.index() + 1];
        readers[root.index()] = 1;
        for id in (0..=root.index()).rev() {
            if readers[id] > 0 {
                for source in sources(&recipe.nodes[id]) {
                    readers[source.index()] += 1;
                }
            }
        }
        Gatherer {
            solution,
            recipe,
            registry,
            sets: vec![None; root.index() + 1],
            readers,
            last: 0,
            within: HashSet::new(),
        }
    }

    fn gather(&mut self, id: NodeId) {
        if self.readers[id.index()] == 0 {
            return;
        }
        let node = &self.recipe.nodes[id.index()];
        let names = match node {
            RecipeNode::Model { .. } => {
                let names = self.solution.model_names(id).map(Cow::Borrowed).collect();
                self.set(names)
            }
            RecipeNode::Route {
                route: route @ (PickComponent(_) | OmitComponent(_) | OmitMatching(_)),
                inputs,
            } => {
                let names = self.read(inputs[0]);
                let passed = names.names.iter();
                let passed = passed.filter(|name| self.solution.passes(id, route, name));
                let passed = passed.cloned().collect();
                self.set(passed)
            }
            RecipeNode::Route {
                route: Route::Convert(conversion),
                inputs,
            } => {
                let names = self.read(inputs[0]);
                let solution = self.solution;
                let converted = self
                    .registry
                    .find(conversion.to)
                    .map(|target| solution.converted_names((id, conversion), &names.names, target));
                let converted = converted.unwrap_or_default().into_iter();
                self.set(converted.map(Cow::Borrowed).collect())
            }
            RecipeNode::Route {
                route: Rename(rule),
                inputs,
            } => {
                let names = self.read(inputs[0]);
                let renamed = names.names.iter().flat_map(|name| rule.0.targets(name));
                let renamed = renamed.map(Cow::Owned).collect();
                self.set(renamed)
            }
            RecipeNode::Route {
                route: Select(rule),
                inputs,
            } => {
                let mut selected = Borrowed::default();
                for (position, input) in inputs.iter().enumerate() {
                    let names = self.read(*input);
                    let own = names.names.iter();
                    let own = own.filter(|name| rule.0.input(name) == Some(position));
                    selected.extend(own.cloned());
                }
                self.set(selected)
            }
            node => {
                let sources = sources(node).into_iter();
                let sets: Vec<_> = sources.map(|source| self.read(source)).collect();
                self.union(sets)
            }
        };
        self.sets[id.index()] = Some(names);
    }

    fn set(&mut self, names: Borrowed<'a>) -> Rc<Names<'a>> {
        self.last += 1;
        let number = self.last;
        Rc::new(Names { number, names })
    }

    /// The names of a node that was gathered, for one of its readers.
    fn read(&mut self, id: NodeId) -> Rc<Names<'a>> {
        self.readers[id.index()] -= 1;
        let names = match self.readers[id.index()] {
            0 => self.sets[id.index()].take(),
            _ => self.sets[id.index()].clone(),
        };
        names.unwrap_or_default()
    }

    /// The names of all, in the order in which they come first.
    fn union(&mut self, sets: Vec<Rc<Names<'a>>>) -> Rc<Names<'a>> {
        let mut sets = sets.into_iter();
        let Some(mut all) = sets.next() else {
            return Rc::default();
        };
        for set in sets {
            let pair = (all.number, set.number);
            if pair.0 == pair.1 || self.within.contains(&pair) {
                continue;
            }
            if !set.names.iter().all(|name| all.names.contains(name)) {
                self.last += 1;
                let all = Rc::make_mut(&mut all);
                all.number = self.last;
                all.names.extend(set.names.iter().cloned());
            }
            self.within.insert((all.number, set.number));
        }
        all
    }
}
