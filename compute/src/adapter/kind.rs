//! What is done to a weight.

use super::bank::Bank;
use super::delta::Delta;
use super::extent::Extent;
use super::factor::Factor;
use super::magnitude::{Axis, Magnitude, places};
use super::rotation::Rotation;

/// What becomes of a weight W. A strength m other than 1 makes the step from W to the result m
/// times as long, unless said otherwise.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind<'a> {
    /// W + scale · delta, with the norms of a DoRA where there are some.
    Added {
        /// The difference.
        delta: Delta<'a>,
        /// The norms of the result.
        magnitude: Option<Magnitude<'a>>,
    },
    /// W + scale · delta of a bank of experts.
    Bank(Bank<'a>),
    /// Another tensor takes its place: `modules_to_save`, trained biases.
    Replaced(Factor<'a>),
    /// Some rows are replaced: PEFT's trainable tokens.
    Tokens(Tokens<'a>),
    /// Rows or columns are multiplied: IA3 (Liu et al. 2022, arXiv:2205.05638).
    Multiplied(Multiplied<'a>),
    /// W + scale · (b1 b2 + W a1 a2): GLoRA (Chavan et al. 2023, arXiv:2306.07967).
    Glora(Glora<'a>),
    /// W rotated. Of LyCORIS' kind the rotation is m R + (1 - m) I.
    Rotated(Rotation<'a>),
}

/// Rows that are replaced.
#[derive(Clone, Debug, PartialEq)]
pub struct Tokens<'a> {
    /// Which rows.
    pub rows: Vec<u64>,
    /// What they become, \[rows, columns\].
    pub values: Factor<'a>,
}

/// Numbers that rows or columns are multiplied with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Multiplied<'a> {
    /// A number for each row or column.
    pub by: Factor<'a>,
    /// What has a number.
    pub axis: Axis,
    /// Whether W is multiplied with 1 + m · number (LyCORIS), not with the number (PEFT).
    pub is_step: bool,
}

/// The factors of a GLoRA.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Glora<'a> {
    /// \[inputs, r\].
    pub a1: Factor<'a>,
    /// \[r, inputs\].
    pub a2: Factor<'a>,
    /// \[outputs, r\].
    pub b1: Factor<'a>,
    /// \[r, inputs\].
    pub b2: Factor<'a>,
}

impl Kind<'_> {
    /// Whether a row of the result needs more of the weight than the row.
    pub fn needs_whole(&self) -> bool {
        match self {
            Kind::Added { magnitude, .. } => {
                magnitude.is_some_and(|magnitude| magnitude.axis == Axis::Columns)
            }
            Kind::Rotated(rotation) => rotation.needs_whole(),
            _ => false,
        }
    }

    /// Whether a weight of a shape can be changed so.
    pub(super) fn check(&self, shape: &[u64]) -> Result<(), String> {
        let Some(extent) = Extent::of(shape) else {
            return Err(format!("a weight of shape {shape:?} is too large"));
        };
        let same = |rows: usize, columns: usize| {
            if (rows, columns) == (extent.rows, extent.columns) {
                return Ok(());
            }
            Err(format!(
                "what is made has {rows} rows and {columns} columns, the weight of shape {shape:?} \
                 has {} and {}",
                extent.rows, extent.columns
            ))
        };
        match self {
            Kind::Added { delta, magnitude } => {
                let made = delta.extent()?;
                same(made.rows, made.columns)?;
                magnitude.map_or(Ok(()), |magnitude| magnitude.check(shape))
            }
            Kind::Bank(bank) => bank.check(shape),
            Kind::Replaced(factor) => {
                factor.check()?;
                same(factor.rows(), factor.columns())
            }
            Kind::Tokens(tokens) => tokens.check(extent),
            Kind::Multiplied(multiplied) => {
                multiplied.by.check()?;
                let places = places(multiplied.axis, shape);
                if multiplied.by.values.len() == places {
                    return Ok(());
                }
                Err(format!(
                    "numbers of shape {:?} do not fit a weight of shape {shape:?}",
                    multiplied.by.shape
                ))
            }
            Kind::Glora(glora) => glora.check(extent),
            Kind::Rotated(rotation) => rotation.check(extent),
        }
    }
}

impl Tokens<'_> {
    fn check(&self, extent: Extent) -> Result<(), String> {
        self.values.check()?;
        let is_row = |row: &u64| *row < extent.rows as u64;
        if let Some(row) = self.rows.iter().find(|row| !is_row(row)) {
            return Err(format!(
                "row {row} is replaced of a weight of {} rows",
                extent.rows
            ));
        }
        if (self.values.rows(), self.values.columns()) == (self.rows.len(), extent.columns) {
            return Ok(());
        }
        Err(format!(
            "rows of shape {:?} do not replace {} of {} columns",
            self.values.shape,
            self.rows.len(),
            extent.columns
        ))
    }
}

impl Glora<'_> {
    fn check(&self, extent: Extent) -> Result<(), String> {
        let factors = [&self.a1, &self.a2, &self.b1, &self.b2];
        for factor in factors {
            factor.check()?;
        }
        let [a1, a2, b1, b2] = factors.map(|factor| (factor.rows(), factor.columns()));
        let Extent { rows, columns } = extent;
        let fits = a1 == (columns, a2.0) && a2.1 == columns;
        if fits && b1 == (rows, b2.0) && b2.1 == columns {
            return Ok(());
        }
        let shapes = factors.map(|factor| format!("{:?}", factor.shape));
        Err(format!(
            "factors of shapes {} do not fit a weight of {rows} rows and {columns} columns",
            shapes.join(", ")
        ))
    }
}
