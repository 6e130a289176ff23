//! Tensors of the output that are copied.

use super::draft::Work;
use super::drafter::Drafter;
use super::input::Input;
use super::ledger::Ledger;
use super::seen::Seen;
use crate::recipe::{Leaf, View};

impl<'a> Drafter<'a> {
    /// A tensor as it is.
    pub(super) fn copy(
        self,
        key: &str,
        origin: &View<Leaf>,
        seen: &Seen,
        ledger: &mut Ledger<'a>,
    ) -> Work {
        for leaf in origin.leaves() {
            ledger.uses(leaf.model, &leaf.name);
        }
        // The output has the tensor, though it is not theirs.
        for leaf in self.solution.named(key) {
            ledger.uses(leaf.model, &leaf.name);
        }
        Work::Copy(Input {
            element_bytes: seen.dtype.unit().bytes,
            bytes: seen.bytes.clone(),
        })
    }

    /// Every model's tensor of a name; none where one lacks it.
    pub(super) fn copies(self, key: &str) -> Box<[Seen]> {
        let mut leaves: Vec<Leaf> = self.solution.named(key).collect();
        leaves.sort_by_key(|leaf| leaf.model);
        leaves.dedup_by_key(|leaf| leaf.model);
        let seen = leaves.iter().map(|leaf| {
            let info = &self.sources[leaf.model.index()].tensors[&leaf.name];
            Seen::tensor(leaf.model, info)
        });
        match leaves.len() == self.sources.len() {
            true => seen.collect(),
            false => Box::default(),
        }
    }
}
