//! One value's low frequencies with another's high ones, in the order of a third.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use super::elements;
use super::order::{ELEMENTS_MAX, KEY_BYTES, keys, ordered, place};
use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// Widths up to which the filter is a step.
const STEP: f64 = 1e-10;
/// Complex numbers that a transform of one element holds at most: the element, and for a length
/// that is prime the padded lines, their tables and what is worked in.
const HELD: u64 = 24;

/// Mixes two values in the frequencies of their elements, which are put in the order of a third's.
/// Source: sd-meh `distribution_crossover`.
///
/// Values: a, b, c. As the transform is linear, a plus the filtered difference b - a is the result.
#[derive(Clone, Copy, Debug)]
pub struct RankedCrossover {
    /// Where the filter goes from a to b, as a share of the frequencies.
    pub alpha: f64,
    /// How wide it does.
    pub beta: f64,
}

impl RankedCrossover {
    /// The share of b at a place of the half spectrum, as a share of its length.
    fn share(self, at: f64) -> f64 {
        match self.beta > STEP {
            true => ((at - self.alpha) / self.beta + 0.5).clamp(0.0, 1.0),
            false => f64::from(u8::from(at >= self.alpha)),
        }
    }
}

impl HostOp for RankedCrossover {
    fn name(&self) -> &'static str {
        "ranked crossover"
    }

    fn purpose(&self) -> &'static str {
        "sort and transform"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.alpha.to_bits(), self.beta.to_bits()]
    }

    fn elements_max(&self) -> u64 {
        ELEMENTS_MAX
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        let complex = size_of::<Complex<f64>>() as u64;
        elements(shape).saturating_mul(HELD * complex + KEY_BYTES)
    }

    fn run(&self, _: &dyn Loops, _: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let c = values.swap_remove(2);
        let (b, mut a) = (values.swap_remove(1), values.swap_remove(0));
        if a.is_empty() {
            return a;
        }
        // 0 and -0 are equal.
        let mut order = keys(&c, |x| ordered(x + 0.0));
        drop(c);
        order.sort_unstable();
        let places = || order.iter().map(|key| place(*key));
        let difference = |at: usize| f64::from(b[at]) - f64::from(a[at]);
        let mut line: Vec<Complex<f64>> = places()
            .map(|at| Complex::new(difference(at), 0.0))
            .collect();
        drop(b);
        let (len, mut planner) = (line.len(), FftPlanner::new());
        planner.plan_fft_forward(len).process(&mut line);
        let half = (len / 2 + 1) as f64;
        for (k, value) in line.iter_mut().enumerate() {
            *value *= self.share(k.min(len - k) as f64 / half);
        }
        planner.plan_fft_inverse(len).process(&mut line);
        for (at, moved) in places().zip(&line) {
            a[at] = (f64::from(a[at]) + moved.re / len as f64) as f32;
        }
        a
    }
}
