//! Matrices whose rows are taken from tensors of several nodes: vocabularies that are brought into
//! one order.

use std::fmt::Debug;

use super::{Leaf, Rule, View};
use crate::vocabulary::RowMap;

/// Rows of tensors, in another order and of other models.
pub trait Gathering: Debug + Send + Sync {
    /// The rows of the tensor that goes by `name`; None where that of the first input passes as it
    /// is.
    fn rows(&self, name: &str) -> Option<GatheredRows>;
}

/// The rows of one tensor.
#[derive(Clone, Debug)]
pub struct GatheredRows {
    /// The positions of the inputs that the map's sources are; the first is 0.
    pub inputs: Vec<usize>,
    /// The rows.
    pub map: Rule<RowMap>,
}

/// A tensor of an input.
pub(super) struct Asked<'v> {
    pub(super) input: usize,
    pub(super) name: &'v String,
}

impl Rule<dyn Gathering> {
    /// Whether all tensors of a view pass as they are.
    pub(super) fn passes(&self, view: &View<String>) -> bool {
        view.leaves()
            .into_iter()
            .all(|name| self.0.rows(name).is_none())
    }

    /// The tensors that a view is made of.
    pub(super) fn asked<'v>(&self, view: &'v View<String>) -> Vec<Asked<'v>> {
        let asked = view.leaves().into_iter().flat_map(|name| {
            let rows = self.0.rows(name);
            let inputs = rows.map_or_else(|| vec![0], |rows| rows.inputs);
            inputs.into_iter().map(move |input| Asked { input, name })
        });
        asked.collect()
    }

    /// The view, of what was found of the tensors that it is made of.
    pub(super) fn gathered(
        &self,
        view: &View<String>,
        found: impl IntoIterator<Item = View<Leaf>>,
    ) -> Option<View<Leaf>> {
        let mut found = found.into_iter();
        view.replace(&mut |name: &String| match self.0.rows(name) {
            None => found.next(),
            Some(rows) => {
                let of: Vec<View<Leaf>> = found.by_ref().take(rows.inputs.len()).collect();
                (of.len() == rows.inputs.len()).then_some(View::Gathered { of, map: rows.map })
            }
        })
    }
}
