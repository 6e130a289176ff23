//! The frequencies of kernels outside of a band.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use super::elements;
use crate::kernel::HostOp;
use crate::kernel::linear::Loops;

/// A value without the frequencies of its last two dimensions that lie in a band around the middle
/// of the half spectrum. Source: Chattiori `freq_band_blend`, whose spectrum is not shifted: the
/// middle is no frequency of 0.
#[derive(Clone, Copy, Debug)]
pub struct Band {
    /// How wide the band is, as a share of the shorter dimension.
    pub beta: f64,
}

impl Band {
    /// Whether each place of the half spectrum is outside of the band.
    fn mask(self, rows: usize, columns: usize) -> Vec<f64> {
        let half = columns / 2 + 1;
        let cut = ((rows.min(columns) as f64 * self.beta) as usize).max(1) as f64;
        let middle = |len: usize| (len as f64 - 1.0) / 2.0;
        let places = (0..rows).flat_map(|y| (0..half).map(move |x| (y as f64, x as f64)));
        let far = places.map(|(y, x)| (y - middle(rows)).hypot(x - middle(half)) > cut);
        far.map(|far| f64::from(u8::from(far))).collect()
    }
}

impl HostOp for Band {
    fn name(&self) -> &'static str {
        "band"
    }

    fn purpose(&self) -> &'static str {
        "transform"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.beta.to_bits()]
    }

    fn working_bytes(&self, shape: &[u64], _: u64) -> u64 {
        let complex = size_of::<Complex<f64>>() as u64;
        let [rows, columns] = [1, 2].map(|from| {
            let at = shape.len().checked_sub(3 - from);
            at.map_or(1, |at| shape[at])
        });
        // The spectrum and its mask, a line, and what the transforms work in.
        let lines = rows.max(columns).saturating_mul(16);
        elements(&[rows, columns])
            .saturating_mul(2)
            .saturating_add(lines)
            .saturating_mul(complex)
    }

    fn run(&self, _: &dyn Loops, shape: &[u64], mut values: Vec<Vec<f32>>) -> Vec<f32> {
        let mut own = values.swap_remove(0);
        let &[.., rows, columns] = shape else {
            return own;
        };
        let (rows, columns) = (rows as usize, columns as usize);
        if own.is_empty() {
            return own;
        }
        let half = columns / 2 + 1;
        let mask = self.mask(rows, columns);
        let mut planner = FftPlanner::new();
        let [along, back] = [true, false].map(|forward| match forward {
            true => planner.plan_fft_forward(columns),
            false => planner.plan_fft_inverse(columns),
        });
        let (down, up) = (
            planner.plan_fft_forward(rows),
            planner.plan_fft_inverse(rows),
        );
        let zero = Complex::new(0.0, 0.0);
        let mut line = vec![zero; columns];
        // The half spectrum, column by column.
        let mut spectrum = vec![zero; rows * half];
        for kernel in own.chunks_exact_mut(rows * columns) {
            for (y, row) in kernel.chunks_exact(columns).enumerate() {
                for (place, x) in line.iter_mut().zip(row) {
                    *place = Complex::new(f64::from(*x), 0.0);
                }
                along.process(&mut line);
                for (x, value) in line[..half].iter().enumerate() {
                    spectrum[x * rows + y] = *value;
                }
            }
            for (x, column) in spectrum.chunks_exact_mut(rows).enumerate() {
                down.process(column);
                for (y, value) in column.iter_mut().enumerate() {
                    *value *= mask[y * half + x];
                }
                up.process(column);
            }
            let scale = 1.0 / (rows * columns) as f64;
            for (y, row) in kernel.chunks_exact_mut(columns).enumerate() {
                for x in 0..half {
                    line[x] = spectrum[x * rows + y];
                }
                // Where a real line has no imaginary part, what the mask left there is passed over.
                line[0].im = 0.0;
                if columns % 2 == 0 {
                    line[half - 1].im = 0.0;
                }
                for x in half..columns {
                    line[x] = line[columns - x].conj();
                }
                back.process(&mut line);
                for (out, value) in row.iter_mut().zip(&line) {
                    *out = (value.re * scale) as f32;
                }
            }
        }
        own
    }
}
