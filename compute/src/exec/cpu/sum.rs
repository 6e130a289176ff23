//! Sums of a tile by a fixed tree, of one number of each element or of several.
//!
//! The loops index: the compiler leaves calls of iterators in functions for an instruction set.

#![allow(clippy::needless_range_loop, reason = "as above")]

use std::mem::MaybeUninit;

use super::Level;
use super::bounds::Bounds;
use super::formula::in_f32;
use crate::kernel::TILE;
use crate::level::at_level;

/// The values of a whole tile.
pub(super) type Whole = [u32; TILE];

/// A quarter of a tile, for which the first two levels of the tree are done at once.
const QUARTER: usize = TILE / 4;

/// The sum of the f32 values of a register of at most [`TILE`] elements, of which something is
/// known. Each addition rounds to f32 whatever the working dtype, as tools that compute in bf16 do
/// in their sums.
pub(super) fn tree(level: Level, register: &[u32], known: Option<Bounds>) -> f32 {
    let Ok(values) = register.try_into() else {
        return tree(level, &filled([register])[0], known);
    };
    match known.and_then(Bounds::summed) {
        Some(_) => at_level!(level, plain(values: &Whole = values) -> f32),
        None => at_level!(level, guarded(values: &Whole = values) -> f32),
    }
}

#[inline(always)]
fn plain(values: &Whole) -> f32 {
    let [sum] = trees::<false, 1>(&mut Values(values));
    sum
}

#[inline(always)]
fn guarded(values: &Whole) -> f32 {
    let [sum] = trees::<true, 1>(&mut Values(values));
    sum
}

/// Values of tiles, with zeros behind them.
pub(super) fn filled<const N: usize>(registers: [&[u32]; N]) -> [Whole; N] {
    registers.map(|register| {
        let mut whole = [0; TILE];
        whole[..register.len()].copy_from_slice(register);
        whole
    })
}

/// Numbers of each element of a tile.
pub(super) trait Terms<const N: usize> {
    /// Those of an element. Every element is asked for once, in any order.
    fn at(&mut self, element: usize) -> [f32; N];
}

struct Values<'a>(&'a Whole);

impl Terms<1> for Values<'_> {
    #[inline(always)]
    fn at(&mut self, element: usize) -> [f32; 1] {
        [f32::from_bits(self.0[element])]
    }
}

/// The sums of all numbers: those of element i and element i + 512 are added, then i and i + 256,
/// down to one.
#[inline(always)]
pub(super) fn trees<const GUARDED: bool, const N: usize>(terms: &mut impl Terms<N>) -> [f32; N] {
    // Not zeros, which would be written for every tile.
    let mut partial = [[MaybeUninit::<f32>::uninit(); QUARTER]; N];
    for i in 0..QUARTER {
        let (one, other) = (terms.at(i), terms.at(i + 2 * QUARTER));
        let (next, last) = (terms.at(i + QUARTER), terms.at(i + 3 * QUARTER));
        for k in 0..N {
            let half = add::<GUARDED>(one[k], other[k]);
            let other_half = add::<GUARDED>(next[k], last[k]);
            partial[k][i].write(add::<GUARDED>(half, other_half));
        }
    }
    let mut sums = [0.0; N];
    for k in 0..N {
        // SAFETY: the loop has written all of them; a wrapper has the layout of what it wraps.
        let own = unsafe { &mut *(&raw mut partial[k]).cast::<[f32; QUARTER]>() };
        sums[k] = fold::<GUARDED>(own);
    }
    sums
}

/// The other levels of a tree.
#[inline(always)]
fn fold<const GUARDED: bool>(partial: &mut [f32; QUARTER]) -> f32 {
    let mut half = QUARTER / 2;
    while half > 0 {
        let (low, high) = partial.split_at_mut(half);
        let high = &high[..half];
        for i in 0..half {
            low[i] = add::<GUARDED>(low[i], high[i]);
        }
        half /= 2;
    }
    partial[0]
}

#[inline(always)]
fn add<const GUARDED: bool>(one: f32, other: f32) -> f32 {
    let sum = one + other;
    if GUARDED { in_f32::rz_sum(sum) } else { sum }
}
