//! A matrix that is made of factors.

use std::ops::Range;

use super::extent::Extent;
use super::factor::Factor;
use super::sum::{self, Right};
use crate::level::Level;

/// A product of two factors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Product<'a> {
    /// \[m, r\], further dimensions being 1.
    pub up: Factor<'a>,
    /// \[r, n, …\].
    pub down: Factor<'a>,
    /// What each row of `down` is multiplied with, r numbers: AdaLoRA's singular values.
    pub values: Option<Factor<'a>>,
    /// Whether the product is used with rows and columns exchanged, as \[n, m\].
    pub is_flipped: bool,
}

/// A matrix, as an adapter holds it. Dimensions behind the second belong to the columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Matrix<'a> {
    /// As it is.
    Whole(Factor<'a>),
    /// Two factors of a low rank.
    Product(Product<'a>),
    /// Σ over i and j of core\[i, j, …\] up\[i, m\] down\[j, n\]: \[m, n, …\].
    Tucker {
        /// \[i, j, …\].
        core: Factor<'a>,
        /// \[i, m\], or \[m, i\].
        up: Factor<'a>,
        /// \[j, n\].
        down: Factor<'a>,
        /// Whether `up` is \[m, i\].
        rows_first: bool,
    },
}

impl Matrix<'_> {
    /// The sides of the matrix.
    ///
    /// # Errors
    /// Where the factors do not fit each other.
    pub(super) fn extent(&self) -> Result<Extent, String> {
        for factor in self.factors() {
            factor.check()?;
        }
        let (rows, columns) = match self {
            Matrix::Whole(whole) => (whole.rows(), whole.columns()),
            Matrix::Product(product) => product.sides()?,
            Matrix::Tucker {
                core,
                up,
                down,
                rows_first,
            } => {
                let [i, j, kernel @ ..] = core.shape else {
                    return Err(format!("a core of shape {:?} has no kernel", core.shape));
                };
                let inner = if *rows_first { up.columns() } else { up.rows() };
                if inner as u64 != *i || down.rows() as u64 != *j {
                    return Err(format!(
                        "factors of shapes {:?} and {:?} do not fit a core of shape {:?}",
                        up.shape, down.shape, core.shape
                    ));
                }
                let kernel: u64 = kernel.iter().product();
                let rows = up.values.len() / inner;
                (rows, down.columns().saturating_mul(kernel as usize))
            }
        };
        match rows.checked_mul(columns) {
            Some(_) => Ok(Extent { rows, columns }),
            None => Err("the factors make more elements than can be counted".to_owned()),
        }
    }

    fn factors(&self) -> Vec<&Factor<'_>> {
        match self {
            Matrix::Whole(whole) => vec![whole],
            Matrix::Product(product) => {
                let two = [&product.up, &product.down];
                two.into_iter().chain(&product.values).collect()
            }
            Matrix::Tucker { core, up, down, .. } => vec![core, up, down],
        }
    }

    /// Writes rows of the matrix. The factors must fit each other.
    pub(super) fn fill(&self, level: Level, rows: Range<usize>, out: &mut [f32]) {
        let Ok(Extent { columns, .. }) = self.extent() else {
            return;
        };
        match self {
            Matrix::Whole(whole) => {
                out.copy_from_slice(&whole.values[rows.start * columns..rows.end * columns]);
            }
            Matrix::Product(product) => product.fill(level, columns, rows, out),
            Matrix::Tucker {
                core,
                up,
                down,
                rows_first,
            } => {
                let right = widened(level, core, down);
                let left = if *rows_first {
                    up.values.to_vec()
                } else {
                    up.flipped()
                };
                let rank = core.rows();
                let left = &left[rows.start * rank..rows.end * rank];
                sum::multiply(level, rank, left, Right::of(columns, &right), out);
            }
        }
    }
}

/// Σ over j of core\[i, j, k\] down\[j, n\], as \[i, n, k\].
fn widened(level: Level, core: &Factor<'_>, down: &Factor<'_>) -> Vec<f32> {
    let (outer, inner, width) = (core.rows(), down.rows(), down.columns());
    let kernel = core.columns() / inner;
    let left = down.flipped();
    let mut widened = vec![0.0; outer * width * kernel];
    let planes = widened.chunks_exact_mut(width * kernel);
    for (plane, core) in planes.zip(core.values.chunks_exact(inner * kernel)) {
        sum::multiply(level, inner, &left, Right::of(kernel, core), plane);
    }
    widened
}

impl Product<'_> {
    fn sides(&self) -> Result<(usize, usize), String> {
        let rank = self.down.rows();
        let fit = self.up.columns() == rank;
        if !fit
            || self
                .values
                .is_some_and(|values| values.values.len() != rank)
        {
            return Err(format!(
                "factors of shapes {:?} and {:?} do not fit each other",
                self.up.shape, self.down.shape
            ));
        }
        let (rows, columns) = (self.up.rows(), self.down.columns());
        Ok(if self.is_flipped {
            (columns, rows)
        } else {
            (rows, columns)
        })
    }

    fn fill(&self, level: Level, columns: usize, rows: Range<usize>, out: &mut [f32]) {
        let rank = self.down.rows();
        let valued = self.values.map(|values| {
            let mut valued = self.down.values.to_vec();
            for (row, value) in valued
                .chunks_exact_mut(self.down.columns())
                .zip(values.values)
            {
                row.iter_mut().for_each(|element| *element *= value);
            }
            valued
        });
        let down = Factor {
            shape: self.down.shape,
            values: valued.as_deref().unwrap_or(self.down.values),
        };
        if self.is_flipped {
            let width = down.columns();
            let row = |row: usize| (0..rank).map(move |term| down.values[term * width + row]);
            let left: Vec<f32> = rows.flat_map(row).collect();
            let right = Right::flipped(rank, columns, self.up.values);
            sum::multiply(level, rank, &left, right, out);
        } else {
            let left = &self.up.values[rows.start * rank..rows.end * rank];
            sum::multiply(level, rank, left, Right::of(columns, down.values), out);
        }
    }
}
