//! Weiszfeld's iteration for the geometric median, rounded as torch rounds it.
//!
//! sd-mecha iterates in f32 until the mean distance does not change any more, which depends on the
//! last bit of sums over whole tensors. So that a recipe gives the same result here, distances are
//! summed as torch sums them: eight partial sums, element by element, and the rest of a tensor
//! whose size is no multiple of eight at the end.

use super::Passes;

const PARTIALS: usize = 8;
/// What the rest is multiplied by at a time.
const HALF: usize = 4;

/// The iteration over one tensor.
#[derive(Debug)]
pub struct Weiszfeld {
    eps: f32,
    ftol: f32,
    passes_left: u64,
    /// The weights of the values, by whose sum their mean is divided.
    weights: Vec<f32>,
    divisor: f32,
    /// Sums of squared distances of each value from the weighted mean.
    sums: Vec<[f32; PARTIALS]>,
    /// The elements after the last whole block of eight.
    rest: Vec<Vec<f32>>,
    objective: Option<f32>,
}

impl Weiszfeld {
    /// An iteration over `n` values with the parameters eps, maxiter and ftol.
    pub fn begin(n: usize, parameters: &[f64]) -> Box<dyn Passes> {
        Box::new(Weiszfeld {
            eps: parameters[0] as f32,
            ftol: parameters[2] as f32,
            passes_left: parameters[1].max(0.0) as u64,
            weights: vec![1.0; n],
            divisor: n as f32,
            sums: vec![[0.0; PARTIALS]; n],
            rest: vec![Vec::new(); n],
            objective: None,
        })
    }

    fn mean(&self, element: impl Fn(usize) -> f32) -> f32 {
        let mut sum = 0.0;
        for (number, weight) in self.weights.iter().enumerate() {
            sum += element(number) * weight;
        }
        sum / self.divisor
    }

    /// Adds whole blocks of eight elements.
    fn add(&mut self, values: &[&[f32]]) {
        for start in (0..values[0].len()).step_by(PARTIALS) {
            let blocks = |number: usize| &values[number][start..start + PARTIALS];
            let mut mean = [0.0_f32; PARTIALS];
            for (number, weight) in self.weights.iter().enumerate() {
                let block = mean.iter_mut().zip(blocks(number));
                block.for_each(|(mean, x)| *mean += x * weight);
            }
            mean.iter_mut().for_each(|mean| *mean /= self.divisor);
            for (number, sums) in self.sums.iter_mut().enumerate() {
                for ((sum, x), mean) in sums.iter_mut().zip(blocks(number)).zip(mean) {
                    let distance = x - mean;
                    *sum += distance * distance;
                }
            }
        }
    }

    /// The distance of each value from the mean, once all elements are added.
    fn distances(&mut self) -> Vec<f32> {
        let rest = std::mem::take(&mut self.rest);
        let distances = self.sums.iter().enumerate().map(|(number, sums)| {
            let first = sums.iter().skip(1).fold(sums[0], |sum, next| sum + next);
            let whole = rest[number].len() / HALF * HALF;
            let squares = (0..rest[number].len()).fold(first, |sum, at| {
                let distance = rest[number][at] - self.mean(|other| rest[other][at]);
                // The compiler of torch multiplies four at a time, and fuses what is left.
                match at < whole {
                    true => sum + distance * distance,
                    false => distance.mul_add(distance, sum),
                }
            });
            squares.sqrt()
        });
        let distances = distances.collect();
        self.rest = vec![Vec::new(); self.sums.len()];
        self.sums.fill([0.0; PARTIALS]);
        distances
    }
}

/// Lanes of the vectors in which torch adds.
const LANES: usize = 8;

/// Sums that torch keeps side by side.
const ROWS: usize = 4;

/// A sum in torch's order: whether the iteration has settled hangs on its last bit.
fn torch_sum(values: &[f32]) -> f32 {
    if values.len() < LANES {
        return row_sum(values, 0, 1);
    }
    let whole = values.len() / LANES * LANES;
    let tail = values[whole..].iter().fold(0.0, |sum, value| sum + value);
    (0..LANES).fold(tail, |sum, lane| {
        sum + row_sum(&values[..whole], lane, LANES)
    })
}

/// The sum of every `step`-th value from `first` on: four sums side by side, what is left with the
/// first of them.
fn row_sum(values: &[f32], first: usize, step: usize) -> f32 {
    let own: Vec<f32> = values.iter().skip(first).step_by(step).copied().collect();
    let (rows, left) = own.as_chunks::<ROWS>();
    let mut sums = [0.0_f32; ROWS];
    for row in rows {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
    let first = left.iter().fold(sums[0], |sum, value| sum + value);
    sums[1..].iter().fold(first, |sum, other| sum + other)
}

impl Passes for Weiszfeld {
    fn take(&mut self, values: &[&[f32]]) {
        let whole = values[0].len() / PARTIALS * PARTIALS;
        let blocks: Vec<&[f32]> = values.iter().map(|value| &value[..whole]).collect();
        self.add(&blocks);
        for (rest, value) in self.rest.iter_mut().zip(values) {
            rest.extend_from_slice(&value[whole..]);
        }
    }

    fn end(&mut self) -> Option<Vec<f64>> {
        let distances = self.distances();
        let objective = torch_sum(&distances) / distances.len() as f32;
        let before = self.objective.replace(objective);
        let settled = before.is_some_and(|before| {
            (before - objective).abs() <= self.ftol * objective || objective.is_nan()
        });
        if settled || self.passes_left == 0 {
            let share = |weight: &f32| f64::from(*weight) / f64::from(self.divisor);
            return Some(self.weights.iter().map(share).collect());
        }
        self.passes_left -= 1;
        self.weights = distances.iter().map(|d| 1.0 / d.max(self.eps)).collect();
        self.divisor = self.weights.iter().fold(0.0, |sum, weight| sum + weight);
        None
    }
}
