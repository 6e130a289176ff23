//! The Kronecker product nearest to a tensor.

use super::elements;
use super::low_rank::{bytes, truncate};
use crate::kernel::HostOp;
use crate::kernel::linear::{Basis, Loops};

/// The nearest product of a small matrix and a tensor of the others' dimensions, which is the
/// nearest matrix of one direction once the entries are put in another order. Source: sd-mecha
/// `truncate_kronecker`.
#[derive(Clone, Copy, Debug)]
pub struct Kronecker {
    /// How large the small matrix is, from 0 to 1.
    pub ratio: f64,
    /// How the direction is found.
    pub basis: Basis,
}

/// Rows and columns of two factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Factors {
    /// Rows of both.
    pub rows: [u64; 2],
    /// Columns of both.
    pub columns: [u64; 2],
}

/// Bits behind the point of a number between 1/2 and 2.
const POINT: u32 = 62;

/// Bits behind the point of a logarithm.
const FINE: u32 = 100;

/// ln 2.
const LN_2: i128 = 878_668_439_483_319_573_618_263_538_048;

/// The logarithm of a normal number above 0, to the nearest number nearly always: which of two
/// sizes is nearer to a third may hang on the last bit, and libraries differ in it.
fn ln(x: f64) -> f64 {
    let mut exponent = (x.to_bits() >> 52) as i128 - 1023;
    let mut mantissa = i128::from((x.to_bits() & ((1 << 52) - 1)) | (1 << 52)) << (POINT - 52);
    if mantissa > 3 << (POINT - 1) {
        mantissa >>= 1;
        exponent += 1;
    }
    let one = 1_i128 << POINT;
    let half = one >> 1;
    let ratio = (((mantissa - one) << (POINT + 1)) / (mantissa + one) + 1) >> 1;
    // The series of atanh: the ratio is at most 1/5.
    let times = |a: i128, b: i128| (a * b + half) >> POINT;
    let (square, mut power, mut sum) = (times(ratio, ratio), ratio, 0);
    for odd in (1..=29).step_by(2) {
        sum += ((power << 1) / odd + 1) >> 1;
        power = times(power, square);
    }
    let fixed = (sum << (FINE - POINT + 1)) + exponent * LN_2;
    fixed as f64 / 2.0_f64.powi(FINE as i32)
}

/// The divisors of a number, ascending.
fn divisors(number: u64) -> Vec<u64> {
    let small = (1..)
        .take_while(|d| d * d <= number)
        .filter(|d| number.is_multiple_of(*d));
    let mut divisors: Vec<u64> = small.collect();
    let large: Vec<u64> = divisors.iter().rev().map(|d| number / d).collect();
    divisors.extend(large.into_iter().filter(|d| d * d > number));
    divisors
}

impl Factors {
    /// Those whose size is nearest to a ratio between the smallest and the largest, and among these
    /// the most even.
    pub fn of(shape: &[u64], ratio: f64) -> Factors {
        let [rows, columns] = [0, 1].map(|at: usize| shape.get(at).copied().unwrap_or(1).max(1));
        let middle = 0.5 * ln(elements(shape).max(1) as f64);
        let size = |a: u64, b: u64| ln((a * b) as f64) - middle;
        let uneven = |a: u64, all: u64| ln(a as f64 / (all / a) as f64).abs();
        let most = size(1, 1).abs().max(size(rows, columns).abs());
        let target = (2.0 * ratio - 1.0) * most;
        let mut best = (f64::INFINITY, f64::INFINITY);
        let mut factors = Factors {
            rows: [1, rows],
            columns: [1, columns],
        };
        for a in divisors(rows) {
            for b in divisors(columns) {
                let off = match most == 0.0 {
                    true => 0.0,
                    false => (size(a, b) - target).abs(),
                };
                let found = (off, uneven(a, rows) + uneven(b, columns));
                if found < best {
                    best = found;
                    factors = Factors {
                        rows: [a, rows / a],
                        columns: [b, columns / b],
                    };
                }
            }
        }
        factors
    }

    /// Rows and columns of the matrix that has one direction where a tensor is a product.
    fn sides(&self, shape: &[u64]) -> [u64; 2] {
        let small = self.rows[0] * self.columns[0];
        [small, elements(shape) / small.max(1)]
    }

    /// Moves the entries of a tensor into the order of that matrix, or back.
    fn arrange(&self, from: &[f32], to: &mut [f32], back: bool) {
        let [[m1, m2], [n1, n2]] = [self.rows, self.columns].map(|pair| pair.map(|n| n as usize));
        let run = from.len() / (m1 * m2 * n1).max(1);
        debug_assert_eq!(run % n2.max(1), 0);
        for (number, block) in (0..m1 * m2 * n1).enumerate() {
            let (i, j, k) = (block / (m2 * n1), block / n1 % m2, block % n1);
            let other = (i * n1 + k) * m2 + j;
            let (source, target) = if back {
                (other, number)
            } else {
                (number, other)
            };
            to[target * run..][..run].copy_from_slice(&from[source * run..][..run]);
        }
    }
}

impl HostOp for Kronecker {
    fn name(&self) -> &'static str {
        "Kronecker product"
    }

    fn purpose(&self) -> &'static str {
        "find the Kronecker product of"
    }

    fn numbers(&self) -> Vec<u64> {
        let mut numbers = vec![self.ratio.to_bits()];
        numbers.extend(self.basis.numbers());
        numbers
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        let sides = Factors::of(shape, self.ratio).sides(shape);
        let order = elements(shape).saturating_mul(size_of::<f32>() as u64);
        bytes(sides, (1, self.basis)).saturating_add(order)
    }

    fn run(&self, loops: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let mut a = values.swap_remove(0);
        if a.is_empty() {
            return a;
        }
        let factors = Factors::of(shape, self.ratio);
        let mut ordered = vec![0.0; a.len()];
        factors.arrange(&a, &mut ordered, false);
        truncate(loops, &mut ordered, factors.sides(shape), (1, self.basis));
        factors.arrange(&ordered, &mut a, true);
        a
    }
}
