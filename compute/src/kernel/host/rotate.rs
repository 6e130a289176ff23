//! A model's tensor turned towards another's.

use super::elements;
use crate::dtype::{Float, codec};
use crate::kernel::HostOp;
use crate::kernel::linear::{
    Eigen, Loops, Matrix, PRODUCT_BYTES, Triangle, View, Way, add_product, bytes, eigen_bytes,
    gram, orthogonal, polar, power, product, rank, rotation,
};

/// Turns a towards b by a power of the orthogonal matrix that takes a's rows nearest to b's.
/// Source: sd-mecha `rotate`.
///
/// Values: a, b. A tensor is a matrix of its first dimension and all others, of the first two and
/// the others where it is a convolution's with a kernel of more than one element.
#[derive(Clone, Copy, Debug)]
pub struct Rotate {
    /// The power.
    pub alignment: f64,
    /// How far a goes to what b is when it is turned back.
    pub alpha: f64,
    /// The share of the columns' means that is left out of what is turned.
    pub centralization: f64,
    /// What is enough on the way between rows that are fewer than the columns.
    pub stiefel_eps: f64,
    /// Steps of looking for it at most.
    pub stiefel_max_iters: u64,
}

/// Rows and columns of a tensor.
fn sides(shape: &[u64]) -> [u64; 2] {
    let leading = match shape {
        [_, _, kernel @ ..] if kernel.len() == 2 && elements(kernel) != 1 => 2,
        _ => 1.min(shape.len()),
    };
    let (rows, columns) = shape.split_at(leading);
    [elements(rows), elements(columns)]
}

/// A matrix without a share of its columns' means, and what was left out.
fn centred(values: &[f32], [rows, columns]: [u64; 2], share: f64) -> (Matrix, Vec<f64>) {
    let mut matrix = View::new(values, rows as usize, columns as usize).matrix();
    let mut means = vec![0.0; matrix.columns()];
    for row in 0..matrix.rows() {
        let pairs = means.iter_mut().zip(matrix.row(row));
        pairs.for_each(|(mean, x)| *mean += x);
    }
    let factor = share / rows.max(1) as f64;
    means.iter_mut().for_each(|mean| *mean *= factor);
    for row in 0..matrix.rows() {
        let pairs = matrix.row_mut(row).iter_mut().zip(&means);
        pairs.for_each(|(x, mean)| *x -= mean);
    }
    (matrix, means)
}

/// x - x gᵀ g + x hᵀ g, the rows of g and h being orthonormal.
fn replace(loops: &dyn Loops, x: &mut Matrix, from: &Matrix, to: &Matrix) {
    let mut moved = product(loops, x.view(), from.turned());
    moved.scale(-1.0);
    add_product(loops, &mut moved, (0, 0), 1.0, (x.view(), to.turned()));
    add_product(loops, x, (0, 0), 1.0, (moved.view(), from.view()));
}

/// What turns the rows of one matrix towards another's.
enum Turn {
    /// A square matrix.
    Whole(Matrix),
    /// Vectors, a row each, and what they come to.
    Few { from: Matrix, to: Matrix },
}

impl Turn {
    /// Of matrices of one shape; without a reflection where a part of it is asked for.
    fn new(loops: &dyn Loops, a: &Matrix, b: &Matrix, part: bool) -> Turn {
        if a.rows() >= a.columns() {
            let overlap = product(loops, a.turned(), b.view());
            return Turn::Whole(match part {
                true => rotation(loops, &overlap),
                false => orthogonal(loops, &overlap),
            });
        }
        let triangle = Triangle::of(loops, b.clone());
        let basis = triangle.rows(loops);
        // Of aᵀ times the triangle turned, a row for each column.
        let overlap = product(loops, triangle.lower.turned(), a.view());
        let to = polar(loops, &overlap);
        let count = rank(&to).round() as usize;
        if count == to.rows() {
            return Turn::Few { from: basis, to };
        }
        // Rows that one of them does not determine are left out.
        let own = Eigen::of(loops, gram(loops, to.view())).vectors;
        let own = own.keep_rows(0..count);
        Turn::Few {
            from: product(loops, own.view(), basis.view()),
            to: product(loops, own.view(), to.view()),
        }
    }

    /// The rows of x turned back.
    fn back(&self, loops: &dyn Loops, x: &mut Matrix) {
        match self {
            Turn::Whole(whole) => *x = product(loops, x.view(), whole.turned()),
            Turn::Few { from, to } => replace(loops, x, to, from),
        }
    }
}

impl Rotate {
    /// Whether the power is no whole number.
    fn is_part(&self) -> bool {
        let nearest = self.alignment.round();
        let size = self.alignment.abs().max(nearest.abs());
        (self.alignment - nearest).abs() > 1e-9 * size
    }

    fn turn(&self, loops: &dyn Loops, x: &mut Matrix, turn: Turn) {
        let exponent = match self.is_part() {
            true => self.alignment,
            false => self.alignment.round(),
        };
        match turn {
            _ if exponent == 0.0 => {}
            Turn::Whole(whole) => {
                let power = power(loops, &whole, exponent);
                *x = product(loops, x.view(), power.view());
            }
            Turn::Few { from, to } if exponent == 1.0 => replace(loops, x, &from, &to),
            Turn::Few { from, to } if exponent == -1.0 => replace(loops, x, &to, &from),
            Turn::Few { from, to } => {
                let steps = self.stiefel_max_iters;
                let way = Way::new(loops, from, &to, self.stiefel_eps, steps);
                let there = way.at(loops, 0.5 * (exponent + 1.0));
                let back = way.at(loops, 0.5 * (1.0 - exponent));
                replace(loops, x, &back, &there);
            }
        }
    }
}

/// Whether two values are one in f16.
fn is_one_in_f16(a: f32, b: f32) -> bool {
    let code = |x: f32| codec::encode(Float::F16, codec::settled((x + 0.0).to_bits()));
    !a.is_nan() && !b.is_nan() && code(a) == code(b)
}

impl HostOp for Rotate {
    fn name(&self) -> &'static str {
        "rotate"
    }

    fn purpose(&self) -> &'static str {
        "find the rotation of"
    }

    fn numbers(&self) -> Vec<u64> {
        let numbers = [
            self.alignment,
            self.alpha,
            self.centralization,
            self.stiefel_eps,
        ];
        let mut numbers: Vec<u64> = numbers.into_iter().map(f64::to_bits).collect();
        numbers.push(self.stiefel_max_iters);
        numbers
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        let [rows, columns] = sides(shape);
        let least = rows.min(columns);
        let own = match rows >= columns {
            true => bytes(&[(3 * rows, columns), (14 * least, least)]),
            false => {
                let turned = least.saturating_mul(2).min(columns);
                let power = if self.is_part() { turned } else { 0 };
                bytes(&[(9 * rows, columns), (6 * least, least), (12 * power, power)])
            }
        };
        let rotations = eigen_bytes(least);
        own.saturating_add(rotations).saturating_add(PRODUCT_BYTES)
    }

    fn run(&self, loops: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let (b, mut a) = (values.swap_remove(1), values.swap_remove(0));
        if shape.len() < 2 || a.iter().zip(&b).all(|(a, b)| is_one_in_f16(*a, *b)) {
            for (a, b) in a.iter_mut().zip(&b) {
                *a += ((f64::from(*b) - f64::from(*a)) * self.alpha) as f32;
            }
            return a;
        }
        if !a.iter().chain(&b).all(|x| x.is_finite()) {
            a.fill(f32::NAN);
            return a;
        }
        let (mut x, mean) = centred(&a, sides(shape), self.centralization);
        let (mut other, mean_b) = centred(&b, sides(shape), self.centralization);
        drop(b);
        let turn = Turn::new(loops, &x, &other, self.is_part());
        if self.alpha != 0.0 {
            turn.back(loops, &mut other);
            other.add(&x, -1.0);
            x.add(&other, self.alpha);
        }
        drop(other);
        self.turn(loops, &mut x, turn);
        let columns = x.columns();
        for (at, (place, own)) in a.iter_mut().zip(x.data()).enumerate() {
            let (from, to) = (mean[at % columns], mean_b[at % columns]);
            *place = (own + from + (to - from) * self.alignment) as f32;
        }
        a
    }
}
