//! Rotations of a weight: OFT (Qiu et al. 2023, arXiv:2306.07280), BOFT (Liu et al. 2023,
//! arXiv:2311.06243) and HRA (Yuan et al. 2024, arXiv:2405.17484).

use super::extent::Extent;
use super::factor::Factor;
use super::sum::{self, Right};
use super::turns::{self, Cayley, Turns, side};
use crate::level::Level;

/// What rotates the outputs or the inputs of a weight.
#[derive(Clone, Debug, PartialEq)]
pub enum Rotation<'a> {
    /// LyCORIS' diag-OFT: groups of outputs that stand together are rotated. With more than one
    /// level it is its BOFT: in level i outputs are regrouped by (2, 2^i b / 2).
    Outputs {
        /// \[n, b, b\], or \[levels, n, b, b\]: Q is such a block less its transpose.
        blocks: Factor<'a>,
        /// What each output is multiplied with besides, \[outputs, 1, …\].
        rescale: Option<Factor<'a>>,
        /// The largest norm of all Q of a level together: alpha times the outputs.
        most: Option<f32>,
    },
    /// PEFT's OFT: groups of inputs are rotated.
    Inputs {
        /// \[n, b (b - 1) / 2\]: what stands above the diagonals of the Q; one row is for all.
        entries: Factor<'a>,
        /// How a rotation is made of Q.
        cayley: Cayley,
        /// The largest norm of a Q, as `coft` has it: eps over the root of the blocks.
        most: Option<f32>,
    },
    /// PEFT's BOFT of one butterfly factor.
    Blocks {
        /// \[1, n, b, b\]: Q is half of such a block less its transpose.
        blocks: Factor<'a>,
        /// What each output is multiplied with, \[outputs, 1\].
        scales: Option<Factor<'a>>,
    },
    /// PEFT's HRA: reflections of the inputs, one after the other.
    Reflections(
        /// \[inputs, r\]: a vector in each column.
        Factor<'a>,
    ),
    /// What [`Rotation::Inputs`] and [`Rotation::Blocks`] become when they are prepared.
    Turned {
        /// The rotations of the groups.
        turns: Turns,
        /// What each output is multiplied with, \[outputs, 1\].
        scales: Option<Factor<'a>>,
    },
}

impl<'a> Rotation<'a> {
    /// The same with its rotations made, which does not depend on the weight.
    pub(super) fn prepared(&self) -> Rotation<'a> {
        match self {
            Rotation::Inputs {
                entries,
                cayley,
                most,
            } => Rotation::Turned {
                turns: turns::of_entries(entries, *cayley, *most),
                scales: None,
            },
            Rotation::Blocks { blocks, scales } => Rotation::Turned {
                turns: turns::of_halves(blocks),
                scales: *scales,
            },
            other => other.clone(),
        }
    }

    /// Whether outputs are mixed, so that a row of the result needs others of the weight.
    pub(super) fn needs_whole(&self) -> bool {
        matches!(self, Rotation::Outputs { .. })
    }

    /// Whether it rotates a weight of these sides.
    pub(super) fn check(&self, extent: Extent) -> Result<(), String> {
        let of_rows = |factor: &Option<Factor<'_>>| match factor {
            Some(factor) => fit(factor, extent, factor.values.len() == extent.rows),
            None => Ok(()),
        };
        match self {
            Rotation::Outputs {
                blocks, rescale, ..
            } => {
                of_rows(rescale)?;
                fit(blocks, extent, fit_outputs(blocks.shape, extent.rows))
            }
            Rotation::Inputs { entries, .. } => {
                let fits = match (side(entries.columns()), entries.rows()) {
                    (None, _) => false,
                    (Some(side), 1) => extent.columns.is_multiple_of(side),
                    (Some(side), rows) => rows.checked_mul(side) == Some(extent.columns),
                };
                fit(entries, extent, fits)
            }
            Rotation::Blocks { blocks, scales } => {
                of_rows(scales)?;
                let columns = Some(extent.columns as u64);
                let fits = match *blocks.shape {
                    [1, n, a, b] => a == b && n.checked_mul(b) == columns,
                    _ => false,
                };
                fit(blocks, extent, fits)
            }
            Rotation::Turned { turns, scales } => {
                of_rows(scales)?;
                if turns.fit(extent.columns) {
                    return Ok(());
                }
                Err(format!(
                    "rotations do not fit a weight of {} columns",
                    extent.columns
                ))
            }
            Rotation::Reflections(vectors) => {
                fit(vectors, extent, vectors.rows() == extent.columns)
            }
        }
    }

    /// Rotates rows of a weight, from `first` on: all where outputs are mixed. What is less or
    /// more than a strength of 1 is a step between the weight and what it becomes.
    pub(super) fn apply(
        &self,
        level: Level,
        extent: Extent,
        first: usize,
        strength: f32,
        weight: &mut [f32],
    ) {
        let columns = extent.columns.max(1);
        match self {
            Rotation::Outputs {
                blocks: factor,
                rescale,
                most,
            } => {
                turn_outputs(factor, *most, columns, strength, weight);
                if let Some(rescale) = rescale {
                    scale_rows(columns, rescale.values, weight);
                }
            }
            Rotation::Inputs { .. } | Rotation::Blocks { .. } => {
                self.prepared()
                    .apply(level, extent, first, strength, weight);
            }
            Rotation::Turned { turns, scales } => step(strength, weight, |weight| {
                turn_inputs(level, turns, columns, weight);
                if let Some(scales) = scales {
                    scale_rows(columns, &scales.values[first..], weight);
                }
            }),
            Rotation::Reflections(vectors) => step(strength, weight, |weight| {
                reflect(level, vectors, columns, weight);
            }),
        }
    }
}

/// Whether a factor is sound and fits.
fn fit(factor: &Factor<'_>, extent: Extent, fits: bool) -> Result<(), String> {
    factor.check()?;
    if fits {
        return Ok(());
    }
    Err(format!(
        "a rotation of shape {:?} does not fit a weight of {} rows and {} columns",
        factor.shape, extent.rows, extent.columns
    ))
}

/// Whether blocks of a shape rotate so many outputs.
fn fit_outputs(shape: &[u64], rows: usize) -> bool {
    let rows = rows as u64;
    let (count, a, b) = match *shape {
        [count, a, b] => (count, a, b),
        [levels, count, a, b] => {
            let shift = u32::try_from(levels).unwrap_or(u32::MAX);
            let widest = (b / 2).checked_shl(shift);
            let regroups = widest.is_some_and(|widest| rows.is_multiple_of(widest));
            if b % 2 == 1 || !regroups {
                return false;
            }
            (count, a, b)
        }
        _ => return false,
    };
    a == b && count.checked_mul(b) == Some(rows)
}

/// Does something to a weight, or a part of it.
fn step(strength: f32, weight: &mut [f32], change: impl FnOnce(&mut [f32])) {
    if strength == 1.0 {
        change(weight);
        return;
    }
    let before = weight.to_vec();
    change(weight);
    for (element, before) in weight.iter_mut().zip(before) {
        *element = before + strength * (*element - before);
    }
}

fn scale_rows(columns: usize, by: &[f32], weight: &mut [f32]) {
    for (row, by) in weight.chunks_exact_mut(columns).zip(by) {
        row.iter_mut().for_each(|element| *element *= by);
    }
}

/// Rotates groups of rows.
fn turn_outputs(
    factor: &Factor<'_>,
    most: Option<f32>,
    columns: usize,
    strength: f32,
    weight: &mut [f32],
) {
    let is_butterfly = factor.shape.len() == 4;
    let rows = weight.len() / columns;
    for (number, turns) in turns::of_blocks(factor, most, strength).iter().enumerate() {
        let side = turns.first().map_or(1, |turn| turn.side);
        // Rows (c, 2, k) are taken in the order (c, k, 2).
        let places: Vec<usize> = if is_butterfly {
            let k = (side / 2) << number;
            let place = |row: usize| row / (2 * k) * 2 * k + row % 2 * k + row / 2 % k;
            (0..rows).map(place).collect()
        } else {
            (0..rows).collect()
        };
        let before = weight.to_vec();
        for (turn, places) in turns.iter().zip(places.chunks(side)) {
            for (m, place) in places.iter().enumerate() {
                let out = &mut weight[place * columns..][..columns];
                out.fill(0.0);
                for (n, from) in places.iter().enumerate() {
                    // LyCORIS contracts the first index of a diag-OFT, the second of a BOFT.
                    let by = if is_butterfly {
                        turn.at(m, n)
                    } else {
                        turn.at(n, m)
                    };
                    for (out, value) in out.iter_mut().zip(&before[from * columns..]) {
                        *out += by * value;
                    }
                }
            }
        }
    }
}

/// Multiplies groups of columns with the transposes of rotations, of which one may be for all.
fn turn_inputs(level: Level, turns: &Turns, columns: usize, weight: &mut [f32]) {
    let side = turns.side();
    let rows = weight.len() / columns;
    let mut group = vec![0.0; rows * side];
    let mut made = vec![0.0; rows * side];
    for (number, turn) in (0..columns / side).zip(turns.0.iter().cycle()) {
        let parts = group.chunks_exact_mut(side);
        for (part, row) in parts.zip(weight.chunks_exact(columns)) {
            part.copy_from_slice(&row[number * side..][..side]);
        }
        let right = Right::flipped(side, side, &turn.values);
        sum::multiply(level, side, &group, right, &mut made);
        let parts = made.chunks_exact(side);
        for (part, row) in parts.zip(weight.chunks_exact_mut(columns)) {
            row[number * side..][..side].copy_from_slice(part);
        }
    }
}

/// W (I - 2 u u^T) for each column of the vectors, made to have length 1.
fn reflect(level: Level, vectors: &Factor<'_>, columns: usize, weight: &mut [f32]) {
    let flipped = vectors.flipped();
    let units = flipped.chunks_exact(columns).map(|vector| {
        let size = sum::product(level, vector, vector).sqrt();
        vector.iter().map(|value| value / size).collect()
    });
    let units: Vec<Vec<f32>> = units.collect();
    for row in weight.chunks_exact_mut(columns) {
        for unit in &units {
            let along = sum::product(level, row, unit);
            for (element, unit) in row.iter_mut().zip(unit) {
                *element -= 2.0 * along * unit;
            }
        }
    }
}
