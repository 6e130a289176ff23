//! The change of a bank of experts.

use std::ops::Range;

use super::factor::Factor;
use super::sum::{self, Right};
use crate::level::Level;

/// Factors of many experts in two tensors: LoRA on a parameter \[experts, a, b\], as PEFT has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bank<'a> {
    /// \[b, r · experts\], or \[a, …\] where the product is exchanged: the column of an expert's
    /// k-th rank is k · experts + expert.
    pub up: Factor<'a>,
    /// \[experts · r, a\], or \[…, b\].
    pub down: Factor<'a>,
}

impl Bank<'_> {
    /// Whether the factors make a bank of a shape.
    pub(super) fn check(&self, shape: &[u64]) -> Result<(), String> {
        self.up.check()?;
        self.down.check()?;
        let fault = || {
            format!(
                "factors of shapes {:?} and {:?} do not make a bank of shape {shape:?}",
                self.up.shape, self.down.shape
            )
        };
        let [experts, a, b] = shape else {
            return Err(fault());
        };
        let (up, down) = (self.up.rows() as u64, self.down.columns() as u64);
        let fits = (up, down) == (*a, *b) || (up, down) == (*b, *a);
        let terms = self.down.rows() as u64;
        let is_shared = *experts > 0 && terms.is_multiple_of(*experts);
        if fits && is_shared && self.up.columns() as u64 == terms {
            return Ok(());
        }
        Err(fault())
    }

    /// How many ranks an expert has.
    pub fn rank(&self, experts: u64) -> u64 {
        self.down.rows() as u64 / experts.max(1)
    }

    /// Writes the differences of some experts, \[a, b\] each.
    pub(super) fn fill(&self, level: Level, shape: &[u64], rows: Range<usize>, out: &mut [f32]) {
        let [experts, a, b] = shape else {
            return;
        };
        let (experts, a, b) = (*experts as usize, *a as usize, *b as usize);
        let rank = self.rank(experts as u64) as usize;
        let (up, down) = (self.up.rows(), self.down.columns());
        // Where both ways fit, the first dimension is what a layer puts out.
        let is_exchanged = (up, down) != (a, b);
        for (expert, out) in rows.zip(out.chunks_exact_mut((a * b).max(1))) {
            let own = |row: usize| {
                let row = &self.up.values[row * rank * experts..][..rank * experts];
                row.iter().skip(expert).step_by(experts).copied()
            };
            let left: Vec<f32> = (0..up).flat_map(own).collect();
            let right = Right::of(
                down,
                &self.down.values[expert * rank * down..][..rank * down],
            );
            if is_exchanged {
                let mut made = vec![0.0; a * b];
                sum::multiply(level, rank, &left, right, &mut made);
                let shape = [up as u64, down as u64];
                let made = Factor {
                    shape: &shape,
                    values: &made,
                };
                out.copy_from_slice(&made.flipped());
            } else {
                sum::multiply(level, rank, &left, right, out);
            }
        }
    }
}
