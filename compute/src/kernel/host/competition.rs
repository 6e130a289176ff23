//! What of several values wins an entry.

use super::elements;
use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// The share of a value's entries that its extremes are on either side.
const EXTREME: f64 = 1e-4;
/// What scores add up to at least.
const LEAST: f64 = 1e-12;
/// Numbers in f64 that are held for each entry: the sum of the values, what is gathered and its
/// scores, a value's scores, and those in order.
const HELD: u64 = 5;

/// The mean of values, weighted by their scores in parameter competition balancing. Source: Du et
/// al., arXiv:2410.02396, `PCB_merge` of its code.
#[derive(Clone, Copy, Debug)]
pub struct Competition {
    /// The share of a value's entries whose scores are above 0.
    pub density: f64,
}

impl HostOp for Competition {
    fn name(&self) -> &'static str {
        "competition"
    }

    fn purpose(&self) -> &'static str {
        "score the entries of"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.density.to_bits()]
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        elements(shape).saturating_mul(HELD * size_of::<f64>() as u64)
    }

    fn run(&self, _: &dyn Loops, _: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let len = values[0].len();
        let mut sum = vec![0.0; len];
        for own in &values {
            for (sum, x) in sum.iter_mut().zip(own) {
                *sum += f64::from(*x);
            }
        }
        let (mut mass, mut total) = (vec![0.0; len], vec![0.0; len]);
        let mut scores = vec![0.0; len];
        let mut order = vec![0.0; len];
        let count = values.len() as f64;
        for own in &values {
            let size = self.score(count, own, &sum, &mut scores, &mut order);
            for (at, x) in own.iter().enumerate() {
                let x = f64::from(*x);
                if x != 0.0 {
                    mass[at] += size.of(x).copysign(x) * scores[at];
                }
                total[at] += scores[at];
            }
        }
        let mut merged = values.swap_remove(0);
        for (at, out) in merged.iter_mut().enumerate() {
            *out = match sum[at].is_nan() {
                true => f32::NAN,
                false => (mass[at] / total[at].max(LEAST)) as f32,
            };
        }
        merged
    }
}

impl Competition {
    /// Writes a value's scores; the extremes that its sizes are kept within.
    fn score(
        &self,
        count: f64,
        own: &[f32],
        sum: &[f64],
        scores: &mut [f64],
        order: &mut [f64],
    ) -> Extremes {
        let len = own.len() as f64;
        for (order, x) in order.iter_mut().zip(own) {
            *order = f64::from(x.abs());
        }
        let size = Extremes {
            low: at_rank(order, len * EXTREME),
            high: at_rank(order, len * (1.0 - EXTREME) - 1.0),
        };
        for (score, (x, sum)) in scores.iter_mut().zip(own.iter().zip(sum)) {
            let x = f64::from(*x);
            *score = (count * size.share(size.of(x)).powi(2)).exp() * (x * sum).tanh();
        }
        order.copy_from_slice(scores);
        let won = Extremes {
            low: at_rank(order, len * (1.0 - self.density)),
            high: at_rank(order, len - 1.0),
        };
        for score in scores.iter_mut() {
            *score = won.share(score.max(won.low).min(won.high));
        }
        size
    }
}

/// The number at a rank, counted from 0 and rounded down.
fn at_rank(numbers: &mut [f64], rank: f64) -> f64 {
    let Some(last) = numbers.len().checked_sub(1) else {
        return 0.0;
    };
    // The cast takes what is negative for 0.
    let rank = (rank as usize).min(last);
    *numbers.select_nth_unstable_by(rank, f64::total_cmp).1
}

/// Between what numbers are kept.
struct Extremes {
    low: f64,
    high: f64,
}

impl Extremes {
    /// The size of a number, kept between them.
    fn of(&self, x: f64) -> f64 {
        x.abs().max(self.low).min(self.high)
    }

    /// How far from the lower to the upper one a number lies; 0 where they are one.
    fn share(&self, x: f64) -> f64 {
        match self.high > self.low {
            true => (x - self.low) / (self.high - self.low),
            false => 0.0,
        }
    }
}
