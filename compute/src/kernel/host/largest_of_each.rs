//! The largest entries of every few in a row.

use super::order::magnitude;
use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// Keeps the largest entries of every few in a row, of equal ones the first, of those places that
/// are 0 in all other values.
///
/// Values: the one that is kept of, then the others.
#[derive(Clone, Copy, Debug)]
pub struct LargestOfEach {
    /// How many are kept.
    pub kept: u64,
    /// Of how many in a row.
    pub of: u64,
}

impl HostOp for LargestOfEach {
    fn name(&self) -> &'static str {
        "largest of each"
    }

    fn purpose(&self) -> &'static str {
        "choose among the entries of"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.kept, self.of]
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        let places = super::elements(shape).min(self.of);
        places.saturating_mul(size_of::<usize>() as u64)
    }

    fn run(&self, _: &dyn Loops, _: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let mut own = values.swap_remove(0);
        let others = values;
        let of = usize::try_from(self.of).unwrap_or(usize::MAX).max(1);
        let kept = usize::try_from(self.kept).unwrap_or(usize::MAX);
        let mut free: Vec<usize> = Vec::with_capacity(of.min(own.len()));
        for begin in (0..own.len()).step_by(of) {
            let end = begin.saturating_add(of).min(own.len());
            free.clear();
            for at in begin..end {
                match others.iter().all(|other| other[at] == 0.0) {
                    true => free.push(at),
                    false => own[at] = 0.0,
                }
            }
            free.sort_by_key(|&at| std::cmp::Reverse(magnitude(own[at])));
            for &at in free.iter().skip(kept) {
                own[at] = 0.0;
            }
        }
        own
    }
}
