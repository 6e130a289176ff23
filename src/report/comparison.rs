//! What was found of two tensors, or of the task vectors of both to a base.

use serde::Serialize;

use super::number::{ratio, root};

/// The difference of greatest magnitude.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Greatest {
    /// Its magnitude.
    pub magnitude: f64,
    /// The tensor's name.
    pub key: String,
    /// The first element that has it, counted in the order of storage.
    pub element: u64,
    /// The element's index in each dimension.
    pub index: Vec<u64>,
}

/// The entries of largest magnitude of two task vectors, at a density.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Top {
    /// The share of a tensor's entries that are looked at.
    pub density: f64,
    /// How many of them are not zero in a.
    pub a: u64,
    /// The same in b.
    pub b: u64,
    /// How many are among them in both.
    pub both: u64,
    /// How many of those have opposite signs.
    pub opposite_sign: u64,
}

/// Sums over the elements of a and b, or of their task vectors where there is a base. Elements of
/// which one is infinite or NaN are counted and take part in nothing else. Sums of parts are the
/// sums of the whole, so that ratios of blocks are those of their elements.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(into = "Numbers")]
pub struct Comparison {
    /// Elements that were compared.
    pub elements: u64,
    /// The sum of a^2.
    pub a_squares: f64,
    /// The sum of b^2.
    pub b_squares: f64,
    /// The sum of a b.
    pub products: f64,
    /// The sum of (b - a)^2.
    pub change_squares: f64,
    /// Elements that differ.
    pub changed: u64,
    /// Elements that are not zero and have the same sign.
    pub same_sign: u64,
    /// Elements that are not zero and have opposite signs.
    pub opposite_sign: u64,
    /// Infinities and NaN of a.
    pub a_non_finite: u64,
    /// Infinities and NaN of b.
    pub b_non_finite: u64,
    /// Where they differ most; None where they do not.
    pub greatest: Option<Greatest>,
    /// The sum of the base's squares, where there is a base.
    pub base_squares: Option<f64>,
    /// The largest entries, where a density was given.
    pub top: Option<Top>,
}

impl Comparison {
    /// Adds what was found of further elements.
    pub fn add(&mut self, other: &Comparison) {
        self.elements += other.elements;
        self.a_squares += other.a_squares;
        self.b_squares += other.b_squares;
        self.products += other.products;
        self.change_squares += other.change_squares;
        self.changed += other.changed;
        self.same_sign += other.same_sign;
        self.opposite_sign += other.opposite_sign;
        self.a_non_finite += other.a_non_finite;
        self.b_non_finite += other.b_non_finite;
        let magnitude = |of: &Comparison| of.greatest.as_ref().map_or(0.0, |own| own.magnitude);
        if magnitude(other) > magnitude(self) {
            self.greatest.clone_from(&other.greatest);
        }
        if let Some(squares) = other.base_squares {
            *self.base_squares.get_or_insert(0.0) += squares;
        }
        if let Some(top) = &other.top {
            let own = self.top.get_or_insert_with(|| Top {
                density: top.density,
                ..Top::default()
            });
            own.a += top.a;
            own.b += top.b;
            own.both += top.both;
            own.opposite_sign += top.opposite_sign;
        }
    }

    /// |a|, the root of the sum of squares.
    pub fn norm_a(&self) -> f64 {
        root(self.a_squares)
    }

    /// |b|.
    pub fn norm_b(&self) -> f64 {
        root(self.b_squares)
    }

    /// |b - a|.
    pub fn norm_change(&self) -> f64 {
        root(self.change_squares)
    }

    /// |b - a| / |a|; None where a is zero and b is not.
    pub fn relative_change(&self) -> Option<f64> {
        match self.change_squares {
            0.0 => Some(0.0),
            _ => ratio(self.norm_change(), self.norm_a()),
        }
    }

    /// The cosine of the angle between a and b; None where one of them is zero.
    pub fn cosine(&self) -> Option<f64> {
        let (a, b) = (self.norm_a(), self.norm_b());
        let product = ratio(self.products, a * b)?;
        if self.change_squares > (self.a_squares + self.b_squares) / 2.0 {
            return Some(product.clamp(-1.0, 1.0));
        }
        // 2 |a| |b| - 2 a b = |b - a|^2 - (|b| - |a|)^2 keeps the digits that a cosine near one
        // has lost by then.
        let lengths = (self.b_squares - self.a_squares) / (a + b);
        let apart = (self.change_squares - lengths * lengths) / (2.0 * a * b);
        Some((1.0 - apart).clamp(-1.0, 1.0))
    }

    /// The share of elements that have the same sign among those that are zero in neither.
    pub fn sign_agreement(&self) -> Option<f64> {
        let signed = self.same_sign + self.opposite_sign;
        ratio(self.same_sign as f64, signed as f64)
    }

    /// The share of elements with opposite signs among those that are zero in neither.
    pub fn sign_conflict(&self) -> Option<f64> {
        let signed = self.same_sign + self.opposite_sign;
        ratio(self.opposite_sign as f64, signed as f64)
    }

    /// The share of elements that differ.
    pub fn changed_share(&self) -> Option<f64> {
        ratio(self.changed as f64, self.elements as f64)
    }
}

impl Top {
    /// How many are among the largest in both, as a share of how many there are in one on average.
    pub fn overlap(&self) -> Option<f64> {
        ratio(2.0 * self.both as f64, (self.a + self.b) as f64)
    }

    /// The share of those in both that have opposite signs.
    pub fn sign_conflict(&self) -> Option<f64> {
        ratio(self.opposite_sign as f64, self.both as f64)
    }
}

/// The JSON of a comparison.
#[derive(Serialize)]
struct Numbers {
    elements: u64,
    norm_a: f64,
    norm_b: f64,
    norm_change: f64,
    relative_change: Option<f64>,
    cosine: Option<f64>,
    changed: u64,
    changed_share: Option<f64>,
    same_sign: u64,
    opposite_sign: u64,
    sign_agreement: Option<f64>,
    sign_conflict: Option<f64>,
    non_finite_a: u64,
    non_finite_b: u64,
    greatest_change: Option<Greatest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    norm_base: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top: Option<TopNumbers>,
}

#[derive(Serialize)]
struct TopNumbers {
    density: f64,
    a: u64,
    b: u64,
    both: u64,
    overlap: Option<f64>,
    opposite_sign: u64,
    sign_conflict: Option<f64>,
}

impl From<Comparison> for Numbers {
    fn from(own: Comparison) -> Numbers {
        Numbers {
            elements: own.elements,
            norm_a: own.norm_a(),
            norm_b: own.norm_b(),
            norm_change: own.norm_change(),
            relative_change: own.relative_change(),
            cosine: own.cosine(),
            changed: own.changed,
            changed_share: own.changed_share(),
            same_sign: own.same_sign,
            opposite_sign: own.opposite_sign,
            sign_agreement: own.sign_agreement(),
            sign_conflict: own.sign_conflict(),
            non_finite_a: own.a_non_finite,
            non_finite_b: own.b_non_finite,
            norm_base: own.base_squares.map(root),
            top: own.top.map(|top| TopNumbers {
                overlap: top.overlap(),
                sign_conflict: top.sign_conflict(),
                density: top.density,
                a: top.a,
                b: top.b,
                both: top.both,
                opposite_sign: top.opposite_sign,
            }),
            greatest_change: own.greatest,
        }
    }
}
