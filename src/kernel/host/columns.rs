//! A number per column, from sums over it.

use super::elements;
use crate::kernel::{Derive, HostOp};

/// One number for all elements that differ in nothing but their place along the first dimension,
/// from products of values summed along it in f64.
#[derive(Clone, Debug)]
pub struct ColumnSums {
    /// Which of the values are multiplied and summed.
    pub products: Vec<(usize, usize)>,
    /// From the sums, in order, to the number.
    pub derive: Derive,
}

/// How many columns a shape has.
fn columns(shape: &[u64]) -> u64 {
    elements(shape) / shape.first().copied().unwrap_or(1).max(1)
}

impl HostOp for ColumnSums {
    fn name(&self) -> &'static str {
        "sums over columns"
    }

    fn purpose(&self) -> &'static str {
        "sum up the columns of"
    }

    fn instead(&self) -> Option<&'static str> {
        Some("set angles to row")
    }

    fn numbers(&self) -> Vec<u64> {
        let products = self.products.iter().flat_map(|own| [own.0, own.1]);
        let products = products.map(|own| own as u64);
        products.chain(self.derive.numbers()).collect()
    }

    fn working_bytes(&self, shape: &[u64]) -> u64 {
        let sums = (self.products.len() * size_of::<f64>()) as u64;
        columns(shape).saturating_mul(sums)
    }

    fn run(&self, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let (count, columns) = (self.products.len(), columns(shape) as usize);
        let mut sums = vec![0.0; columns * count];
        for (number, (x, y)) in self.products.iter().enumerate() {
            let pairs = values[*x].iter().zip(&values[*y]);
            for ((x, y), column) in pairs.zip((0..columns).cycle()) {
                sums[column * count + number] += f64::from(*x) * f64::from(*y);
            }
        }
        let mut numbers = values.swap_remove(0);
        for (column, sums) in sums.chunks_exact(count.max(1)).enumerate() {
            let found = (self.derive.function)(sums, &self.derive.parameters);
            let number = found.first().map_or(0.0, |number| *number as f32);
            let places = numbers.iter_mut().skip(column).step_by(columns);
            places.for_each(|place| *place = number);
        }
        numbers
    }
}
