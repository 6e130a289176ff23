//! The rank of every entry by its magnitude.

use super::elements;
use super::order::{ELEMENTS_MAX, KEY_BYTES, keys, magnitude, place};
use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

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

    fn elements_max(&self) -> u64 {
        ELEMENTS_MAX
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        elements(shape).saturating_mul(KEY_BYTES)
    }

    fn run(&self, _: &dyn Loops, _: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let mut ranks = values.swap_remove(0);
        let mut keys = keys(&ranks, magnitude);
        keys.sort_unstable();
        let n = keys.len() as f64;
        for (key, rank) in keys.into_iter().zip(1_u64..) {
            let centred = rank as f64 / n - (n + 1.0) / (2.0 * n);
            ranks[place(key)] = centred as f32;
        }
        ranks
    }
}
