//! A formula over a tile, in the shortest form that gives its bits.

use super::bounds::{Bounds, DIGITS, follow};
use super::formula::{Argument, in_bf16, in_f16, in_f32, unguarded};
use super::level::at_level;
use super::{Level, plain};
use crate::kernel::{Compute, Formula, TILE};

/// Parameters of a formula at most.
pub(super) const ARGUMENTS: usize = 8;

/// A formula with its arguments.
pub(super) struct Call<'a> {
    pub(super) formula: Formula,
    pub(super) arguments: [Argument<'a>; ARGUMENTS],
    /// What is known of the arguments that are planes.
    pub(super) known: [Option<Bounds>; ARGUMENTS],
    /// How many arguments there are.
    pub(super) count: usize,
}

/// The numbers of a tile's elements.
#[derive(Debug, Default)]
pub(super) struct Index(Vec<u32>);

impl Index {
    /// The numbers from `first` on.
    fn from(&mut self, first: u32) -> &[u32] {
        if self.0.first() != Some(&first) {
            self.0.clear();
            let lanes = 0..TILE as u32;
            self.0.extend(lanes.map(|lane| first.wrapping_add(lane)));
        }
        &self.0
    }
}

impl<'a> Call<'a> {
    /// Computes a tile. Returns what is known of its values.
    pub(super) fn run(
        mut self,
        level: Level,
        compute: Compute,
        index: &'a mut Index,
        out: &mut [u32],
    ) -> Option<Bounds> {
        self.decide_ties(out.len());
        for argument in &mut self.arguments[..self.count] {
            if let Argument::Index(first) = *argument {
                *argument = Argument::Plane(index.from(first));
                break;
            }
        }
        let arguments = &self.arguments[..self.count];
        let known = match compute {
            Compute::F32 => {
                for (known, argument) in self.known.iter_mut().zip(arguments) {
                    if let Argument::Same(word) = *argument {
                        *known = Bounds::of_number(word);
                    }
                }
                follow(self.formula, &self.known)
            }
            Compute::BF16 | Compute::F16 => None,
        };
        if known.is_some() {
            at_level!(
                level,
                idle(
                    formula: Formula = self.formula,
                    arguments: &[Argument<'_>] = arguments,
                    out: &mut [u32] = out,
                )
            );
            return known;
        }
        at_level!(
            level,
            guarded(
                compute: Compute = compute,
                formula: Formula = self.formula,
                arguments: &[Argument<'_>] = arguments,
                out: &mut [u32] = out,
            ) -> Option<Bounds>
        )
    }

    /// Makes a trim one without an index where all of the tile's ties are kept, or none.
    fn decide_ties(&mut self, len: usize) {
        let (values, above) = match self.formula {
            Formula::Trim => (1, Formula::TrimAbove),
            Formula::TrimDelta => (2, Formula::TrimDeltaAbove),
            _ => return,
        };
        let [
            Argument::Index(first),
            Argument::Same(threshold),
            Argument::Same(cutoff),
        ] = self.arguments[values..values + 3]
        else {
            return;
        };
        let threshold = if cutoff <= first {
            threshold
        } else if u64::from(cutoff) >= u64::from(first) + len as u64 && threshold > 0 {
            threshold - 1
        } else {
            return;
        };
        self.formula = above;
        self.arguments[values] = Argument::Same(threshold);
        self.count = values + 1;
    }
}

/// Where the guard would change nothing.
#[inline(always)]
fn idle(formula: Formula, arguments: &[Argument<'_>], out: &mut [u32]) {
    unguarded::call(formula, arguments, out);
}

/// Where it might.
#[inline(always)]
fn guarded(
    compute: Compute,
    formula: Formula,
    arguments: &[Argument<'_>],
    out: &mut [u32],
) -> Option<Bounds> {
    match compute {
        Compute::F32 => {
            if let Some(extent) = plain::call(formula, arguments, out) {
                return Bounds::of(extent, DIGITS);
            }
            in_f32::call(formula, arguments, out);
        }
        Compute::BF16 => in_bf16::call(formula, arguments, out),
        Compute::F16 => in_f16::call(formula, arguments, out),
    }
    None
}
