//! Reads deltas that are made of an adapter's factors.
//!
//! The factors of a delta are small beside it. They are read once and kept, while there is room,
//! for the parts of the tensor that follow; of the delta itself only what is asked for is computed.

use std::sync::{Arc, PoisonError};

use crate::dtype::{DType, Float};
use crate::exec::cpu::product::{decode, pack};
use crate::keys::adapter::Matrix;
use crate::merge::MergeError;
use crate::merge::pool::{Ready, Scratch, product};
use crate::merge::shared::Shared;
use crate::plan::{Extent, Factor, Factors};

/// Bytes of a factor that are read at a time.
const BLOCK: usize = 64 << 10;

/// Computes the elements of a delta from `start` on, as f32.
pub(super) fn read_delta(
    shared: &Shared<'_>,
    factors: &Factors,
    start: u64,
    target: &mut [u8],
) -> Result<(), MergeError> {
    let ready = FactorReader { shared }.delta(factors)?;
    shared.permits.with(|| {
        if let Ok(target) = bytemuck::try_cast_slice_mut(target) {
            ready.fill(shared.level, start, target);
            return;
        }
        let mut values = vec![0.0; target.len() / size_of::<f32>()];
        ready.fill(shared.level, start, &mut values);
        target.copy_from_slice(bytemuck::cast_slice(&values));
    });
    Ok(())
}

/// Reads factors.
#[derive(Clone, Copy)]
struct FactorReader<'a> {
    shared: &'a Shared<'a>,
}

impl FactorReader<'_> {
    /// The delta, made ready unless it is. Lanes that need the same one wait for it.
    fn delta(self, factors: &Factors) -> Result<Arc<Ready>, MergeError> {
        let held = &self.shared.deltas.0;
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        let (deltas, scratch) = held.parts();
        if let Some(at) = deltas.iter().position(|known| known.factors == *factors) {
            let found = deltas.remove(at);
            deltas.push(Arc::clone(&found));
            return Ok(found);
        }
        let memory = &self.shared.plan.memory;
        let mut values = match deltas.len() < memory.factor_slots {
            true => Vec::with_capacity(memory.factor_bytes as usize / size_of::<f32>()),
            false => {
                let idle = deltas
                    .iter()
                    .position(|known| Arc::strong_count(known) == 1);
                let idle = idle.and_then(|at| Arc::into_inner(deltas.remove(at)));
                debug_assert!(idle.is_some(), "a lane holds one delta at a time");
                idle.map(|known| known.values).unwrap_or_default()
            }
        };
        values.resize(factors.held_bytes() as usize / size_of::<f32>(), 0.0);
        let scale = self.make_ready(factors, &mut values, scratch)?;
        let made = Arc::new(Ready {
            factors: factors.clone(),
            scale,
            values,
        });
        deltas.push(Arc::clone(&made));
        Ok(made)
    }

    /// Reads the factors into `values`. Returns the scale.
    fn make_ready(
        self,
        factors: &Factors,
        values: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<f64, MergeError> {
        let delta = &factors.delta;
        let mut inner = values;
        if let (Some(matrix), Some(extent)) = (&delta.outer, factors.outer) {
            // It is small, so that it is multiplied out.
            let (whole, rest) = inner.split_at_mut(extent.elements());
            let mut own = vec![0.0; extent.held_elements()];
            self.matrix(matrix, extent, &mut own, scratch)?;
            let level = self.shared.level;
            self.shared
                .permits
                .with(|| product(extent, &own).fill(level, 1.0, 0, whole));
            inner = rest;
        }
        self.matrix(&delta.inner, factors.inner, inner, scratch)?;
        match (&delta.alpha, factors.rank()) {
            (Some(alpha), Some(rank)) => Ok(self.number(alpha)? / rank as f64),
            _ => Ok(1.0),
        }
    }

    /// The only element of a factor.
    fn number(self, factor: &Factor) -> Result<f64, MergeError> {
        let mut bytes = [0; 8];
        let own = &mut bytes[..factor.dtype.bits() as usize / 8];
        self.shared
            .read((factor.model, factor.file), factor.offset, own)?;
        Ok(match factor.dtype.float() {
            Some(Float::F64) => f64::from_le_bytes(bytes),
            Some(float) => {
                let mut value = [0.0];
                decode(self.shared.level, float, own, &mut value);
                f64::from(value[0])
            }
            // The four bytes that were read.
            None if factor.dtype == DType::I32 => f64::from(u64::from_le_bytes(bytes) as i32),
            None => i64::from_le_bytes(bytes) as f64,
        })
    }

    /// Reads a matrix as [`Product`] has it.
    fn matrix(
        self,
        matrix: &Matrix<Factor>,
        extent: Extent,
        values: &mut [f32],
        scratch: &mut Scratch,
    ) -> Result<(), MergeError> {
        let Scratch {
            bytes,
            row,
            factors: [turned, core_values, down_values],
        } = scratch;
        let permits = &self.shared.permits;
        let rank = extent.rank.unwrap_or(0) as usize;
        let (left, panels) = values.split_at_mut(extent.left_elements());
        row.resize(extent.columns as usize, 0.0);
        match matrix {
            Matrix::Whole(whole) => self.elements(whole, 0, left, bytes)?,
            Matrix::Product { up, down } => {
                self.elements(up, 0, left, bytes)?;
                for number in 0..rank {
                    self.elements(down, (number * row.len()) as u64, row, bytes)?;
                    permits.with(|| pack(panels, rank, number, row));
                }
            }
            Matrix::Tucker {
                core,
                up,
                down,
                rows_first,
            } => {
                match rows_first {
                    true => self.elements(up, 0, left, bytes)?,
                    false => {
                        self.whole(up, turned, bytes)?;
                        let rows = extent.rows as usize;
                        permits.with(|| {
                            for (at, value) in left.iter_mut().enumerate() {
                                *value = turned[at % rank * rows + at / rank];
                            }
                        });
                    }
                }
                self.whole(core, core_values, bytes)?;
                self.whole(down, down_values, bytes)?;
                let cores = core_values.chunks_exact(core_values.len() / rank);
                permits.with(|| {
                    for (number, core) in cores.enumerate() {
                        contract(core, down_values, down.shape[0] as usize, row);
                        pack(panels, rank, number, row);
                    }
                });
            }
        }
        Ok(())
    }

    /// All elements of a factor.
    fn whole(
        self,
        factor: &Factor,
        values: &mut Vec<f32>,
        bytes: &mut Vec<u8>,
    ) -> Result<(), MergeError> {
        values.resize(factor.elements() as usize, 0.0);
        self.elements(factor, 0, values, bytes)
    }

    /// The elements of a factor from `start` on.
    fn elements(
        self,
        factor: &Factor,
        start: u64,
        values: &mut [f32],
        bytes: &mut Vec<u8>,
    ) -> Result<(), MergeError> {
        let Some(float) = factor.dtype.float() else {
            return Err(MergeError::Internal("a factor that is no float".to_owned()));
        };
        let permits = &self.shared.permits;
        let unit = float.bytes();
        bytes.resize(BLOCK, 0);
        let read = |element: u64, bytes: &mut [u8]| {
            let offset = factor.offset + element * unit as u64;
            self.shared.read((factor.model, factor.file), offset, bytes)
        };
        let mut element = start;
        for values in values.chunks_mut(BLOCK / unit) {
            let bytes = &mut bytes[..values.len() * unit];
            match &factor.axes {
                None => read(element, bytes)?,
                Some(axes) => {
                    axes.gather_with(unit, element, bytes, read, |work| permits.with(work))?;
                }
            }
            permits.with(|| decode(self.shared.level, float, bytes, values));
            element += values.len() as u64;
        }
        Ok(())
    }
}

/// A row of a Tucker core, `middle` by kernel, contracted with `down`, `middle` by n: n by kernel.
fn contract(core: &[f32], down: &[f32], middle: usize, out: &mut [f32]) {
    let (kernel, width) = (core.len() / middle, down.len() / middle);
    for (column, out) in out.chunks_exact_mut(kernel).enumerate() {
        for (place, out) in out.iter_mut().enumerate() {
            let terms = core[place..].iter().step_by(kernel);
            let terms = terms.zip(down[column..].iter().step_by(width));
            let sum: f64 = terms.map(|(x, y)| f64::from(*x) * f64::from(*y)).sum();
            *out = sum as f32;
        }
    }
}
