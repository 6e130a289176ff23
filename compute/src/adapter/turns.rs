//! Rotations of small groups, made of what adapters store.

use super::factor::Factor;
use super::square::Square;

/// Rotations of groups of inputs, of which one may be for all groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Turns(pub(super) Vec<Square>);

impl Turns {
    /// Inputs of a group.
    pub(super) fn side(&self) -> usize {
        self.0.first().map_or(1, |turn| turn.side.max(1))
    }

    /// Whether the groups make so many inputs.
    pub(super) fn fit(&self, columns: usize) -> bool {
        match self.0.len() {
            1 => columns.is_multiple_of(self.side()),
            groups => groups.checked_mul(self.side()) == Some(columns),
        }
    }
}

/// How a rotation is made of a skew matrix Q.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cayley {
    /// (I - Q) (I + Q)^-1.
    Exact,
    /// I + 2Q + 2Q² + … + Q^n with so many terms, as PEFT has it.
    Neumann(u32),
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
pub(super) fn side(entries: usize) -> Option<usize> {
    (1..=entries + 1)
        .find(|side| side * (side - 1) / 2 >= entries)
        .filter(|side| side * (side - 1) / 2 == entries)
}

/// The rotations of all levels, one level after the other.
pub(super) fn of_blocks(factor: &Factor<'_>, most: Option<f32>, strength: f32) -> Vec<Vec<Square>> {
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

/// The rotations of PEFT's BOFT.
pub(super) fn of_halves(factor: &Factor<'_>) -> Turns {
    let side = factor.shape.last().map_or(1, |side| *side as usize);
    let blocks = blocks(factor, side);
    let turn = |block: &Square| cayley(&skew(block, 0.5), -1.0);
    Turns(blocks.iter().map(turn).collect())
}

/// The rotations of PEFT's OFT.
pub(super) fn of_entries(entries: &Factor<'_>, by: Cayley, most: Option<f32>) -> Turns {
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
    Turns(rows.map(turn).collect())
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
