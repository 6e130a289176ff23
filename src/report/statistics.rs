//! What the values of tensors are like.

use serde::Serialize;

use super::number::{ratio, root};

/// Sums over the finite values of tensors, kept in f64. Integers beyond 2^53 are rounded to f64.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(into = "Numbers")]
pub struct Statistics {
    /// How many values are finite.
    pub finite: u64,
    /// Their sum.
    pub sum: f64,
    /// The sum of their squares.
    pub squares: f64,
    /// The least of them; infinity where there is none.
    pub min: f64,
    /// The greatest of them; minus infinity where there is none.
    pub max: f64,
    /// How many are NaN.
    pub nan: u64,
    /// How many are infinite.
    pub inf: u64,
}

impl Default for Statistics {
    fn default() -> Statistics {
        Statistics {
            finite: 0,
            sum: 0.0,
            squares: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            nan: 0,
            inf: 0,
        }
    }
}

impl Statistics {
    /// Adds a value.
    #[inline(always)]
    pub fn take(&mut self, value: f64) {
        if value.is_finite() {
            self.finite += 1;
            self.sum += value;
            self.squares += value * value;
            self.min = self.min.min(value);
            self.max = self.max.max(value);
        } else if value.is_nan() {
            self.nan += 1;
        } else {
            self.inf += 1;
        }
    }

    /// Adds what was found of further values.
    pub fn add(&mut self, other: &Statistics) {
        self.finite += other.finite;
        self.sum += other.sum;
        self.squares += other.squares;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.nan += other.nan;
        self.inf += other.inf;
    }

    /// The square root of the sum of squares.
    pub fn norm(&self) -> f64 {
        root(self.squares)
    }

    /// None where no value is finite.
    pub fn mean(&self) -> Option<f64> {
        ratio(self.sum, self.finite as f64)
    }

    /// The least value; None where none is finite.
    pub fn least(&self) -> Option<f64> {
        (self.finite > 0).then_some(self.min)
    }

    /// The greatest value; None where none is finite.
    pub fn greatest(&self) -> Option<f64> {
        (self.finite > 0).then_some(self.max)
    }
}

/// The JSON of them.
#[derive(Serialize)]
struct Numbers {
    norm: f64,
    mean: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    nan: u64,
    inf: u64,
}

impl From<Statistics> for Numbers {
    fn from(own: Statistics) -> Numbers {
        Numbers {
            norm: own.norm(),
            mean: own.mean(),
            min: own.least(),
            max: own.greatest(),
            nan: own.nan,
            inf: own.inf,
        }
    }
}
