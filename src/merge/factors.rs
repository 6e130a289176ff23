//! Reads deltas that are made of an adapter's factors.
//!
//! The factors of a delta are small beside it. They are read once and kept, while there is room,
//! for the parts of the tensor that follow; of the delta itself only what is asked for is computed.

use std::sync::{Arc, Mutex, PoisonError};

use super::{MergeError, Shared};
use crate::exec::cpu::product::{self, Product};
use crate::keys::adapter::Matrix;
use crate::plan::{Extent, Factor, Factors};

/// Bytes of a factor that are read at a time.
const BLOCK: usize = 64 << 10;

/// A delta that is ready to be multiplied.
#[derive(Debug)]
struct Ready {
    /// The left operand of a Kronecker product, rows by columns.
    outer: Option<(Extent, Vec<f32>)>,
    inner: Product,
    extent: Extent,
    scale: f64,
}

/// The deltas that were used last.
#[derive(Debug, Default)]
pub(super) struct FactorCache {
    /// With the bytes they hold, the last used last.
    ready: Mutex<Vec<(Factors, u64, Arc<Ready>)>>,
}

impl Shared<'_> {
    /// Computes the elements of a delta from `start` on, as f32.
    pub(super) fn read_delta(
        &self,
        factors: &Factors,
        start: u64,
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        let ready = self.ready(factors)?;
        if let Ok(target) = bytemuck::try_cast_slice_mut(target) {
            self.permits.with(|| ready.fill(self, start, target));
            return Ok(());
        }
        let mut values = vec![0.0; target.len() / size_of::<f32>()];
        self.permits.with(|| ready.fill(self, start, &mut values));
        target.copy_from_slice(bytemuck::cast_slice(&values));
        Ok(())
    }

    /// The delta, made ready unless it is. Lanes that need the same one wait for it.
    fn ready(&self, factors: &Factors) -> Result<Arc<Ready>, MergeError> {
        let cache = &self.factors.ready;
        let mut cache = cache.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(at) = cache.iter().position(|(known, ..)| known == factors) {
            let found = cache.remove(at);
            let ready = Arc::clone(&found.2);
            cache.push(found);
            return Ok(ready);
        }
        let bytes = factors.held_bytes();
        let limit = self.merge.plan().memory.factor_bytes;
        while cache.iter().map(|(_, bytes, _)| bytes).sum::<u64>() + bytes > limit {
            let idle = |(_, _, ready): &(_, _, Arc<Ready>)| Arc::strong_count(ready) == 1;
            let Some(at) = cache.iter().position(idle) else {
                break;
            };
            cache.remove(at);
        }
        let ready = Arc::new(self.make_ready(factors)?);
        cache.push((factors.clone(), bytes, Arc::clone(&ready)));
        Ok(ready)
    }

    fn make_ready(&self, factors: &Factors) -> Result<Ready, MergeError> {
        let delta = &factors.delta;
        let outer = match (&delta.outer, factors.outer) {
            (Some(matrix), Some(extent)) => {
                let product = self.product(matrix, extent)?;
                let mut whole = vec![0.0; (extent.rows * extent.columns) as usize];
                product.fill(self.level, 1.0, 0, &mut whole);
                Some((extent, whole))
            }
            _ => None,
        };
        let scale = match (&delta.alpha, factors.rank()) {
            (Some(alpha), Some(rank)) => {
                let alpha = self.whole(alpha)?.first().copied().unwrap_or(0.0);
                f64::from(alpha) / rank as f64
            }
            _ => 1.0,
        };
        Ok(Ready {
            outer,
            inner: self.product(&delta.inner, factors.inner)?,
            extent: factors.inner,
            scale,
        })
    }

    fn product(&self, matrix: &Matrix<Factor>, extent: Extent) -> Result<Product, MergeError> {
        let columns = extent.columns as usize;
        let rank = extent.rank.unwrap_or(0) as usize;
        match matrix {
            Matrix::Whole(whole) => Ok(Product::whole(columns, self.whole(whole)?)),
            Matrix::Product { up, down } => {
                let up = self.whole(up)?;
                Product::of(up, (rank, columns), |row, values| {
                    self.elements(down, (row * columns) as u64, values)
                })
            }
            Matrix::Tucker {
                core,
                up,
                down,
                up_rows,
            } => {
                let stored = self.whole(up)?;
                let rows = extent.rows as usize;
                let up = match up_rows {
                    true => stored,
                    false => (0..rows * rank)
                        .map(|at| stored[at % rank * rows + at / rank])
                        .collect(),
                };
                let (core_values, down_values) = (self.whole(core)?, self.whole(down)?);
                let middle = down.shape[0] as usize;
                Product::of(up, (rank, columns), |row, values| {
                    let len = core_values.len() / rank;
                    let core = &core_values[row * len..][..len];
                    contract(core, &down_values, middle, values);
                    Ok(())
                })
            }
        }
    }

    /// All elements of a factor.
    fn whole(&self, factor: &Factor) -> Result<Vec<f32>, MergeError> {
        let mut values = vec![0.0; factor.elements() as usize];
        self.elements(factor, 0, &mut values)?;
        Ok(values)
    }

    /// The elements of a factor from `start` on.
    fn elements(&self, factor: &Factor, start: u64, values: &mut [f32]) -> Result<(), MergeError> {
        let unit = factor.float.bytes();
        let mut bytes = vec![0; BLOCK.min(values.len() * unit)];
        let mut offset = factor.offset + start * unit as u64;
        for values in values.chunks_mut(BLOCK / unit) {
            let bytes = &mut bytes[..values.len() * unit];
            self.read((factor.model, factor.file), offset, bytes)?;
            product::decode(self.level, factor.float, bytes, values);
            offset += bytes.len() as u64;
        }
        Ok(())
    }
}

impl Ready {
    /// Writes the elements from `start` on, row by row.
    fn fill(&self, shared: &Shared<'_>, start: u64, out: &mut [f32]) {
        let level = shared.level;
        let Some((outer, factors)) = &self.outer else {
            self.inner.fill(level, self.scale, start, out);
            return;
        };
        let (width, columns) = (self.extent.columns, self.extent.columns * outer.columns);
        let mut inner: Vec<f32> = vec![0.0; width as usize];
        let mut held = None;
        let mut at = 0;
        while at < out.len() {
            let element = start + at as u64;
            let (row, column) = (element / columns, element % columns);
            let (block, skip) = (column / width, (column % width) as usize);
            let own = row % self.extent.rows;
            if held.replace(own) != Some(own) {
                self.inner.fill(level, self.scale, own * width, &mut inner);
            }
            let factor = factors[(row / self.extent.rows * outer.columns + block) as usize];
            let run = (width as usize - skip).min(out.len() - at);
            for (out, value) in out[at..at + run].iter_mut().zip(&inner[skip..]) {
                *out = factor * value;
            }
            at += run;
        }
    }
}

/// A row of a Tucker core, `middle` by kernel, contracted with `down`, `middle` by n: n by kernel.
fn contract(core: &[f32], down: &[f32], middle: usize, out: &mut [f32]) {
    let kernel = core.len() / middle.max(1);
    let width = down.len() / middle.max(1);
    let mut sums = vec![0.0_f64; out.len()];
    for (core, down) in core.chunks_exact(kernel).zip(down.chunks_exact(width)) {
        for (sums, down) in sums.chunks_exact_mut(kernel).zip(down) {
            for (sum, core) in sums.iter_mut().zip(core) {
                *sum += f64::from(*core) * f64::from(*down);
            }
        }
    }
    for (out, sum) in out.iter_mut().zip(sums) {
        *out = sum as f32;
    }
}
