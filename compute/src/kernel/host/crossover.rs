//! One value's low frequencies with another's high ones.

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

use super::elements;
use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// Mixes two values in the frequencies of all dimensions. Source: sd-mecha `crossover`.
///
/// Values: a, b. As the transform is linear, a plus the filtered difference b - a is the result:
/// the difference is transformed in f64, and back.
#[derive(Clone, Copy, Debug)]
pub struct Crossover {
    /// The share of the frequencies that are b's, from 0 to 1.
    pub alpha: f64,
    /// How the filter leans, in quarters of a turn.
    pub tilt: f64,
}

/// Lines that are transformed beside each other.
const LINES: usize = 16;

impl Crossover {
    /// The share of b at a frequency of this size, from 0 to 1.
    fn share(&self, size: f64) -> f64 {
        let tilt = self.tilt.rem_euclid(4.0);
        let inverted = tilt > 2.0;
        let alpha = match inverted {
            true => 1.0 - self.alpha,
            false => self.alpha,
        };
        let share = if tilt == 0.0 {
            f64::from(u8::from(size > 1.0 - alpha))
        } else if tilt == 2.0 {
            f64::from(u8::from(size < 1.0 - alpha))
        } else {
            let lean = 1.0 / (std::f64::consts::PI * tilt / 2.0).tan();
            let line = match tilt <= 1.0 || (2.0..=3.0).contains(&tilt) {
                true => size * lean + alpha * lean + alpha - lean,
                false => size * lean - alpha * lean + alpha,
            };
            line.clamp(0.0, 1.0)
        };
        match inverted {
            true => 1.0 - share,
            false => share,
        }
    }

    /// Multiplies the frequencies by the filter. The last dimension has its first half only.
    fn filter(&self, axes: &[Axis], spectrum: &mut [Complex<f64>]) {
        let count = axes.len() as f64;
        for (place, value) in spectrum.iter_mut().enumerate() {
            let squares = axes.iter().map(|axis| axis.at(place).powi(2));
            *value *= self.share((squares.sum::<f64>() / count).sqrt());
        }
    }
}

/// A dimension of the spectrum.
struct Axis {
    /// Frequencies that it has.
    len: usize,
    /// Elements between one and the next.
    stride: usize,
    /// Their sizes, from 0 to about 1.
    sizes: Vec<f64>,
}

impl Axis {
    fn at(&self, place: usize) -> f64 {
        self.sizes[place / self.stride % self.len]
    }

    /// The dimensions of a shape's spectrum.
    fn all(shape: &[usize]) -> Vec<Axis> {
        let mut stride = 1;
        let mut axes: Vec<Axis> = Vec::with_capacity(shape.len());
        for (number, &len) in shape.iter().enumerate().rev() {
            let last = number + 1 == shape.len();
            let half = (len / 2).max(1) as f64;
            let sizes: Vec<f64> = match last {
                // From 0 to 1, evenly.
                true => {
                    let most = (len / 2).max(1) as f64;
                    (0..=len / 2).map(|k| k as f64 / most).collect()
                }
                false => (0..len).map(|k| k.min(len - k) as f64 / half).collect(),
            };
            let len = sizes.len();
            axes.push(Axis { len, stride, sizes });
            stride *= len;
        }
        axes.reverse();
        axes
    }

    /// Transforms all lines along it.
    fn transform(&self, fft: &dyn Fft<f64>, spectrum: &mut [Complex<f64>]) {
        let zero = Complex::new(0.0, 0.0);
        let mut lines = vec![zero; LINES * self.len];
        let mut scratch = vec![zero; fft.get_inplace_scratch_len()];
        for block in spectrum.chunks_exact_mut(self.len * self.stride) {
            for first in (0..self.stride).step_by(LINES) {
                let count = LINES.min(self.stride - first);
                for (k, row) in block.chunks_exact(self.stride).enumerate() {
                    for (line, value) in row[first..first + count].iter().enumerate() {
                        lines[line * self.len + k] = *value;
                    }
                }
                let own = &mut lines[..count * self.len];
                fft.process_with_scratch(own, &mut scratch);
                for (k, row) in block.chunks_exact_mut(self.stride).enumerate() {
                    for (line, value) in row[first..first + count].iter_mut().enumerate() {
                        *value = lines[line * self.len + k];
                    }
                }
            }
        }
    }
}

impl HostOp for Crossover {
    fn name(&self) -> &'static str {
        "crossover"
    }

    fn purpose(&self) -> &'static str {
        "transform"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.alpha.to_bits(), self.tilt.to_bits()]
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        let complex = size_of::<Complex<f64>>() as u64;
        let last = shape.last().copied().unwrap_or(1).max(1);
        let spectrum = (elements(shape) / last).saturating_mul(last / 2 + 1);
        let longest = shape.iter().copied().max().unwrap_or(1);
        // Lines, the transforms' tables and what they work in.
        let lines = (LINES as u64 + 8).saturating_mul(2 * longest);
        spectrum.saturating_add(lines).saturating_mul(complex)
    }

    fn run(&self, _: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let (b, mut a) = (values.swap_remove(1), values.swap_remove(0));
        let close = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-8 + 1e-5 * b.abs();
        if a.is_empty() || shape.is_empty() || a.iter().zip(&b).all(close) {
            for (a, b) in a.iter_mut().zip(&b) {
                *a += ((f64::from(*b) - f64::from(*a)) * self.alpha) as f32;
            }
            return a;
        }
        let shape: Vec<usize> = shape.iter().map(|&len| len as usize).collect();
        let columns = shape.last().copied().unwrap_or(1);
        let axes = Axis::all(&shape);
        let half = columns / 2 + 1;
        let mut planner = FftPlanner::new();
        let zero = Complex::new(0.0, 0.0);
        let mut spectrum = vec![zero; a.len() / columns * half];
        let mut line = vec![zero; columns];
        let forward = planner.plan_fft_forward(columns);
        let rows = a.chunks_exact(columns).zip(b.chunks_exact(columns));
        for ((a, b), out) in rows.zip(spectrum.chunks_exact_mut(half)) {
            for (value, (a, b)) in line.iter_mut().zip(a.iter().zip(b)) {
                *value = Complex::new(f64::from(*b) - f64::from(*a), 0.0);
            }
            forward.process(&mut line);
            out.copy_from_slice(&line[..half]);
        }
        drop(b);
        let (_, others) = axes.split_last().unwrap_or((&axes[0], &[]));
        for axis in others {
            axis.transform(planner.plan_fft_forward(axis.len).as_ref(), &mut spectrum);
        }
        self.filter(&axes, &mut spectrum);
        for axis in others {
            axis.transform(planner.plan_fft_inverse(axis.len).as_ref(), &mut spectrum);
        }
        let inverse = planner.plan_fft_inverse(columns);
        let scale = 1.0 / a.len() as f64;
        for (out, own) in a.chunks_exact_mut(columns).zip(spectrum.chunks_exact(half)) {
            line[..half].copy_from_slice(own);
            // A real line's second half mirrors its first.
            for k in half..columns {
                line[k] = line[columns - k].conj();
            }
            inverse.process(&mut line);
            for (out, moved) in out.iter_mut().zip(&line) {
                *out = (f64::from(*out) + moved.re * scale) as f32;
            }
        }
        a
    }
}
