//! How well a config fits the tensors of a checkpoint.

use crate::figures::counted;
use std::sync::Arc;

use super::Config;

/// A tensor whose shape is not the config's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherShape {
    /// The checkpoint's name of the tensor.
    pub name: String,
    /// The shape in the checkpoint.
    pub found: Vec<u64>,
    /// The shape in the config.
    pub expected: Vec<u64>,
}

/// How many tensors of a component a checkpoint has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ComponentCount {
    /// Tensors that are there.
    pub found: usize,
    /// Tensors that are expected: the mandatory ones, and the optional ones that are there.
    pub expected: usize,
}

/// A config that shares names with a checkpoint.
#[derive(Clone, Debug)]
pub struct Candidate<'c> {
    /// The config.
    pub config: &'c Arc<Config>,
    /// Tensors of the checkpoint.
    pub tensors: usize,
    /// Those whose names the config has, as names or as aliases.
    pub known: usize,
    /// Those whose names the config has with another shape.
    pub other_shapes: usize,
    /// Mandatory tensors of the config.
    pub mandatory: usize,
    /// Those that the checkpoint lacks.
    pub mandatory_missing: usize,
    /// Per component of the config, what of it is there.
    pub components: Vec<ComponentCount>,
    /// One name that the config does not have.
    pub unknown_example: Option<String>,
    /// One mandatory tensor that the checkpoint lacks although it has others of its component.
    pub missing_example: Option<String>,
    /// One tensor with another shape.
    pub other_shape_example: Option<OtherShape>,
}

/// The least share of a checkpoint's names that makes a config a candidate: one in this many.
const CANDIDATE_NAMES: usize = 10;

/// The share of unknown names that says nothing: one in this many, and in a small checkpoint two.
const STRAY_NAMES: usize = 100;

/// The share of a component that may be missing, or of shapes that may differ, where a checkpoint
/// has tensors of its own: one in this many.
const TOLERATED: usize = 50;

/// The share of unknown names that a checkpoint may have at most where most shapes differ as well:
/// one in this many.
const STRAY_NAMES_OF_OTHER_SHAPES: usize = 10;

impl Config {
    /// Per component: its name, how many of its tensors a checkpoint has, and how many are
    /// expected: the mandatory ones, and the optional ones that are there.
    pub fn component_counts<'a>(
        &self,
        names: impl Iterator<Item = &'a str>,
    ) -> Vec<(&str, usize, usize)> {
        let mut found = vec![false; self.keys.len()];
        for (number, ..) in names.filter_map(|name| self.lookup(name)) {
            found[number] = true;
        }
        let counts = self.counts(&found).into_iter();
        let names = self.components.iter().map(String::as_str);
        names
            .zip(counts)
            .map(|(name, count)| (name, count.found, count.expected))
            .collect()
    }

    /// The counts of the components, given which keys are there.
    fn counts(&self, found: &[bool]) -> Vec<ComponentCount> {
        let mut counts = vec![ComponentCount::default(); self.components.len()];
        for (key, &found) in self.keys.values().zip(found) {
            let count = &mut counts[key.component];
            count.found += usize::from(found);
            count.expected += usize::from(found || !key.optional);
        }
        counts
    }
}

impl<'c> Candidate<'c> {
    /// Compares a config with tensors; None where they share too few names.
    pub(super) fn of<'a>(
        config: &'c Arc<Config>,
        tensors: impl Iterator<Item = (&'a str, &'a [u64])>,
    ) -> Option<Candidate<'c>> {
        let mut found = vec![false; config.keys.len()];
        let mut candidate = Candidate {
            config,
            tensors: 0,
            known: 0,
            other_shapes: 0,
            mandatory: 0,
            mandatory_missing: 0,
            components: Vec::new(),
            unknown_example: None,
            missing_example: None,
            other_shape_example: None,
        };
        for (name, shape) in tensors {
            candidate.tensors += 1;
            let Some((number, _, key)) = config.lookup(name) else {
                candidate
                    .unknown_example
                    .get_or_insert_with(|| name.to_owned());
                continue;
            };
            candidate.known += 1;
            found[number] = true;
            if !config.is_adapter() && key.shape != shape {
                candidate.other_shapes += 1;
                candidate
                    .other_shape_example
                    .get_or_insert_with(|| OtherShape {
                        name: name.to_owned(),
                        found: shape.to_owned(),
                        expected: key.shape.clone(),
                    });
            }
        }
        if candidate.known == 0 || candidate.known * CANDIDATE_NAMES < candidate.tensors {
            return None;
        }
        candidate.components = config.counts(&found);
        candidate.count_missing(&found);
        Some(candidate)
    }

    fn count_missing(&mut self, found: &[bool]) {
        for ((name, key), &found) in self.config.keys.iter().zip(found) {
            if key.optional {
                continue;
            }
            self.mandatory += 1;
            if !found {
                self.mandatory_missing += 1;
                if self.components[key.component].found > 0 {
                    self.missing_example.get_or_insert_with(|| name.clone());
                }
            }
        }
    }

    /// Tensors whose names the config does not have.
    pub fn unknown(&self) -> usize {
        self.tensors - self.known
    }

    /// What the components that are there, if only in part, expect; and how much of it is missing.
    /// A checkpoint of one component is none the worse for lacking the others.
    pub(super) fn touched(&self) -> (usize, usize) {
        let touched = self.components.iter().filter(|count| count.found > 0);
        touched.fold((0, 0), |(expected, missing), count| {
            (
                expected + count.expected,
                missing + count.expected - count.found,
            )
        })
    }

    /// Why the checkpoint is not of this family, if it is not. Names alone are enough where the
    /// config knows them all, whatever is missing. A checkpoint with names of its own may be of
    /// another family that took over some, so that the rest has to agree.
    pub fn objection(&self) -> Option<&'static str> {
        let (expected, missing) = self.touched();
        let strays = self.unknown() <= (self.tensors / STRAY_NAMES).max(2);
        if self.known * 2 < self.tensors {
            Some("most of the names are unknown")
        } else if strays {
            (self.other_shapes * 2 > self.known
                && self.unknown() * STRAY_NAMES_OF_OTHER_SHAPES > self.tensors)
                .then_some("some names are unknown and most of the shapes differ")
        } else if missing * TOLERATED > expected {
            Some("some names are unknown and parts of the config are missing")
        } else if self.other_shapes * TOLERATED > self.known {
            Some("some names are unknown and shapes differ")
        } else {
            None
        }
    }

    /// What speaks for and against the config, in lines.
    pub(super) fn explain(&self) -> String {
        let mut text = format!(
            "{}: {} of {} known ({} unknown), {}, {} of {} missing ({})",
            self.config.id(),
            self.known,
            counted(self.tensors, "tensor"),
            percent(self.unknown(), self.tensors),
            match self.other_shapes {
                0 if self.config.is_adapter() => "whose shapes are free".to_owned(),
                0 => "all shapes agree".to_owned(),
                count => format!("{count} of other shapes"),
            },
            self.mandatory_missing,
            counted(self.mandatory, "mandatory tensor"),
            percent(self.mandatory_missing, self.mandatory),
        );
        if let Some(objection) = self.objection() {
            text += ": not this, ";
            text += objection;
        }
        let names = self.config.components.iter();
        let counts = names.zip(&self.components);
        let counts: Vec<String> = counts
            .map(|(name, count)| format!("{name} {}/{}", count.found, count.expected))
            .collect();
        text += "\n  ";
        text += &counts.join(", ");
        if let Some(name) = &self.unknown_example {
            text += &format!("\n  unknown, for instance: {name}");
        }
        if let Some(name) = &self.missing_example {
            text += &format!("\n  missing, for instance: {name}");
        }
        if let Some(OtherShape {
            name,
            found,
            expected,
        }) = &self.other_shape_example
        {
            text +=
                &format!("\n  of another shape, for instance: {name} {found:?}, not {expected:?}");
        }
        text
    }
}

/// A share in percent, rounded down; 0 % is nothing.
fn percent(part: usize, whole: usize) -> String {
    let percent = 100.0 * part as f64 / whole.max(1) as f64;
    match part {
        0 => "0 %".to_owned(),
        _ if percent < 1.0 => "< 1 %".to_owned(),
        _ => format!("{percent:.0} %", percent = percent.floor()),
    }
}
