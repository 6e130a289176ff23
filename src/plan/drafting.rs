//! Drafts of all tensors, in several threads, whole or expert by expert.

use super::PlanError;
use super::account::is_merged;
use super::asked::Asked;
use super::draft::Draft;
use super::drafter::Drafter;
use super::job::Run;
use super::ledger::Ledger;
use super::parallel::in_shares;
use super::seen::Seen;
use crate::recipe::Experts;

/// Tensors that are worth a thread.
const THREAD_TENSORS: usize = 64;

/// Dimensions of a tensor that holds a matrix for each expert.
const RANK: usize = 3;

/// How the names of biases end, of which a tensor holds a vector for each expert.
const BIAS: &str = "_bias";

/// Whether a tensor, by its name, holds something of all experts of a layer: a part of the name
/// says experts, and no number says which.
fn holds_experts(name: &str) -> bool {
    let mut parts = name.split('.');
    let stacks = ["experts", "block_sparse_moe"];
    let inside = parts.any(|part| stacks.contains(&part));
    let numbered = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    inside && !parts.any(numbered)
}

impl<'a> Drafter<'a> {
    /// The drafts of tensors of the output, in order, without those that cannot be made; the ledger
    /// says why.
    pub(super) fn all(
        self,
        keys: &[&str],
        ledger: &mut Ledger<'a>,
    ) -> Result<Vec<Draft>, PlanError> {
        let parts = in_shares(keys, (self.threads, THREAD_TENSORS), |keys| self.part(keys));
        let mut drafts = Vec::with_capacity(keys.len());
        for (own, more) in parts {
            ledger.add(more);
            drafts.append(&mut own?);
        }
        Ok(drafts)
    }

    fn part(self, keys: &[&str]) -> Part<'a> {
        let mut ledger = Ledger::new(self.sources);
        let mut drafts = Vec::with_capacity(keys.len());
        for key in keys {
            if let Err(fault) = self.draft(key, &mut ledger, &mut drafts) {
                return (Err(fault), ledger);
            }
        }
        (Ok(drafts), ledger)
    }

    /// Adds a tensor of the output, whole or expert by expert; none where it cannot be made, and
    /// the ledger says why.
    fn draft(
        self,
        key: &str,
        ledger: &mut Ledger<'a>,
        drafts: &mut Vec<Draft>,
    ) -> Result<(), PlanError> {
        let parts = { self.recipe.options.sample.as_ref() }
            .and_then(|sample| sample.get(self.solution.output_name(key)));
        let whole = Asked::whole(key).run_of(parts.copied().unwrap_or(1));
        let Some(parts) = self.experts(&whole)? else {
            drafts.extend(self.one(&whole, ledger)?);
            return Ok(());
        };
        for part in 0..parts {
            let own = self.one(&whole.expert(Run { part, parts }), ledger)?;
            if own.is_empty() {
                break;
            }
            drafts.extend(own);
        }
        Ok(())
    }

    /// How many experts a tensor is merged by; None where it is merged as one.
    fn experts(self, asked: &Asked<'_>) -> Result<Option<u64>, PlanError> {
        let recipe = self.recipe;
        let name = self.solution.output_name(asked.key);
        if recipe.options.experts == Experts::Stored || !holds_experts(name) {
            return Ok(None);
        }
        let (root, view) = (recipe.root(), &asked.view);
        let copied = self.solution.routed(recipe, root, view).is_some();
        let origin = self.solution.origin(recipe, root, view);
        let Some(origin) = origin.filter(|_| !copied) else {
            return Ok(None);
        };
        let seen = Seen::of(&origin, self.sources)?;
        let merged = is_merged(recipe, name, seen.dtype);
        let is_stack = seen.shape.len() >= RANK || name.ends_with(BIAS) && seen.shape.len() == 2;
        let parts = seen.shape.first().copied().filter(|parts| *parts > 1);
        let counts = self.solution.named(asked.key).map(|leaf| {
            let info = self.sources[leaf.model.index()].tensors.get(&leaf.name);
            info.and_then(|info| info.shape.first().copied())
        });
        // Models with other numbers of experts are fitted to each other as they are.
        let parts = parts.filter(|_| { counts }.all(|count| count == parts));
        Ok(parts.filter(|_| merged && is_stack && self.stored(asked.key, &seen).is_ok()))
    }
}

/// What a thread drafts.
type Part<'a> = (Result<Vec<Draft>, PlanError>, Ledger<'a>);
