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
        let fault = |factor: &Factor<'_>| {
            Err(format!(
                "a rotation of shape {:?} does not fit a weight of {} rows and {} columns",
                factor.shape, extent.rows, extent.columns
            ))
        };
        let of_rows = |factor: &Option<Factor<'_>>| match factor {
            Some(factor) if factor.values.len() != extent.rows => fault(factor),
            Some(factor) => factor.check(),
            None => Ok(()),
        };
        match self {
            Rotation::Outputs {
                blocks, rescale, ..
            } => {
                blocks.check()?;
                of_rows(rescale)?;
                let (count, a, b, levels) = match *blocks.shape {
                    [count, a, b] => (count, a, b, 1),
                    [levels, count, a, b] => (count, a, b, levels),
                    _ => return fault(blocks),
                };
                let widest = (b / 2).checked_shl(levels.try_into().unwrap_or(u32::MAX));
                let regroups = blocks.shape.len() == 3
                    || widest.is_some_and(|widest| {
                        b % 2 == 0 && (extent.rows as u64).is_multiple_of(widest)
                    });
                let fills = count.checked_mul(b) == Some(extent.rows as u64);
                if a == b && fills && regroups {
                    Ok(())
                } else {
                    fault(blocks)
                }
            }
            Rotation::Inputs { entries, .. } => {
                entries.check()?;
                let Some(side) = side(entries.columns()) else {
                    return fault(entries);
                };
                let fits = match entries.rows() {
                    1 => extent.columns.is_multiple_of(side),
                    rows => rows.checked_mul(side) == Some(extent.columns),
                };
                if fits { Ok(()) } else { fault(entries) }
            }
            Rotation::Blocks { blocks, scales } => {
                blocks.check()?;
                of_rows(scales)?;
                match *blocks.shape {
                    [1, n, a, b] if a == b && n.checked_mul(b) == Some(extent.columns as u64) => {
                        Ok(())
                    }
                    _ => fault(blocks),
                }
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
                vectors.check()?;
                if vectors.rows() == extent.columns {
                    Ok(())
                } else {
                    fault(vectors)
                }
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
