//! How much the channels of two values differ in direction.

use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// What the product of norms is raised by.
const LEAST: f64 = 1e-12;

/// For each first index beta (1 - cos) of two values, within 0 and 1. Source: Chattiori
/// `channel_cosine_gate`.
///
/// Values: a, b.
#[derive(Clone, Copy, Debug)]
pub struct ChannelGate {
    /// How much a difference in direction counts.
    pub beta: f64,
}

impl HostOp for ChannelGate {
    fn name(&self) -> &'static str {
        "channel gate"
    }

    fn purpose(&self) -> &'static str {
        "compare the channels of"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.beta.to_bits()]
    }

    fn working_bytes(&self, _: &[u64], _: u64) -> u64 {
        0
    }

    fn run(&self, _: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let (b, mut a) = (values.swap_remove(1), values.swap_remove(0));
        let channels = shape.first().copied().unwrap_or(1).max(1) as usize;
        let len = (a.len() / channels).max(1);
        for (a, b) in a.chunks_mut(len).zip(b.chunks(len)) {
            let dot = |x: &[f32], y: &[f32]| {
                let products = x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y));
                products.sum::<f64>()
            };
            let norms = (dot(a, a) * dot(b, b)).sqrt();
            let cosine = dot(a, b) / (norms + LEAST);
            let gate = (1.0 - cosine.clamp(-1.0, 1.0)) * self.beta;
            a.fill(gate.clamp(0.0, 1.0) as f32);
        }
        a
    }
}
