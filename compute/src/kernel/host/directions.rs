//! The directions of rows.

use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// A shorter row has no direction.
const LEAST: f64 = 1e-8;

/// The direction of each row of the last dimension: of that of the first value, less that of the
/// second. A row is divided by its norm, which counts as 1e-8 at least.
#[derive(Clone, Copy, Debug)]
pub struct RowDirections;

impl HostOp for RowDirections {
    fn name(&self) -> &'static str {
        "directions of rows"
    }

    fn purpose(&self) -> &'static str {
        "find the directions of the rows of"
    }

    fn numbers(&self) -> Vec<u64> {
        Vec::new()
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        shape.last().copied().unwrap_or(1).saturating_mul(16)
    }

    fn run(&self, _: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let columns = shape.last().copied().unwrap_or(1).max(1) as usize;
        let other = values.pop().unwrap_or_default();
        let mut own = values.pop().unwrap_or_default();
        for (x, y) in own.chunks_mut(columns).zip(other.chunks(columns)) {
            let (for_it, against) = (direction(x), direction(y));
            let both = for_it.zip(against).map(|(x, y)| x - y);
            let both: Vec<f64> = both.collect();
            let norm = norm(both.iter().copied());
            for (x, value) in x.iter_mut().zip(both) {
                *x = (value / norm) as f32;
            }
        }
        own
    }
}

fn direction(row: &[f32]) -> impl Iterator<Item = f64> {
    let wide = row.iter().map(|x| f64::from(*x));
    let norm = norm(wide.clone());
    let own: Vec<f64> = wide.map(|x| x / norm).collect();
    own.into_iter()
}

fn norm(row: impl Iterator<Item = f64>) -> f64 {
    row.map(|x| x * x).sum::<f64>().sqrt().max(LEAST)
}
