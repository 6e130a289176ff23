//! A change of one tensor, applied.

use std::ops::Range;

use super::delta::Delta;
use super::extent::Extent;
use super::kind::{Glora, Kind, Multiplied, Tokens};
use super::magnitude::{Axis, Dialect, Magnitude, places};
use super::sum::{self, Right};
use crate::level::Level;

/// What an adapter does to one tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Change<'a> {
    /// What is done.
    pub kind: Kind<'a>,
    /// What a difference is multiplied with: alpha over the rank, or over its root.
    pub scale: f64,
    /// How much of it is done; 1 is all.
    pub strength: f64,
}

/// Rows of a weight.
struct Part {
    level: Level,
    extent: Extent,
    rows: Range<usize>,
}

impl<'a> Change<'a> {
    /// The same change, with what takes long and depends on no weight done: worth it where
    /// [`Change::apply`] is called for parts of a weight.
    pub fn prepared(&self) -> Change<'a> {
        let kind = match &self.kind {
            Kind::Rotated(rotation) => Kind::Rotated(rotation.prepared()),
            other => other.clone(),
        };
        Change {
            kind,
            scale: self.scale,
            strength: self.strength,
        }
    }

    /// Whether a weight of this shape can be changed so.
    ///
    /// # Errors
    /// What does not fit, with both shapes.
    pub fn check(&self, shape: &[u64]) -> Result<(), String> {
        self.kind.check(shape)
    }

    /// Whether [`Change::apply`] needs all of the weight, whatever rows are asked for.
    pub fn needs_whole(&self) -> bool {
        self.kind.needs_whole()
    }

    /// Writes rows of the changed weight, places of its first dimension. `base` holds those rows of
    /// the weight, or all where [`Change::needs_whole`] says so. The change must have been checked
    /// against the shape.
    pub fn apply(
        &self,
        level: Level,
        shape: &[u64],
        rows: Range<u64>,
        base: &[f32],
        out: &mut [f32],
    ) {
        let Some(extent) = Extent::of(shape) else {
            return;
        };
        let rows = rows.start as usize..rows.end as usize;
        if !self.needs_whole() {
            out.copy_from_slice(base);
            let part = Part {
                level,
                extent,
                rows,
            };
            return self.change(&part, shape, out);
        }
        let part = Part {
            level,
            extent,
            rows: 0..extent.rows,
        };
        if rows == part.rows {
            out.copy_from_slice(base);
            return self.change(&part, shape, out);
        }
        let mut whole = base.to_vec();
        self.change(&part, shape, &mut whole);
        out.copy_from_slice(&whole[rows.start * extent.columns..rows.end * extent.columns]);
    }

    fn change(&self, part: &Part, shape: &[u64], weight: &mut [f32]) {
        let strength = self.strength as f32;
        match &self.kind {
            Kind::Added { delta, magnitude } => match magnitude {
                None => part.add(delta, self.scale * self.strength, weight),
                Some(magnitude) => self.direct(part, delta, magnitude, weight),
            },
            Kind::Bank(bank) => {
                let mut made = vec![0.0; weight.len()];
                bank.fill(part.level, shape, part.rows.clone(), &mut made);
                add(&made, self.scale * self.strength, weight);
            }
            Kind::Replaced(factor) => {
                let columns = part.extent.columns;
                let values = &factor.values[part.rows.start * columns..part.rows.end * columns];
                replace(values, strength, weight);
            }
            Kind::Tokens(tokens) => part.replace_rows(tokens, strength, weight),
            Kind::Multiplied(multiplied) => part.multiply(multiplied, shape, strength, weight),
            Kind::Glora(glora) => part.generalise(glora, self.scale * self.strength, weight),
            Kind::Rotated(rotation) => {
                rotation.apply(part.level, part.extent, part.rows.start, strength, weight);
            }
        }
    }

    /// Adds a difference and gives the result its norms.
    fn direct(
        &self,
        part: &Part,
        delta: &Delta<'_>,
        magnitude: &Magnitude<'_>,
        weight: &mut [f32],
    ) {
        let strength = self.strength as f32;
        let before = match magnitude.dialect {
            Dialect::Peft if strength != 1.0 => Some(weight.to_vec()),
            _ => None,
        };
        part.add(delta, self.scale, weight);
        let (extent, first) = (part.extent, part.rows.start);
        match before {
            None => magnitude.apply(part.level, extent, first, strength, weight),
            Some(before) => {
                magnitude.apply(part.level, extent, first, 1.0, weight);
                for (element, before) in weight.iter_mut().zip(before) {
                    *element = before + strength * (*element - before);
                }
            }
        }
    }
}

/// Adds what was made, scaled.
fn add(made: &[f32], scale: f64, weight: &mut [f32]) {
    let scale = scale as f32;
    for (element, made) in weight.iter_mut().zip(made) {
        *element += scale * made;
    }
}

fn replace(values: &[f32], strength: f32, weight: &mut [f32]) {
    for (element, value) in weight.iter_mut().zip(values) {
        *element = if strength == 1.0 {
            *value
        } else {
            *element + strength * (value - *element)
        };
    }
}

impl Part {
    fn add(&self, delta: &Delta<'_>, scale: f64, weight: &mut [f32]) {
        let mut made = vec![0.0; weight.len()];
        delta.fill(self.level, self.rows.clone(), &mut made);
        add(&made, scale, weight);
    }

    fn replace_rows(&self, tokens: &Tokens<'_>, strength: f32, weight: &mut [f32]) {
        let columns = self.extent.columns;
        for (row, values) in tokens.rows.iter().zip(tokens.values.values.chunks(columns)) {
            let row = *row as usize;
            if self.rows.contains(&row) {
                let place = (row - self.rows.start) * columns;
                replace(values, strength, &mut weight[place..][..columns]);
            }
        }
    }

    fn multiply(
        &self,
        multiplied: &Multiplied<'_>,
        shape: &[u64],
        strength: f32,
        weight: &mut [f32],
    ) {
        let steps: Vec<f32> = multiplied
            .by
            .values
            .iter()
            .map(|number| match multiplied.is_step {
                true => 1.0 + strength * number,
                false if strength == 1.0 => *number,
                false => 1.0 + strength * (number - 1.0),
            })
            .collect();
        let columns = self.extent.columns.max(1);
        let rows = weight.chunks_exact_mut(columns);
        match multiplied.axis {
            Axis::Rows => {
                for (row, step) in rows.zip(&steps[self.rows.start..]) {
                    row.iter_mut().for_each(|element| *element *= step);
                }
            }
            Axis::Columns => {
                let width = columns / places(Axis::Columns, shape).max(1);
                for row in rows {
                    for (part, step) in row.chunks_exact_mut(width.max(1)).zip(&steps) {
                        part.iter_mut().for_each(|element| *element *= step);
                    }
                }
            }
        }
    }

    fn generalise(&self, glora: &Glora<'_>, scale: f64, weight: &mut [f32]) {
        let columns = self.extent.columns;
        let multiply = |rank: usize, columns: usize, left: &[f32], right: &[f32]| {
            let mut made = vec![0.0; left.len() / rank * columns];
            sum::multiply(self.level, rank, left, Right::of(columns, right), &mut made);
            made
        };
        let (rank, inner) = (glora.b2.rows(), glora.a2.rows());
        let left = &glora.b1.values[self.rows.start * rank..self.rows.end * rank];
        let added = multiply(rank, columns, left, glora.b2.values);
        let narrow = multiply(columns, inner, weight, glora.a1.values);
        let turned = multiply(inner, columns, &narrow, glora.a2.values);
        for ((element, added), turned) in weight.iter_mut().zip(added).zip(turned) {
            *element += scale as f32 * (added + turned);
        }
    }
}
