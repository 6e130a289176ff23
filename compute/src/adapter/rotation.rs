//! Rotations of a weight: OFT (Qiu et al. 2023, arXiv:2306.07280), BOFT (Liu et al. 2023,
//! arXiv:2311.06243) and HRA (Yuan et al. 2024, arXiv:2405.17484).

use super::extent::Extent;
use super::factor::Factor;
use super::square::Square;
use super::sum::{self, Right};
use crate::level::Level;

/// How a rotation is made of a skew matrix Q.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cayley {
    /// (I - Q) (I + Q)^-1.
    Exact,
    /// I + 2Q + 2Q² + … + Q^n with so many terms, as PEFT has it.
    Neumann(u32),
}

/// What rotates the outputs or the inputs of a weight.
#[derive(Clone, Copy, Debug, PartialEq)]
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
}

/// The root of the sum of the squares of the elements of some matrices.
fn norm(matrices: &[Square]) -> f32 {
    let values = matrices.iter().flat_map(|matrix| &matrix.values);
    values.map(|value| value * value).sum::<f32>().sqrt()
}

/// The rotation of a skew matrix: (I + Q) (I - Q)^-1 for `sign` 1, (I - Q) (I + Q)^-1 for -1.
fn cayley(skew: &Square, sign: f32) -> Square {
    let upper = skew.blend(sign, 1.0);
    upper.times(&skew.blend(-sign, 1.0).inverse())
}

/// The blocks of a tensor \[…, b, b\].
fn blocks(factor: &Factor<'_>, side: usize) -> Vec<Square> {
    let chunks = factor.values.chunks_exact((side * side).max(1));
    chunks
        .map(|values| Square {
            side,
            values: values.to_vec(),
        })
        .collect()
}

/// A block less its transpose, times a factor.
fn skew(block: &Square, factor: f32) -> Square {
    block
        .plus(&block.flipped().blend(-1.0, 0.0))
        .blend(factor, 0.0)
}

/// The side b of matrices of which b (b - 1) / 2 entries are stored.
fn side(entries: usize) -> Option<usize> {
    (1..=entries + 1)
        .find(|side| side * (side - 1) / 2 >= entries)
        .filter(|side| side * (side - 1) / 2 == entries)
}

impl Rotation<'_> {
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
            Rotation::Inputs {
                entries,
                cayley,
                most,
            } => {
                let turns = turns_of_entries(entries, *cayley, *most);
                step(strength, weight, |weight| {
                    turn_inputs(level, &turns, columns, weight);
                });
            }
            Rotation::Blocks {
                blocks: factor,
                scales,
            } => {
                let side = factor.shape.last().map_or(1, |side| *side as usize);
                let blocks = blocks(factor, side);
                let turns: Vec<Square> = blocks
                    .iter()
                    .map(|block| cayley(&skew(block, 0.5), -1.0))
                    .collect();
                step(strength, weight, |weight| {
                    turn_inputs(level, &turns, columns, weight);
                    if let Some(scales) = scales {
                        scale_rows(columns, &scales.values[first..], weight);
                    }
                });
            }
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

/// The rotations of all levels, one level after the other.
fn turns_of_blocks(factor: &Factor<'_>, most: Option<f32>, strength: f32) -> Vec<Vec<Square>> {
    let side = factor.shape.last().map_or(1, |side| *side as usize);
    let blocks = blocks(factor, side);
    let levels = if factor.shape.len() == 4 {
        factor.rows()
    } else {
        1
    };
    let one = |level: &[Square]| {
        let skews: Vec<Square> = level.iter().map(|block| skew(block, 1.0)).collect();
        let size = norm(&skews) + 1e-8;
        let clip = most.map_or(1.0, |most| size.min(most) / size);
        let turn = |skew: &Square| {
            let turn = cayley(&skew.blend(clip, 0.0), 1.0);
            if strength == 1.0 {
                return turn;
            }
            turn.blend(strength, 1.0 - strength)
        };
        skews.iter().map(turn).collect()
    };
    blocks
        .chunks((blocks.len() / levels).max(1))
        .map(one)
        .collect()
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
    for (number, turns) in turns_of_blocks(factor, most, strength).iter().enumerate() {
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

fn turns_of_entries(entries: &Factor<'_>, by: Cayley, most: Option<f32>) -> Vec<Square> {
    let side = side(entries.columns()).unwrap_or(1);
    let turn = |entries: &[f32]| {
        // The place of what stands above the diagonal, row by row.
        let above = |row: usize, column: usize| {
            entries[row * side - row * (row + 1) / 2 + column - row - 1]
        };
        let skew = Square::of(side, |row, column| match row.cmp(&column) {
            std::cmp::Ordering::Less => above(row, column),
            std::cmp::Ordering::Equal => 0.0,
            std::cmp::Ordering::Greater => -above(column, row),
        });
        let size = norm(std::slice::from_ref(&skew));
        let clip = most
            .filter(|most| size > *most)
            .map_or(1.0, |most| most / size);
        let skew = skew.blend(clip, 0.0);
        match by {
            Cayley::Exact => cayley(&skew, -1.0),
            Cayley::Neumann(terms) => neumann(&skew, terms),
        }
    };
    let rows = entries.values.chunks_exact(entries.columns().max(1));
    rows.map(turn).collect()
}

/// I + 2Q + 2Q² + … + Q^(terms - 1).
fn neumann(skew: &Square, terms: u32) -> Square {
    let mut turn = skew.blend(2.0, 1.0);
    let mut power = skew.clone();
    for term in 2..terms {
        power = power.times(skew);
        let factor = if term + 1 == terms { 1.0 } else { 2.0 };
        turn = turn.plus(&power.blend(factor, 0.0));
    }
    turn
}

/// Multiplies groups of columns with the transposes of rotations, of which one may be for all.
fn turn_inputs(level: Level, turns: &[Square], columns: usize, weight: &mut [f32]) {
    let side = turns.first().map_or(1, |turn| turn.side);
    let rows = weight.len() / columns;
    let mut group = vec![0.0; rows * side];
    let mut made = vec![0.0; rows * side];
    for (number, turn) in (0..columns / side).zip(turns.iter().cycle()) {
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
