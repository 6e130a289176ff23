//! What a stored result changes of the tensor that it goes out from, and what it was meant to.

/// Sums of f32 numbers without rounding, in any order: the mantissas of each exponent are added as
/// integers. So a sum does not depend on who adds which part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExactSum {
    mantissas: [i64; 1 << EXPONENT_BITS],
}

const EXPONENT_BITS: u32 = 8;
const MANTISSA_BITS: u32 = 23;

impl Default for ExactSum {
    fn default() -> ExactSum {
        ExactSum {
            mantissas: [0; 1 << EXPONENT_BITS],
        }
    }
}

impl ExactSum {
    /// Adds a number. There is room for 2^39 of them.
    pub fn add(&mut self, number: f32) {
        let bits = number.to_bits();
        let exponent = (bits >> MANTISSA_BITS) & 0xff;
        let hidden = u32::from(exponent > 0) << MANTISSA_BITS;
        let mantissa = i64::from(bits & 0x7f_ffff | hidden);
        let sign = if number.is_sign_negative() { -1 } else { 1 };
        self.mantissas[exponent as usize] += sign * mantissa;
    }

    /// Adds what another has added.
    pub fn join(&mut self, other: &ExactSum) {
        for (own, other) in self.mantissas.iter_mut().zip(&other.mantissas) {
            *own += other;
        }
    }

    /// The sum, the largest parts first; NaN if an infinity or NaN is in it.
    pub fn value(&self) -> f64 {
        let [finite @ .., special] = &self.mantissas;
        if *special != 0 {
            return f64::NAN;
        }
        let mut sum = 0.0;
        for (exponent, &mantissa) in finite.iter().enumerate().rev() {
            // The exponents of zero and of the smallest numbers are the same.
            let power = exponent.max(1) as i32 - 127 - MANTISSA_BITS as i32;
            sum += mantissa as f64 * f64::from(power).exp2();
        }
        sum
    }
}

/// What is found of a tile: sums of products, by the fixed tree, and counts.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TileChange {
    /// Of the squares of the meant changes.
    pub meant: f32,
    /// Of the squares of the stored changes.
    pub stored: f32,
    /// Of the products of both.
    pub along: f32,
    /// Elements whose stored value differs from the base's.
    pub changed: u32,
    /// Results other than zero that are stored as zero.
    pub flushed: u32,
    /// Results that are larger than what their type stores as a number.
    pub beyond: u32,
    /// Stored values that are infinite or NaN.
    pub special: u32,
}

/// The same of the tiles of a tensor, in whatever order they were found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    meant: ExactSum,
    stored: ExactSum,
    along: ExactSum,
    changed: u64,
    flushed: u64,
    beyond: u64,
    special: u64,
    /// Elements of the tiles that were added.
    elements: u64,
    /// One tile in so many is looked at, the first among them; of all where it is 0.
    every: u64,
}

impl Change {
    /// Of which one tile in so many is looked at, the first among them.
    pub fn of_every(every: u64) -> Change {
        Change {
            every,
            ..Change::default()
        }
    }

    /// Whether a tile of a tensor, by its number, is looked at.
    pub fn takes(&self, tile: u64) -> bool {
        tile.is_multiple_of(self.every.max(1))
    }

    /// Adds a tile of so many elements.
    pub fn add(&mut self, elements: usize, tile: TileChange) {
        self.elements += elements as u64;
        self.meant.add(tile.meant);
        self.stored.add(tile.stored);
        self.along.add(tile.along);
        self.changed += u64::from(tile.changed);
        self.flushed += u64::from(tile.flushed);
        self.beyond += u64::from(tile.beyond);
        self.special += u64::from(tile.special);
    }

    /// Adds the tiles of another part.
    pub fn join(&mut self, other: &Change) {
        self.elements += other.elements;
        self.meant.join(&other.meant);
        self.stored.join(&other.stored);
        self.along.join(&other.along);
        self.changed += other.changed;
        self.flushed += other.flushed;
        self.beyond += other.beyond;
        self.special += other.special;
    }

    /// What was found.
    pub fn found(&self) -> FoundChange {
        FoundChange {
            meant: self.meant.value(),
            stored: self.stored.value(),
            along: self.along.value(),
            changed: self.changed,
            flushed: self.flushed,
            beyond: self.beyond,
            special: self.special,
            elements: self.elements,
        }
    }
}

/// What the stored elements of a tensor changed, and were meant to. Elements count in the sums
/// where base, result and stored value are numbers. Each square is rounded to f32, and those of a
/// tile are added in f32; changes below 2^-50 count as none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FoundChange {
    /// The sum of the squares of the meant changes: results before they are rounded to their
    /// stored type, minus the base.
    pub meant: f64,
    /// The sum of the squares of the stored changes: stored values minus the base.
    pub stored: f64,
    /// The sum of the products of both.
    pub along: f64,
    /// Elements whose stored value differs from the base's.
    pub changed: u64,
    /// Results other than zero that are stored as zero.
    pub flushed: u64,
    /// Results that are larger than what their type stores as a number.
    pub beyond: u64,
    /// Stored values that are infinite or NaN.
    pub special: u64,
    /// Elements that were looked at.
    pub elements: u64,
}
