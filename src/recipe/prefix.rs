//! Prefixes by which the names of one file differ from those of the others.
//!
//! A network that is saved as part of another has that part's name before its own names
//! (`model.`, `module.`, `model.diffusion_model.`). Which prefix it is shows in the names: with it
//! they meet those of the other files, without it they do not.

use std::borrow::Cow;
use std::collections::HashMap;

/// How the names of a file become those of the graph. Names that do not begin with what is left
/// out stay as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Prefix {
    /// What is left out.
    pub(super) strip: String,
    /// What is put before.
    pub(super) add: String,
}

/// How many names of each side are asked for a prefix.
const ASKED: usize = 64;

impl Prefix {
    pub(super) fn is_empty(&self) -> bool {
        self.strip.is_empty() && self.add.is_empty()
    }

    /// The name with the prefix left out or put before.
    pub(super) fn apply<'n>(&self, name: &'n str) -> Cow<'n, str> {
        match (name.strip_prefix(&self.strip), self.add.as_str()) {
            (None, _) => Cow::Borrowed(name),
            (Some(rest), "") => Cow::Borrowed(rest),
            (Some(rest), add) => Cow::Owned(format!("{add}{rest}")),
        }
    }

    /// The prefix that makes most of `own` meet the names of the other side, if one does: `known`
    /// says whether a name is one of those, `wanted` lists them.
    pub(super) fn between(
        own: &Side<'_>,
        wanted: &Side<'_>,
        known: &dyn Fn(&str) -> bool,
    ) -> Option<Prefix> {
        let mut votes: HashMap<(&str, &str), usize> = HashMap::new();
        for name in own.asked() {
            for (prefix, rest) in cuts(name) {
                if known(rest) {
                    *votes.entry((prefix, "")).or_default() += 1;
                }
            }
        }
        for name in wanted.asked() {
            for (prefix, rest) in cuts(name) {
                if (own.has)(rest) {
                    *votes.entry(("", prefix)).or_default() += 1;
                }
            }
        }
        // Of equally many votes the shortest prefix is right, and the first of those.
        let best = votes.into_iter().max_by_key(|((strip, add), count)| {
            let length = std::cmp::Reverse(strip.len() + add.len());
            (*count, length, std::cmp::Reverse((*strip, *add)))
        });
        let ((strip, add), _) = best?;
        Some(Prefix {
            strip: strip.to_owned(),
            add: add.to_owned(),
        })
    }
}

/// The names of one side.
pub(super) struct Side<'s> {
    /// All of them.
    pub(super) names: Vec<&'s str>,
    /// Whether a name is one of them.
    pub(super) has: &'s dyn Fn(&str) -> bool,
}

impl<'s> Side<'s> {
    /// Some of the names, from all over.
    fn asked(&self) -> impl Iterator<Item = &'s str> {
        let step = self.names.len().div_ceil(ASKED).max(1);
        self.names.iter().copied().step_by(step)
    }
}

/// The ways to cut a name behind a dot.
fn cuts(name: &str) -> impl Iterator<Item = (&str, &str)> {
    name.match_indices('.').map(|(at, _)| name.split_at(at + 1))
}
