//! Small square matrices: what rotations are made of.

/// A square matrix, row-major.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Square {
    /// Rows, and columns.
    pub(super) side: usize,
    /// The elements.
    pub(super) values: Vec<f32>,
}

impl Square {
    /// A matrix whose element at row and column is what `with` says.
    pub(super) fn of(side: usize, with: impl Fn(usize, usize) -> f32) -> Square {
        let places = (0..side).flat_map(|row| (0..side).map(move |column| (row, column)));
        Square {
            side,
            values: places.map(|(row, column)| with(row, column)).collect(),
        }
    }

    /// The element at a row and a column.
    pub(super) fn at(&self, row: usize, column: usize) -> f32 {
        self.values[row * self.side + column]
    }

    /// The matrix times a number, a multiple of the identity added.
    pub(super) fn blend(&self, factor: f32, identity: f32) -> Square {
        Square::of(self.side, |row, column| {
            let one = if row == column { identity } else { 0.0 };
            factor * self.at(row, column) + one
        })
    }

    /// The product with another of the same side.
    pub(super) fn times(&self, other: &Square) -> Square {
        Square::of(self.side, |row, column| {
            let terms = (0..self.side).map(|k| self.at(row, k) * other.at(k, column));
            terms.sum()
        })
    }

    /// The sum with another of the same side.
    pub(super) fn plus(&self, other: &Square) -> Square {
        Square::of(self.side, |row, column| {
            self.at(row, column) + other.at(row, column)
        })
    }

    /// The matrix with rows and columns exchanged.
    pub(super) fn flipped(&self) -> Square {
        Square::of(self.side, |row, column| self.at(column, row))
    }

    /// The inverse, by Gauss and Jordan with partial pivoting in f64, of which the identity plus
    /// a skew matrix always has one. Infinities and NaN give NaN.
    pub(super) fn inverse(&self) -> Square {
        let side = self.side;
        let mut left: Vec<f64> = self.values.iter().map(|value| f64::from(*value)).collect();
        let identity = Square::of(side, |row, column| f32::from(u8::from(row == column)));
        let mut right: Vec<f64> = identity.values.iter().map(|v| f64::from(*v)).collect();
        for step in 0..side {
            let size = |row: &usize| left[row * side + step].abs();
            let best = (step..side).fold(
                step,
                |best, row| {
                    if size(&row) > size(&best) { row } else { best }
                },
            );
            for column in 0..side {
                left.swap(step * side + column, best * side + column);
                right.swap(step * side + column, best * side + column);
            }
            let pivot = left[step * side + step];
            for column in 0..side {
                left[step * side + column] /= pivot;
                right[step * side + column] /= pivot;
            }
            for row in (0..side).filter(|row| *row != step) {
                let factor = left[row * side + step];
                for column in 0..side {
                    left[row * side + column] -= factor * left[step * side + column];
                    right[row * side + column] -= factor * right[step * side + column];
                }
            }
        }
        Square {
            side,
            values: right.iter().map(|value| *value as f32).collect(),
        }
    }
}
