//! Random numbers of a whole tensor, as torch draws them.

use rand_mt::Mt;

use crate::kernel::HostOp;
use crate::kernel::linear::{Loops, spread};

/// Elements that torch makes normal at a time: eight radii, then eight angles.
const BLOCK: usize = 16;

/// The distribution of numbers that are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Mean 0 and variance 1, by torch's Box-Muller transform of blocks of 16.
    Normal,
    /// From -1 up to 1.
    Uniform,
}

/// Adds random numbers, times a scale: those that torch's `randn` or `rand` puts into a tensor of
/// `total` elements on the CPU after `manual_seed`, from element `skip` of it on. The uniform ones
/// are torch's to the bit, the normal ones to the rounding of its logarithm and cosine; of a tensor
/// with fewer than 16 elements they are others.
#[derive(Clone, Copy, Debug)]
pub struct AddDraws {
    /// The generator's seed, of which the low 32 bits count.
    pub seed: u64,
    /// The distribution.
    pub law: Law,
    /// What each number is multiplied by.
    pub scale: f32,
    /// The elements before.
    pub skip: u64,
    /// The elements of the tensor that torch fills.
    pub total: u64,
}

impl HostOp for AddDraws {
    fn name(&self) -> &'static str {
        "random numbers"
    }

    fn purpose(&self) -> &'static str {
        "draw random numbers for"
    }

    fn numbers(&self) -> Vec<u64> {
        let scale = u64::from(self.scale.to_bits());
        vec![self.seed, self.law as u64, scale, self.skip, self.total]
    }

    fn working_bytes(&self, _: &[u64], _: u64) -> u64 {
        0
    }

    fn run(&self, _: &dyn Loops, _: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let mut sum = values.swap_remove(0);
        match self.law {
            Law::Uniform => self.uniform(&mut sum),
            Law::Normal => self.normal(&mut sum),
        }
        sum
    }
}

impl AddDraws {
    fn uniform(self, sum: &mut [f32]) {
        let mut words = Words::new(self.seed);
        for _ in 0..self.skip {
            words.next();
        }
        for own in sum {
            *own += words.next() * 2.0 * self.scale - self.scale;
        }
    }

    fn normal(self, sum: &mut [f32]) {
        let mut words = Words::new(self.seed);
        let end = self.skip + sum.len() as u64;
        let whole = self.total / BLOCK as u64 * BLOCK as u64;
        // What does not fill a block is drawn once more, with those before it.
        let last = self.total.saturating_sub(BLOCK as u64);
        let again = whole < self.total;
        for start in (0..whole.min(end)).step_by(BLOCK) {
            let block = words.block();
            let kept = if again { last } else { u64::MAX };
            self.add(sum, start, &block, ..kept);
        }
        if again && end > last {
            for _ in whole.min(end)..self.total {
                words.next();
            }
            self.add(sum, last, &words.block(), ..u64::MAX);
        }
    }

    /// Adds a block of normal numbers that begins at an element, those before an end.
    fn add(self, sum: &mut [f32], start: u64, block: &[f32; BLOCK], kept: std::ops::RangeTo<u64>) {
        if start + BLOCK as u64 <= self.skip {
            return;
        }
        let mut numbers = *block;
        spread(&mut numbers);
        for (at, number) in (start..).zip(numbers) {
            let own = at.checked_sub(self.skip);
            let own = own.and_then(|at| sum.get_mut(usize::try_from(at).ok()?));
            if let (Some(own), true) = (own, kept.contains(&at)) {
                *own += number * self.scale;
            }
        }
    }
}

/// The numbers in [0, 1) of torch's generator.
struct Words(Mt);

impl Words {
    fn new(seed: u64) -> Words {
        Words(Mt::new(seed as u32))
    }

    fn next(&mut self) -> f32 {
        (self.0.next_u32() & 0x00ff_ffff) as f32 / 16_777_216.0
    }

    fn block(&mut self) -> [f32; BLOCK] {
        std::array::from_fn(|_| self.next())
    }
}
