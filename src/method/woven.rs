//! Weighted sums whose factors are found from products of the values over the tensor.

use super::Lowering;
use crate::kernel::{Derive, Formula, Node, Operand};

impl Lowering<'_> {
    /// What a method works on: task vectors where there is a base, else the models.
    pub(super) fn origin_values(&mut self) -> Vec<Node> {
        match self.base {
            Some(_) => self.deltas().into_iter().map(|delta| delta.node).collect(),
            None => self.values(),
        }
    }

    /// What was made of [`Self::origin_values`], on top of the base where there is one.
    pub(super) fn on_base(&mut self, value: Node) -> Node {
        match self.base {
            Some(base) => self.shift(base, value, 1.0),
            None => value,
        }
    }

    /// The factors that `derive` makes of the values' products: of each with itself and with those
    /// after it, in order.
    pub(super) fn factors(&mut self, values: &[Node], derive: Derive) -> Vec<Operand> {
        let mut products = Vec::new();
        for (number, &value) in values.iter().enumerate() {
            for &other in &values[number..] {
                products.push(self.call(Formula::Mul, &[value, other]));
            }
        }
        self.expression.sums(&products, derive, values.len())
    }

    /// The sum of values with factors.
    pub(super) fn weave(&mut self, values: &[Node], factors: &[Operand]) -> Node {
        let first = [values[0].into(), factors[0]];
        let mut sum = self.expression.call(Formula::Scale, &first);
        for (&value, &factor) in values[1..].iter().zip(&factors[1..]) {
            let operands = [sum.into(), value.into(), factor];
            sum = self.expression.call(Formula::Axpy, &operands);
        }
        sum
    }
}

/// Products of n values, as [`Lowering::woven`] orders them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Products<'s> {
    sums: &'s [f64],
    /// How many values there are.
    pub(super) count: usize,
}

impl<'s> Products<'s> {
    pub(super) fn new(sums: &'s [f64], count: usize) -> Products<'s> {
        Products { sums, count }
    }

    /// The product of two of them.
    pub(super) fn of(&self, one: usize, other: usize) -> f64 {
        let (first, second) = (one.min(other), one.max(other));
        let before = first * self.count - first * first.saturating_sub(1) / 2;
        self.sums[before + second - first]
    }

    /// The norm of one of them.
    pub(super) fn norm(&self, one: usize) -> f64 {
        self.of(one, one).sqrt()
    }
}
