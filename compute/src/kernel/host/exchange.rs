//! The entries of one value in the order of another's.

use super::elements;
use super::order::{ELEMENTS_MAX, KEY_BYTES, keys, magnitude, ordered, place};
use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// Puts a's entries where b's entry of the same rank lies, for those whose magnitude is within
/// ranks; the others keep a's entry. Source: sd-mecha `top_k_tensor_sum`.
///
/// Values: a, b.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// The share of the entries that are exchanged.
    pub width: f64,
    /// Where in the order of magnitudes they begin, as a share.
    pub offset: f64,
}

/// Some of n places in a row, or all but these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Region {
    /// The first.
    pub start: u64,
    /// The one behind the last.
    pub end: u64,
    /// Whether all others are meant.
    pub inverted: bool,
}

impl Region {
    /// The region of a width and an offset, both shares of n, that wraps around at the end.
    /// Halves are rounded to the even neighbour. Source: sd-mecha `tensor_sum`.
    pub fn of(width: f64, offset: f64, n: u64) -> Region {
        let (width, offset) = match width < 0.0 {
            true => (-width, offset + width),
            false => (width, offset),
        };
        let width = width.min(1.0);
        let offset = match offset < 0.0 {
            true => 1.0 + offset - offset.trunc(),
            false => offset,
        };
        let offset = offset % 1.0;
        let place = |share: f64| ((share * n as f64).round_ties_even() as u64).min(n);
        match width + offset <= 1.0 {
            true => Region {
                start: place(offset),
                end: place(width + offset),
                inverted: false,
            },
            false => Region {
                start: place(width + offset - 1.0),
                end: place(offset),
                inverted: true,
            },
        }
    }
}

/// The places of entries from the least to the largest; equal ones by place.
fn sorted(values: &[f32]) -> Vec<u64> {
    // 0 and -0 are equal.
    let mut keys = keys(values, |x| ordered(x + 0.0));
    keys.sort_unstable();
    keys
}

impl HostOp for Exchange {
    fn name(&self) -> &'static str {
        "exchange"
    }

    fn purpose(&self) -> &'static str {
        "sort the entries of"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.width.to_bits(), self.offset.to_bits()]
    }

    fn elements_max(&self) -> u64 {
        ELEMENTS_MAX
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        elements(shape).saturating_mul(2 * KEY_BYTES + size_of::<f32>() as u64)
    }

    fn run(&self, _: &dyn Loops, _: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let (b, mut a) = (values.swap_remove(1), values.swap_remove(0));
        let region = Region::of(self.width, self.offset, a.len() as u64);
        let mut sizes: Vec<u32> = a.iter().map(|x| magnitude(*x)).collect();
        let mut at = |rank: u64| match rank.checked_sub(1) {
            None => -1.0,
            Some(index) => f32::from_bits(*sizes.select_nth_unstable(index as usize).1),
        };
        let (low, high) = (at(region.start), at(region.end));
        drop(sizes);
        let (from, to) = (sorted(&a), sorted(&b));
        drop(b);
        // What is exchanged is read before it is written.
        let entries: Vec<f32> = from.into_iter().map(|key| a[place(key)]).collect();
        for (entry, key) in entries.into_iter().zip(to) {
            let inside = low <= entry.abs() && entry.abs() <= high;
            if inside != region.inverted {
                a[place(key)] = entry;
            }
        }
        a
    }
}
