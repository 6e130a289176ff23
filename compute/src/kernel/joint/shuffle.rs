//! Hidden units in a random order.

use rand_mt::Mt;

use super::permute::orders;
use super::{Joined, JointOp, Units};
use crate::kernel::linear::Loops;

/// Puts the units of a layer into the order that torch's `randperm` draws on the CPU, of each run
/// from a generator of its own.
///
/// Values: none; the shapes are those of the tensors of the layer. Source: sd-mecha `randperm`.
#[derive(Clone, Debug)]
pub struct Shuffle {
    /// The units of the layer.
    pub units: Vec<Units>,
    /// For each of them the seed of its first run's generator, of which the low 32 bits count, and
    /// the step from one run's to the next.
    pub seeds: Vec<[u64; 2]>,
}

impl JointOp for Shuffle {
    fn name(&self) -> &'static str {
        "randperm"
    }

    fn purpose(&self) -> &'static str {
        "draw an order of the units of"
    }

    fn numbers(&self) -> Vec<u64> {
        let units = self.units.iter().flat_map(Units::numbers);
        units.chain(self.seeds.iter().flatten().copied()).collect()
    }

    fn moves(&self) -> bool {
        true
    }

    fn reads(&self) -> bool {
        false
    }

    fn check(&self, shapes: &[Vec<u64>]) -> Result<(), String> {
        self.units.iter().try_for_each(|units| units.check(shapes))
    }

    fn working_bytes(&self, _: &[Vec<u64>]) -> u64 {
        0
    }

    fn run(&self, _: &dyn Loops, shapes: &[Vec<u64>], _: Vec<Vec<f32>>, _: usize) -> Joined {
        orders(&self.units, shapes, |number, run| {
            let [first, step] = self.seeds[number];
            let seed = first.wrapping_add(run.wrapping_mul(step));
            permutation(seed as u32, self.units[number].width(shapes) as u32)
        })
    }
}

/// torch's `randperm` of so many numbers.
fn permutation(seed: u32, count: u32) -> Vec<u32> {
    let mut generator = Mt::new(seed);
    let mut numbers: Vec<u32> = (0..count).collect();
    for at in 0..count.saturating_sub(1) {
        let other = at + generator.next_u32() % (count - at);
        numbers.swap(at as usize, other as usize);
    }
    numbers
}
