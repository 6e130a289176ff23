//! The rank of every entry in its row.

use super::elements;
use crate::kernel::HostOp;

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

    /// An entry's place shares a word with its size.
    fn elements_max(&self) -> u64 {
        1 << 32
    }

    fn working_bytes(&self, shape: &[u64]) -> u64 {
        elements(shape).saturating_mul(size_of::<u64>() as u64)
    }

    fn run(&self, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let mut ranks = values.swap_remove(0);
        let (n, inner) = match shape {
            [_, n, rest @ ..] => (*n, rest.iter().product()),
            _ => (ranks.len() as u64, 1),
        };
        if n < 2 || ranks.is_empty() {
            ranks.fill(0.5);
            return ranks;
        }
        let place = |key: u64| key & 0xffff_ffff;
        let sizes = ranks.iter().map(|x| u64::from(x.abs().to_bits()) << 32);
        let mut keys: Vec<u64> = sizes.zip(0..).map(|(size, place)| size | place).collect();
        match inner {
            1 => keys.chunks_mut(n as usize).for_each(<[u64]>::sort_unstable),
            // The entries of a row lie `inner` from each other.
            _ => keys.sort_unstable_by_key(|&key| {
                let at = place(key);
                (at / (n * inner), at % inner, key)
            }),
        }
        for (key, number) in keys.into_iter().zip(0..) {
            let rank: u64 = number % n;
            ranks[place(key) as usize] = (rank as f64 / (n - 1) as f64) as f32;
        }
        ranks
    }
}
