//! How far rows are from each other as distributions.

use crate::kernel::linear::Loops;
use crate::kernel::{Compute, HostOp};

/// What is added to every probability.
const LEAST: f64 = 1e-8;

/// How far each row of the last dimension of the first value is from that of the second:
/// Σ p ln(p/q) of the rows' softmax p and q, 1e-8 added to each, and 0 at least.
#[derive(Clone, Copy, Debug)]
pub struct RowDivergence {
    /// The type that steps are rounded to; of f32 only the result is.
    pub steps: Compute,
}

impl HostOp for RowDivergence {
    fn name(&self) -> &'static str {
        "divergence of rows"
    }

    fn purpose(&self) -> &'static str {
        "compare the rows of"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.steps as u64]
    }

    fn working_bytes(&self, _: &[u64], _: u64) -> u64 {
        0
    }

    fn run(&self, _: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let columns = shape.last().copied().unwrap_or(1).max(1) as usize;
        let other = values.pop().unwrap_or_default();
        let mut own = values.pop().unwrap_or_default();
        for (x, y) in own.chunks_mut(columns).zip(other.chunks(columns)) {
            let divergence = self.divergence(x, y);
            x.fill(divergence);
        }
        own
    }
}

impl RowDivergence {
    fn round(self, value: f64) -> f64 {
        f64::from(f32::from_bits(self.steps.scalar(value)))
    }

    fn divergence(self, x: &[f32], y: &[f32]) -> f32 {
        let (p, q) = (Softmax::of(x), Softmax::of(y));
        let terms = x.iter().zip(y).map(|(x, y)| {
            let (p, q) = (p.at(*x), q.at(*y));
            if self.steps == Compute::F32 {
                return (p + LEAST) * ((p + LEAST) / (q + LEAST)).ln();
            }
            let [p, q] = [p, q].map(|own| self.round(self.round(own) + LEAST));
            self.round(p * self.round(self.round(p / q).ln()))
        });
        let divergence = self.round(terms.sum());
        // Less than none is rounding; what is no number stays so.
        if divergence < 0.0 {
            0.0
        } else {
            divergence as f32
        }
    }
}

/// The softmax of a row.
struct Softmax {
    largest: f64,
    total: f64,
}

impl Softmax {
    fn of(row: &[f32]) -> Softmax {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let largest = f64::from(largest);
        let total = row.iter().map(|x| (f64::from(*x) - largest).exp()).sum();
        Softmax { largest, total }
    }

    fn at(&self, x: f32) -> f64 {
        (f64::from(x) - self.largest).exp() / self.total
    }
}
