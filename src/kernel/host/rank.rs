//! The rank of every entry by its magnitude.

use super::elements;
use crate::kernel::HostOp;

/// rank/n - (n+1)/2n of a value's magnitude among the n of the tensor, ascending from 1; equal
/// magnitudes by position.
#[derive(Clone, Copy, Debug)]
pub struct CentredRank;

impl HostOp for CentredRank {
    fn name(&self) -> &'static str {
        "centred rank"
    }

    fn purpose(&self) -> &'static str {
        "rank the entries of"
    }

    fn instead(&self) -> Option<&'static str> {
        Some("set della_eps to 0")
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

    fn run(&self, _: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let mut ranks = values.swap_remove(0);
        let sizes = ranks.iter().map(|x| u64::from(x.abs().to_bits()) << 32);
        let mut keys: Vec<u64> = sizes.zip(0..).map(|(size, place)| size | place).collect();
        keys.sort_unstable();
        let n = keys.len() as f64;
        for (key, rank) in keys.into_iter().zip(1_u64..) {
            let centred = rank as f64 / n - (n + 1.0) / (2.0 * n);
            ranks[(key & 0xffff_ffff) as usize] = centred as f32;
        }
        ranks
    }
}
