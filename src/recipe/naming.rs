//! The tensors of a model by the names that the graph gives them.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::ModelId;
use super::prefix::Prefix;
use crate::checkpoint::Tensors;
use crate::keys::Config;

/// A model's headers, as far as names go.
#[derive(Clone, Copy, Debug)]
pub struct Names<'a> {
    /// The model's path, for messages.
    pub path: &'a std::path::Path,
    /// Its tensors, in file order.
    pub tensors: &'a Tensors,
}

/// The tensors of a model in file order, by the names of the graph.
#[derive(Clone, Debug)]
pub(super) struct Naming<'a> {
    pub(super) model: ModelId,
    file: Names<'a>,
    /// The numbers of the tensors by the graph's names; None where those are the file's own.
    names: Option<Arc<IndexMap<String, usize, RandomState>>>,
}

impl<'a> Naming<'a> {
    /// The naming of a model under a config, or by its own names. Where two of its tensors get one
    /// name, the one that has it in the file keeps it; where names are `exact`, the later one.
    pub(super) fn new(
        model: ModelId,
        file: Names<'a>,
        (prefix, config): (&Prefix, Option<&Config>),
        exact: bool,
    ) -> Naming<'a> {
        let mut naming = Naming {
            model,
            file,
            names: None,
        };
        let graph = |name: &'a str| {
            let name = prefix.apply(name);
            let canonical = config.and_then(|config| config.canonical(&name));
            canonical.map_or_else(|| name.clone().into_owned(), str::to_owned)
        };
        let own = || file.tensors.keys().map(String::as_str);
        if own().all(|name| graph(name) == name) {
            return naming;
        }
        let mut names =
            IndexMap::with_capacity_and_hasher(file.tensors.len(), RandomState::default());
        for (number, name) in own().enumerate() {
            let graph = graph(name);
            let wins = |known: usize| {
                let known = file.tensors.get_index(known);
                known.is_none_or(|(known, _)| known.as_str() < name)
            };
            match names.get(&graph) {
                Some(&known) if exact && !wins(known) => {}
                Some(_) if !exact && graph != name => {}
                _ => _ = names.insert(graph, number),
            }
        }
        naming.names = Some(Arc::new(names));
        naming
    }

    /// The file's name of a tensor, by the graph's.
    pub(super) fn find(&self, name: &str) -> Option<&'a str> {
        let tensors = self.file.tensors;
        let found = match &self.names {
            None => tensors.get_key_value(name),
            Some(names) => tensors.get_index(*names.get(name)?),
        };
        found.map(|(name, _)| name.as_str())
    }

    /// The graph's names, in file order.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let own = match self.names {
            None => Some(self.file.tensors.keys()),
            Some(_) => None,
        };
        let named = self.names.iter().flat_map(|names| names.keys());
        own.into_iter().flatten().chain(named).map(String::as_str)
    }
}
