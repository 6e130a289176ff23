//! A formula over a tile, in the shortest form that gives its bits.

use super::bounds::{Bounds, DIGITS, follow};
use super::formula::{Argument, in_bf16, in_f16, in_f32, unguarded};
use super::{Level, plain};
use crate::kernel::{Compute, Formula, TILE};
use crate::level::at_level;

/// Parameters of a formula at most.
const ARGUMENTS: usize = 5;

/// A formula with its arguments.
pub(super) struct Call<'a> {
    formula: Formula,
    pub(super) arguments: [Argument<'a>; ARGUMENTS],
    /// What is known of the arguments that are registers.
    pub(super) known: [Option<Bounds>; ARGUMENTS],
    /// How many arguments there are.
    count: usize,
}

/// The numbers of a tile's elements.
#[derive(Debug, Default)]
pub(super) struct Index(Option<Box<[u32; TILE]>>);

impl Index {
    /// The numbers from `first` on.
    fn from(&mut self, first: u32) -> &[u32; TILE] {
        let words = self.0.get_or_insert_with(|| Box::new([0; TILE]));
        for (word, lane) in words.iter_mut().zip(0..) {
            *word = first.wrapping_add(lane);
        }
        words
    }
}

impl<'a> Call<'a> {
    /// A call whose arguments are to be filled in.
    #[inline]
    pub(super) fn new(formula: Formula, count: usize) -> Call<'a> {
        Call {
            formula,
            arguments: [Argument::Same(0); ARGUMENTS],
            known: [None; ARGUMENTS],
            count,
        }
    }

    /// Computes a tile. Returns what is known of its values.
    pub(super) fn run(
        &mut self,
        level: Level,
        compute: Compute,
        index: &'a mut Index,
        out: &mut [u32],
    ) -> Option<Bounds> {
        match self.formula {
            Formula::Trim => self.decide_ties(1, Formula::TrimAbove, out.len()),
            Formula::TrimDelta => self.decide_ties(2, Formula::TrimDeltaAbove, out.len()),
            Formula::ConsensusOfTwo => self.spare_division(),
            _ => {}
        }
        for argument in &mut self.arguments[..self.count] {
            if let Argument::Index(first) = *argument {
                *argument = Argument::Register(index.from(first));
                break;
            }
        }
        let arguments = &self.arguments[..self.count];
        let known = match compute {
            Compute::F32 => follow(self.formula, |i| match arguments[i] {
                Argument::Same(word) => Bounds::of_number(word),
                _ => self.known[i],
            }),
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

    /// Makes a trim one without an index where all of the tile's ties are kept, or none. Its
    /// values come first.
    fn decide_ties(&mut self, values: usize, above: Formula, len: usize) {
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

    /// Makes a division by a weight or by twice that weight a product, where both are powers of two
    /// and so are their inverses.
    fn spare_division(&mut self) {
        let [Argument::Same(weight), Argument::Same(other)] = self.arguments[2..4] else {
            return;
        };
        // A number between 2^-60 and 2^60, without a mantissa.
        let is_power = weight & 0x007f_ffff == 0 && (67..=187).contains(&(weight >> 23));
        if weight == other && is_power {
            let alone = 1.0 / f32::from_bits(weight);
            self.formula = Formula::EvenConsensus;
            self.arguments[2] = Argument::Same(alone.to_bits());
            self.arguments[3] = Argument::Same((0.5 * alone).to_bits());
        }
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
