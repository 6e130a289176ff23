//! Two values of a tile beside each other.

use super::Level;
use super::bounds::Bounds;
use super::formula::in_f32;
use super::sum::{Terms, Whole, filled, trees};
use crate::dtype::codec::compared;
use crate::kernel::{Place, TilePair};
use crate::level::at_level;

const MAGNITUDE: u32 = 0x7fff_ffff;

/// The marks of values that are infinite or NaN.
const FLAWS: u32 = 3;

/// What is found of a tile of two values, of which something is known. Of a shorter one the rest
/// counts as zeros, in which nothing is found.
pub(super) fn tile(level: Level, [a, b]: [&[u32]; 2], known: [Option<Bounds>; 2]) -> TilePair {
    let (Ok(a), Ok(b)) = (a.try_into(), b.try_into()) else {
        let [a, b] = &filled([a, b]);
        return tile(level, [a, b], known);
    };
    match is_plain(known) {
        true => at_level!(level, plain(a: &Whole = a, b: &Whole = b) -> TilePair),
        false => at_level!(level, guarded(a: &Whole = a, b: &Whole = b) -> TilePair),
    }
}

/// Looks for an element in a tile that begins with element `first` of its tensor: the first whose
/// difference has a magnitude.
pub(super) fn find(a: &[u32], b: &[u32], first: u64, place: &mut Place) {
    let mut pairs = (first..).zip(a.iter().zip(b));
    let found = pairs.find(|(_, (a, b))| {
        let [_, _, apart] = numbers::<true>(**a, **b, compared(**a, **b));
        apart.to_bits() & MAGNITUDE == place.key
    });
    place.found = place.found.or(found.map(|(element, _)| element));
}

/// Whether values are numbers of which no difference and no sum of products needs the guard.
fn is_plain(known: [Option<Bounds>; 2]) -> bool {
    let [Some(a), Some(b)] = known else {
        return false;
    };
    let Some(apart) = b.plus(a) else {
        return false;
    };
    let products = [(a, a), (b, b), (a, b), (apart, apart)];
    let idle = |(x, y): (Bounds, Bounds)| x.times(y).and_then(Bounds::summed).is_some();
    products.into_iter().all(idle)
}

#[inline(always)]
fn plain(a: &Whole, b: &Whole) -> TilePair {
    measure::<false>(a, b)
}

#[inline(always)]
fn guarded(a: &Whole, b: &Whole) -> TilePair {
    measure::<true>(a, b)
}

#[inline(always)]
fn measure<const GUARDED: bool>(a: &Whole, b: &Whole) -> TilePair {
    let mut pair = Pair::<GUARDED> {
        a,
        b,
        found: NOTHING,
    };
    let sums = trees::<GUARDED, 4>(&mut pair);
    TilePair { sums, ..pair.found }
}

const NOTHING: TilePair = TilePair {
    sums: [0.0; 4],
    flaws: [0; 2],
    same_sign: 0,
    opposite_sign: 0,
    different: 0,
    greatest: 0,
};

/// Two values, with the counts of what was looked at. Where no product is flushed, its sign tells
/// those of the values.
struct Pair<'a, const GUARDED: bool> {
    a: &'a Whole,
    b: &'a Whole,
    found: TilePair,
}

impl<const GUARDED: bool> Terms<4> for Pair<'_, GUARDED> {
    #[inline(always)]
    fn at(&mut self, element: usize) -> [f32; 4] {
        let (a, b) = (self.a[element], self.b[element]);
        let marks = if GUARDED { compared(a, b) } else { 0 };
        let [x, y, apart] = numbers::<GUARDED>(a, b, marks);
        let product = rz::<GUARDED>(x * y);
        let found = &mut self.found;
        if GUARDED {
            found.flaws[0] += marks & 1;
            found.flaws[1] += (marks >> 1) & 1;
            found.same_sign += (marks >> 2) & 1;
            found.opposite_sign += (marks >> 3) & 1;
            found.different += (marks >> 4) & 1;
        } else {
            found.same_sign += u32::from(product > 0.0);
            found.opposite_sign += u32::from(product < 0.0);
            found.different += u32::from(apart != 0.0);
        }
        found.greatest = found.greatest.max(apart.to_bits() & MAGNITUDE);
        let squares = [x * x, y * y, apart * apart];
        let [x, y, apart] = squares;
        [
            rz::<GUARDED>(x),
            rz::<GUARDED>(y),
            product,
            rz::<GUARDED>(apart),
        ]
    }
}

/// Two values with these marks, and the second minus the first.
#[inline(always)]
fn numbers<const GUARDED: bool>(a: u32, b: u32, marks: u32) -> [f32; 3] {
    let kept = if marks & FLAWS > 0 { 0 } else { u32::MAX };
    let (x, y) = (f32::from_bits(a & kept), f32::from_bits(b & kept));
    [x, y, rz::<GUARDED>(y - x)]
}

#[inline(always)]
fn rz<const GUARDED: bool>(x: f32) -> f32 {
    if GUARDED { in_f32::rz_sum(x) } else { x }
}
