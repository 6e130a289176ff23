//! Steps of tools that compute in the models' type, where they are done on the host.

use super::Lowering;
use crate::kernel::{Compute, Derive, Formula, Node, Operand, RowSums};

/// Nothing is rounded.
const NONE: f64 = 0.0;
/// Steps are rounded to bf16.
const BF16: f64 = 1.0;
/// Steps are rounded to f16.
const F16: f64 = 2.0;

/// A number, rounded as a code says.
pub(super) fn rounded(value: f64, code: f64) -> f64 {
    let compute = match code {
        BF16 => Compute::BF16,
        F16 => Compute::F16,
        _ => return value,
    };
    f64::from(f32::from_bits(compute.scalar(value)))
}

/// The norm of a value from its sum of squares: at least so much, and so much added to it.
fn norm(sums: &[f64], parameters: &[f64]) -> Vec<f64> {
    let &[code, least, added] = parameters else {
        return Vec::new();
    };
    let norm = rounded(sums[0].sqrt(), code).max(least);
    vec![rounded(norm + added, code)]
}

impl Lowering<'_> {
    /// What [`rounded`] rounds steps to.
    pub(super) fn step_code(&self) -> f64 {
        match self.stepping() {
            Some(Compute::BF16) => BF16,
            Some(Compute::F16) => F16,
            _ => NONE,
        }
    }

    /// The product of two values, rounded as a step.
    pub(super) fn product(&mut self, x: Node, y: Node) -> Node {
        let product = self.call(Formula::Mul, &[x, y]);
        self.step(product)
    }

    /// A value with a factor, rounded as a step.
    pub(super) fn scaled(&mut self, x: Node, factor: Operand) -> Node {
        let scaled = self.expression.call(Formula::Scale, &[x.into(), factor]);
        self.step(scaled)
    }

    /// A value divided by a number, rounded as a step.
    pub(super) fn divided(&mut self, x: Node, by: Operand) -> Node {
        let divided = self.expression.call(Formula::MeanOf, &[x.into(), by]);
        self.step(divided)
    }

    /// The sum of values, rounded as a step.
    pub(super) fn stepped_total(&mut self, values: &[Node]) -> Node {
        let total = self.total(values);
        self.step(total)
    }

    /// The same number for all elements.
    pub(super) fn constant(&mut self, value: f64) -> Node {
        let value = self.scalar(value);
        self.expression.call(Formula::Fill, &[value])
    }

    /// Sums of values as they are.
    pub(super) fn row_sums(&mut self, values: &[Node], derive: Derive) -> RowSums {
        let one = self.constant(1.0);
        RowSums {
            values: [values, &[one]].concat(),
            products: (0..values.len()).map(|own| (own, values.len())).collect(),
            derive,
        }
    }

    /// How the norm of a value is made of its squares, as a step: at least so much, and so much
    /// added to it.
    pub(super) fn norm_of(&self, least: f64, added: f64) -> Derive {
        Derive {
            function: norm,
            parameters: vec![self.step_code(), least, added],
        }
    }

    /// The norm of a value over its tensor, as [`Self::norm_of`] makes it.
    pub(super) fn norm(&mut self, x: Node, least: f64, added: f64) -> Operand {
        let square = self.call(Formula::Mul, &[x, x]);
        let derive = self.norm_of(least, added);
        self.expression.sums(&[square], derive, 1)[0]
    }
}
