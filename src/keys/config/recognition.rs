//! Which config a checkpoint is named by, and why.
//!
//! Of the configs that a checkpoint may be of, the best is the one with the fewest unknown names,
//! then the fewest other shapes, then the fewest missing tensors in the components that are there.
//! What is left of a component of which most is missing says nothing about its family; configs that
//! do not differ in more than that leave the checkpoint ambiguous.

use std::sync::Arc;

use super::Config;
use super::candidate::Candidate;

/// What a checkpoint is.
#[derive(Clone, Debug)]
pub enum Verdict<'c> {
    /// Its tensors are named by this config.
    Known(&'c Arc<Config>),
    /// No config fits: the tensors keep their own names.
    Unknown,
    /// These configs fit equally well.
    Ambiguous(Vec<&'c Arc<Config>>),
}

/// What a checkpoint is, and the configs that were considered.
#[derive(Clone, Debug)]
pub struct Recognition<'c> {
    /// What it is.
    pub verdict: Verdict<'c>,
    /// The configs that share names with it, the best first.
    pub candidates: Vec<Candidate<'c>>,
}

/// How many candidates an explanation shows beyond those of a verdict that is not certain.
const SHOWN: usize = 2;

impl<'c> Recognition<'c> {
    pub(super) fn among(candidates: impl Iterator<Item = Candidate<'c>>) -> Recognition<'c> {
        let mut candidates: Vec<Candidate<'c>> = candidates.collect();
        candidates.sort_by_key(rank);
        let fits = |candidate: &&Candidate<'c>| candidate.objection().is_none();
        let best = candidates.iter().find(fits).map(rank);
        let best: Vec<&'c Arc<Config>> = candidates
            .iter()
            .filter(|candidate| Some(rank(candidate)) == best)
            .map(|candidate| candidate.config)
            .collect();
        let verdict = match best.as_slice() {
            [] => Verdict::Unknown,
            [config] => Verdict::Known(config),
            _ => Verdict::Ambiguous(best),
        };
        Recognition {
            verdict,
            candidates,
        }
    }

    /// What the checkpoint is and why, in lines.
    pub fn explain(&self) -> String {
        let (mut text, decided) = match &self.verdict {
            Verdict::Known(config) => (format!("model config {}", config.id()), 1),
            Verdict::Unknown => (
                "no known model config: the tensors keep their own names".into(),
                0,
            ),
            Verdict::Ambiguous(configs) => {
                let ids: Vec<&str> = configs.iter().map(|config| config.id()).collect();
                let list = ids.join(", ");
                (
                    format!("one of the model configs {list}: the tensors do not tell which"),
                    ids.len(),
                )
            }
        };
        // What is certain needs no rivals.
        let others = match self.verdict {
            Verdict::Known(_) => 0,
            _ => SHOWN,
        };
        for candidate in self.candidates.iter().take(decided + others) {
            text += "\n";
            text += &candidate.explain();
        }
        text
    }
}

/// Orders candidates, the best first: by whether they fit and by what speaks against them.
fn rank(candidate: &Candidate<'_>) -> (bool, usize, usize, usize) {
    let (expected, missing) = candidate.touched();
    let missing = if missing * 2 > expected {
        usize::MAX
    } else {
        missing
    };
    (
        candidate.objection().is_some(),
        candidate.unknown(),
        candidate.other_shapes,
        missing,
    )
}
