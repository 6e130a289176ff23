//! The rank of every entry in its row.

use super::elements;
use super::order::{ELEMENTS_MAX, KEY_BYTES, keys, magnitude, place};
use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// (rank - 1) / (n - 1) of a value's magnitude among the n along the second dimension, or along the
/// only one, ascending; equal magnitudes by position. 1/2 where n is 1.
#[derive(Clone, Copy, Debug)]
pub struct RowRank;

impl HostOp for RowRank {
    fn name(&self) -> &'static str {
        "rank in rows"
    }

    fn purpose(&self) -> &'static str {
        "rank the entries of"
    }

    fn instead(&self) -> Option<&'static str> {
        Some("set density to 1")
    }

    fn numbers(&self) -> Vec<u64> {
        Vec::new()
    }

    fn elements_max(&self) -> u64 {
        ELEMENTS_MAX
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        elements(shape).saturating_mul(KEY_BYTES)
    }

    fn run(&self, _: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let mut ranks = values.swap_remove(0);
        let (n, inner) = match shape {
            [_, n, rest @ ..] => (*n, rest.iter().product()),
            _ => (ranks.len() as u64, 1),
        };
        if n < 2 || ranks.is_empty() {
            ranks.fill(0.5);
            return ranks;
        }
        let mut keys = keys(&ranks, magnitude);
        match inner {
            1 => keys.chunks_mut(n as usize).for_each(<[u64]>::sort_unstable),
            // The entries of a row lie `inner` from each other.
            _ => keys.sort_unstable_by_key(|&key| {
                let at = place(key) as u64;
                (at / (n * inner), at % inner, key)
            }),
        }
        for (key, number) in keys.into_iter().zip(0..) {
            let rank: u64 = number % n;
            ranks[place(key)] = (rank as f64 / (n - 1) as f64) as f32;
        }
        ranks
    }
}
