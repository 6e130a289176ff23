//! How much of the change that was computed is in the bytes that were written.

use serde::Serialize;

use super::number::{ratio, root};

/// Sums over the elements of tensors that were computed. The intended change is the result before
/// it was rounded to the stored type, less the reference's value; the kept change is what was
/// stored, less the reference's value. Sums of parts are the sums of the whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(into = "Numbers")]
pub struct Survival {
    /// Elements that were computed.
    pub elements: u64,
    /// The sum of squares of the intended change.
    pub intended_squares: f64,
    /// The sum of squares of the kept change.
    pub kept_squares: f64,
    /// The sum of products of both.
    pub products: f64,
    /// Elements whose kept change is not zero.
    pub changed: u64,
    /// Results beyond the stored type.
    pub saturated: u64,
    /// Results that are infinite or NaN.
    pub non_finite: u64,
    /// Results other than zero that the stored type has as zero.
    pub flushed: u64,
}

impl Survival {
    /// Adds what was found of further elements.
    pub fn add(&mut self, other: &Survival) {
        self.elements += other.elements;
        self.intended_squares += other.intended_squares;
        self.kept_squares += other.kept_squares;
        self.products += other.products;
        self.changed += other.changed;
        self.saturated += other.saturated;
        self.non_finite += other.non_finite;
        self.flushed += other.flushed;
    }

    /// The norm of the intended change.
    pub fn intended_norm(&self) -> f64 {
        root(self.intended_squares)
    }

    /// The norm of the kept change.
    pub fn kept_norm(&self) -> f64 {
        root(self.kept_squares)
    }

    /// The share of the intended change that is present in what was stored: the kept change along
    /// the intended one. 1 where nothing was lost, 0 where the output is the reference. None where
    /// no change was intended.
    pub fn survival(&self) -> Option<f64> {
        ratio(self.products, self.intended_squares)
    }

    /// The sum of squares of what is missing of the intended change: of what was stored less what
    /// was computed.
    pub fn lost_squares(&self) -> f64 {
        self.intended_squares - 2.0 * self.products + self.kept_squares
    }

    /// The share of elements that were changed.
    pub fn changed_share(&self) -> Option<f64> {
        ratio(self.changed as f64, self.elements as f64)
    }
}

/// The JSON of it.
#[derive(Serialize)]
struct Numbers {
    elements: u64,
    intended_norm: f64,
    kept_norm: f64,
    survival: Option<f64>,
    changed: u64,
    changed_share: Option<f64>,
    saturated: u64,
    non_finite: u64,
    flushed: u64,
}

impl From<Survival> for Numbers {
    fn from(own: Survival) -> Numbers {
        Numbers {
            elements: own.elements,
            intended_norm: own.intended_norm(),
            kept_norm: own.kept_norm(),
            survival: own.survival(),
            changed: own.changed,
            changed_share: own.changed_share(),
            saturated: own.saturated,
            non_finite: own.non_finite,
            flushed: own.flushed,
        }
    }
}
