//! The magnitudes of a DoRA (Liu et al. 2024, arXiv:2402.09353).

use super::extent::Extent;
use super::factor::Factor;
use super::sum;
use crate::level::Level;

/// Which elements of a weight have a number together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// Those of a place in the first dimension: outputs.
    Rows,
    /// Those of a place in the second dimension: inputs.
    Columns,
}

/// Whose rule is followed where strengths are not 1 and norms are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// PEFT: the weight becomes its magnitude times its direction.
    Peft,
    /// LyCORIS: a norm is raised by 2^-23, and the strength is of the step to the magnitude. This
    /// is what its training does; ComfyUI divides rows by the norms of the weight as it was.
    Lycoris,
}

/// The norms that rows or columns of the changed weight get.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Magnitude<'a> {
    /// A number for each row or column.
    pub values: Factor<'a>,
    /// What has a number.
    pub axis: Axis,
    /// Whose rule.
    pub dialect: Dialect,
}

/// How many places the axis of a weight has, and how many elements stand at one of the second
/// dimension in a row.
pub(super) fn places(axis: Axis, shape: &[u64]) -> usize {
    let place = match axis {
        Axis::Rows => shape.first(),
        Axis::Columns => shape.get(1),
    };
    place.map_or(1, |places| *places as usize)
}

impl Magnitude<'_> {
    /// Whether there is a number for each row or column of a weight.
    pub(super) fn check(&self, shape: &[u64]) -> Result<(), String> {
        self.values.check()?;
        if self.values.values.len() == places(self.axis, shape) {
            return Ok(());
        }
        Err(format!(
            "magnitudes of shape {:?} do not fit a weight of shape {shape:?}",
            self.values.shape
        ))
    }

    /// Gives rows of a weight, from `first` on, their norms. Of columns all rows must be there.
    pub(super) fn apply(
        &self,
        level: Level,
        extent: Extent,
        first: usize,
        strength: f32,
        weight: &mut [f32],
    ) {
        let columns = extent.columns.max(1);
        let values = self.values.values;
        match self.axis {
            Axis::Rows => {
                for (row, magnitude) in weight.chunks_exact_mut(columns).zip(&values[first..]) {
                    let by = self.step(*magnitude, sum::product(level, row, row).sqrt(), strength);
                    row.iter_mut().for_each(|element| *element *= by);
                }
            }
            Axis::Columns => {
                let width = columns / values.len().max(1);
                let sums = sum::column_products(level, columns, weight, weight);
                let norms = sums.chunks(width.max(1));
                let norms = norms.map(|sums| sum::pairwise(sums.to_vec()).sqrt());
                let pairs = values.iter().zip(norms);
                let steps: Vec<f32> = pairs
                    .map(|(magnitude, norm)| self.step(*magnitude, norm, strength))
                    .collect();
                for row in weight.chunks_exact_mut(columns) {
                    for (part, by) in row.chunks_exact_mut(width.max(1)).zip(&steps) {
                        part.iter_mut().for_each(|element| *element *= by);
                    }
                }
            }
        }
    }

    /// What a row or column is multiplied with.
    fn step(&self, magnitude: f32, norm: f32, strength: f32) -> f32 {
        let ratio = match self.dialect {
            Dialect::Peft => magnitude / norm,
            Dialect::Lycoris => magnitude / (norm + f32::EPSILON),
        };
        if strength == 1.0 {
            return ratio;
        }
        strength * (ratio - 1.0) + 1.0
    }
}
