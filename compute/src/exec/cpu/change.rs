//! What the stored results of a tile change.

use super::Level;
use super::bounds::Bounds;
use super::sum::{Terms, Whole, filled, trees};
use crate::dtype::Float;
use crate::dtype::codec::{LEAST_TOLD, are_numbers, limit, marks, told};
use crate::kernel::{Change, TileChange};
use crate::level::at_level;

/// What a tile changes: of its results, of what is stored of them as a type, and of the base, as
/// f32 bits, of which something is known. Of a shorter tile the rest counts as zeros, of which none
/// is changed.
pub(super) fn tile(
    level: Level,
    float: Float,
    values: [&[u32]; 3],
    known: [Option<Bounds>; 3],
) -> TileChange {
    let [Ok(results), Ok(stored), Ok(base)] = values.map(TryInto::try_into) else {
        let whole = &filled(values);
        return tile(level, float, whole.each_ref().map(|own| &own[..]), known);
    };
    let values = [results, stored, base];
    let found = is_plain(float, known);
    match found {
        true => at_level!(level, plain(values: [&Whole; 3] = values) -> TileChange),
        false => at_level!(
            level,
            marked(values: [&Whole; 3] = values, limit: u32 = limit(float)) -> TileChange
        ),
    }
}

/// Adds what a tile changes, by its number: of its results, of what is stored of them, and of the
/// base, where all are f32.
pub fn add_tile(level: Level, change: &mut Change, number: u64, values: [&[f32]; 3]) {
    if change.takes(number) {
        let len = values[0].len();
        let bits = values.map(bytemuck::cast_slice::<f32, u32>);
        change.add(len, tile(level, Float::F32, bits, [None; 3]));
    }
}

/// Whether all values are numbers, no result leaves its stored type, and every change counts.
fn is_plain(float: Float, known: [Option<Bounds>; 3]) -> bool {
    let [Some(results), Some(stored), Some(base)] = known else {
        return false;
    };
    let (Some(meant), Some(kept)) = (results.plus(base), stored.plus(base)) else {
        return false;
    };
    let counts = [meant, kept].iter().all(|own| own.is_from(LEAST_TOLD));
    let products = [(meant, meant), (kept, kept), (meant, kept)];
    let idle = |(x, y): (Bounds, Bounds)| x.times(y).and_then(Bounds::summed).is_some();
    counts && results.fit(float) && products.into_iter().all(idle)
}

#[inline(always)]
fn plain(values: [&Whole; 3]) -> TileChange {
    measure::<false>(values, 0)
}

#[inline(always)]
fn marked(values: [&Whole; 3], limit: u32) -> TileChange {
    measure::<true>(values, limit)
}

#[inline(always)]
fn measure<const MARKED: bool>([results, stored, base]: [&Whole; 3], limit: u32) -> TileChange {
    let mut changes = Changes::<MARKED> {
        results,
        stored,
        base,
        limit,
        found: TileChange::default(),
    };
    // Changes that count are so large that no sum of products needs the guard.
    let [meant, stored, along] = trees::<false, 3>(&mut changes);
    TileChange {
        meant,
        stored,
        along,
        ..changes.found
    }
}

/// The changes of a tile, with the counts of what was looked at. Some are marked element by
/// element, where not all count in the same way.
struct Changes<'a, const MARKED: bool> {
    results: &'a Whole,
    stored: &'a Whole,
    base: &'a Whole,
    /// The largest magnitude that the stored type holds as a number.
    limit: u32,
    found: TileChange,
}

impl<const MARKED: bool> Terms<3> for Changes<'_, MARKED> {
    #[inline(always)]
    fn at(&mut self, element: usize) -> [f32; 3] {
        let (result, stored) = (self.results[element], self.stored[element]);
        let base = self.base[element];
        let meant = f32::from_bits(result) - f32::from_bits(base);
        let kept = f32::from_bits(stored) - f32::from_bits(base);
        let found = &mut self.found;
        if !MARKED {
            found.changed += u32::from(kept != 0.0);
            return [meant * meant, kept * kept, meant * kept];
        }
        let marks = marks(result, stored, base, self.limit);
        found.changed += marks & 1;
        found.flushed += (marks >> 1) & 1;
        found.beyond += (marks >> 2) & 1;
        found.special += marks >> 3;
        let counts = are_numbers(result, stored, base);
        let own = if counts { u32::MAX } else { 0 };
        let meant = f32::from_bits(told(meant.to_bits()) & own);
        let kept = f32::from_bits(told(kept.to_bits()) & own);
        [meant * meant, kept * kept, meant * kept]
    }
}
