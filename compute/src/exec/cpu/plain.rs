//! Sums and products in f32 without the guard, for tiles where it may not be known that the guard
//! would change nothing.
//!
//! A tile is computed without it, and the results are looked at: where none is NaN and none lies
//! between 0 and [`TINY`], the guard would have given the same bits.

use super::bounds::Extent;
use super::formula::{Argument, unguarded};
use crate::kernel::Formula;

/// 2^-100, as bits. A term in the middle of a formula that the guard flushes, at most 2^-126, is
/// less than half a unit in the last place of any sum from here on, so that the sum is the same
/// with or without it. A sum of zero has no such product in it either: the other operand would have
/// to be as tiny, and operands are settled.
const TINY: u32 = 0x0d80_0000;

const INFINITY: u32 = 0x7f80_0000;

/// Computes a tile without the guard. Between what the results lie if they are right; if not,
/// `out` holds nothing.
#[inline(always)]
pub(super) fn call(
    formula: Formula,
    arguments: &[Argument<'_>],
    out: &mut [u32],
) -> Option<Extent> {
    match formula {
        Formula::Add
        | Formula::Sub
        | Formula::Mul
        | Formula::Scale
        | Formula::Axpy
        | Formula::Accumulate
        | Formula::AxpyEach
        | Formula::Shift
        | Formula::ShiftScaled
        | Formula::Blend => unguarded::call(formula, arguments, out),
        // A larger factor would bring a tiny difference into sight.
        Formula::AddDifference | Formula::ShiftDifference if is_at_most_one(arguments[3]) => {
            unguarded::call(formula, arguments, out);
        }
        // What is tiny between two such steps is less than half a unit in the last place of what
        // they end in.
        Formula::LerpNear | Formula::LerpFar if is_at_most_one(arguments[2]) => {
            unguarded::call(formula, arguments, out);
        }
        Formula::LerpNearNear
        | Formula::LerpNearFar
        | Formula::LerpFarNear
        | Formula::LerpFarFar
            if is_at_most_one(arguments[2]) && is_at_most_one(arguments[4]) =>
        {
            unguarded::call(formula, arguments, out);
        }
        // A smaller scale would make a tiny product, which is no settled operand.
        Formula::ShiftFromScaled
            if is_at_most_one(arguments[4]) && is_at_least_one(arguments[1]) =>
        {
            unguarded::call(formula, arguments, out);
        }
        Formula::ScaleDifference if is_at_most_one(arguments[2]) => {
            unguarded::call(formula, arguments, out);
        }
        // What is tiny on the way to a power is added to a number that is not, and a power that is
        // tiny itself is the result; but infinity times what the guard flushes is NaN.
        Formula::Geometric | Formula::GeometricEach | Formula::SignedGeometric => {
            unguarded::call(formula, arguments, out);
            let found = Extent::measure(out);
            return (found.least >= TINY && found.is_finite()).then_some(found);
        }
        _ => return None,
    }
    let found = Extent::measure(out);
    (found.least >= TINY && found.most <= INFINITY).then_some(found)
}

/// Whether a scalar is a number that does not lie between -1 and 1.
#[inline(always)]
fn is_at_least_one(argument: Argument<'_>) -> bool {
    let numbers = 0x3f80_0000..INFINITY;
    matches!(argument, Argument::Same(word) if numbers.contains(&(word & 0x7fff_ffff)))
}

/// Whether a scalar lies within -1 and 1.
#[inline(always)]
fn is_at_most_one(argument: Argument<'_>) -> bool {
    matches!(argument, Argument::Same(word) if word & 0x7fff_ffff <= 0x3f80_0000)
}
