//! What is known of the values of a register, and where it makes the guard idle.
//!
//! The guard takes more instructions than the arithmetic, and acts on NaN and on tiny magnitudes
//! alone. Decoding a tile finds between which magnitudes its values lie; from there on it follows
//! what a formula can make of them. Where neither its result nor anything on the way to it can be
//! tiny or beyond f32, it is computed without the guard, and its bits are the same.

use crate::dtype::{Float, codec};
use crate::kernel::{Formula, TILE};

/// Magnitudes between which all values lie that are not zero, as f32 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    /// None is smaller; [`u32::MAX`] where all are zero.
    pub(super) least: u32,
    /// None is larger.
    pub(super) most: u32,
}

/// The largest magnitude that the guard makes a zero.
const TINY: u32 = 0x0080_0000;
const INFINITY: u32 = 0x7f80_0000;

impl Extent {
    /// Looks at settled values, or at any.
    #[inline(always)]
    pub(super) fn measure(words: &[u32]) -> Extent {
        let mut extent = Measure::default();
        for word in words {
            extent.take(*word);
        }
        extent.end()
    }

    /// Of values that are from either.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn or(self, other: Extent) -> Extent {
        Extent {
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }

    /// Whether there is neither an infinity nor a NaN.
    pub(super) fn is_finite(self) -> bool {
        self.most < INFINITY
    }

    /// Whether the guard would change none of the values.
    pub(super) fn is_settled(self) -> bool {
        self.least > TINY && self.most <= INFINITY
    }
}

/// An [`Extent`] while it is found.
#[derive(Clone, Copy, Debug)]
pub(super) struct Measure {
    /// The least magnitude minus one: zero becomes the largest number.
    below: u32,
    most: u32,
}

impl Default for Measure {
    fn default() -> Measure {
        Measure {
            below: u32::MAX,
            most: 0,
        }
    }
}

impl Measure {
    #[inline(always)]
    pub(super) fn take(&mut self, word: u32) {
        let magnitude = word & 0x7fff_ffff;
        self.below = self.below.min(magnitude.wrapping_sub(1));
        self.most = self.most.max(magnitude);
    }

    #[inline(always)]
    pub(super) fn end(self) -> Extent {
        Extent {
            least: self.below.saturating_add(1),
            most: self.most,
        }
    }
}

/// Every value is zero, or a multiple of 2^grain of at least 2^floor and at most 2^top in
/// magnitude. A grain below the floor tells how small a sum of such values may become where they
/// cancel out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    grain: i16,
    floor: i16,
    top: i16,
}

/// Mantissa bits of an f32 behind the first.
pub(super) const DIGITS: i16 = 23;

impl Bounds {
    /// The bounds of settled values with `digits` mantissa bits behind the first; None where some
    /// are not finite.
    pub(super) fn of(extent: Extent, digits: i16) -> Option<Bounds> {
        if !extent.is_settled() || !extent.is_finite() {
            return None;
        }
        if extent.most == 0 {
            return Some(Bounds::ZERO);
        }
        let floor = exponent(extent.least);
        let top = exponent(extent.most) + 1;
        let grain = floor - digits;
        Some(Bounds { grain, floor, top })
    }

    /// Of zeros: what says nothing in a minimum or maximum.
    const ZERO: Bounds = Bounds {
        grain: 128,
        floor: 128,
        top: -128,
    };

    /// The bounds of a number that is the same for all elements.
    pub(super) fn of_number(word: u32) -> Option<Bounds> {
        let magnitude = word & 0x7fff_ffff;
        let extent = Extent {
            least: if magnitude == 0 { u32::MAX } else { magnitude },
            most: magnitude,
        };
        let zeros = (magnitude | 1 << DIGITS).trailing_zeros();
        Bounds::of(extent, DIGITS - zeros as i16)
    }

    /// If the guard leaves all of them as they are.
    fn idle(self) -> Option<Bounds> {
        (self.floor > -126 && self.top < 128).then_some(self)
    }

    /// Whether no value but zero is below 2^exponent.
    pub(super) fn is_from(self, exponent: i16) -> bool {
        self.floor >= exponent
    }

    /// Whether a type holds all of them as numbers, and no other than zero as zero.
    pub(super) fn fit(self, float: Float) -> bool {
        let least = match u32::try_from(self.floor + 127) {
            // All are zero.
            Ok(biased) if biased > 254 => return true,
            Ok(biased) => codec::encode(float, biased << DIGITS),
            Err(_) => 0,
        };
        least > 0 && self.top <= exponent(codec::limit(float))
    }

    /// Of values that are from either.
    fn or(self, other: Bounds) -> Bounds {
        Bounds {
            grain: self.grain.min(other.grain),
            floor: self.floor.min(other.floor),
            top: self.top.max(other.top),
        }
    }

    /// Of sums and differences. A sum that is rounded is a multiple of more than its terms are.
    pub(super) fn plus(self, other: Bounds) -> Option<Bounds> {
        let either = self.or(other);
        Bounds {
            floor: either.grain,
            top: either.top + 1,
            ..either
        }
        .idle()
    }

    /// Of sums of at most a tile's values, in whatever order.
    pub(super) fn summed(self) -> Option<Bounds> {
        Bounds {
            floor: self.grain,
            top: self.top + TILE.ilog2() as i16,
            ..self
        }
        .idle()
    }

    /// Of products.
    pub(super) fn times(self, other: Bounds) -> Option<Bounds> {
        let floor = self.floor + other.floor;
        Bounds {
            // Exact as a product of multiples, and otherwise as any f32 of this magnitude.
            grain: (self.grain + other.grain).max(floor - DIGITS),
            floor,
            top: self.top + other.top,
        }
        .idle()
    }

    /// Of quotients whose divisor is not zero.
    fn over(self, divisor: Bounds) -> Option<Bounds> {
        let floor = self.floor - divisor.top;
        Bounds {
            grain: floor - DIGITS,
            floor,
            top: self.top - divisor.floor,
        }
        .idle()
    }
}

/// The bounds of what a formula makes of arguments, whose bounds are `of` their numbers, if its
/// guards are idle.
#[rustfmt::skip]
pub(super) fn follow(
    formula: Formula,
    of: impl Fn(usize) -> Option<Bounds>,
) -> Option<Bounds> {
    match formula {
        Formula::Add | Formula::Raise | Formula::Sub | Formula::Shift => of(0)?.plus(of(1)?),
        Formula::TrimDelta | Formula::TrimDeltaAbove | Formula::DropoutDelta => {
            of(0)?.plus(of(1)?)
        }
        Formula::Mul | Formula::Scale => of(0)?.times(of(1)?),
        Formula::Axpy | Formula::AxpyEach | Formula::Accumulate | Formula::ShiftScaled => {
            of(0)?.plus(of(1)?.times(of(2)?)?)
        }
        Formula::AddDifference | Formula::ShiftDifference => {
            of(0)?.plus(of(1)?.plus(of(2)?)?.times(of(3)?)?)
        }
        Formula::LerpNear => lerp_near(of(0)?, of(1)?, of(2)?),
        Formula::LerpFar => lerp_far(of(0)?, of(1)?, of(2)?),
        Formula::LerpNearNear => lerp_near(lerp_near(of(0)?, of(1)?, of(2)?)?, of(3)?, of(4)?),
        Formula::LerpNearFar => lerp_far(lerp_near(of(0)?, of(1)?, of(2)?)?, of(3)?, of(4)?),
        Formula::LerpFarNear => lerp_near(lerp_far(of(0)?, of(1)?, of(2)?)?, of(3)?, of(4)?),
        Formula::LerpFarFar => lerp_far(lerp_far(of(0)?, of(1)?, of(2)?)?, of(3)?, of(4)?),
        Formula::ScaleDifference => of(0)?.plus(of(1)?)?.times(of(2)?),
        Formula::ShiftFromScaled => {
            of(0)?.times(of(1)?)?.plus(of(2)?.plus(of(3)?)?.times(of(4)?)?)
        }
        Formula::Blend => of(0)?.times(of(2)?)?.plus(of(1)?.times(of(3)?)?),
        Formula::ConsensusOfTwo => {
            let total = of(2)?.or(of(3)?).or(of(2)?.plus(of(3)?)?);
            of(0)?.plus(of(1)?)?.over(total.or(ONE))
        }
        Formula::EvenConsensus => of(0)?.plus(of(1)?)?.times(of(2)?.or(of(3)?)),
        Formula::Magnitude | Formula::Trim | Formula::TrimAbove | Formula::Dropout => of(0),
        Formula::Agree | Formula::KeepAgreeing | Formula::ElectedEntry => of(0),
        Formula::Gather => of(0)?.plus(of(1)?),
        Formula::Signs | Formula::Presence => Some(COUNTS),
        Formula::Choose | Formula::ChooseEach => Some(of(0)?.or(of(1)?)),
        _ => None,
    }
}

/// Of a + (b - a) w.
fn lerp_near(a: Bounds, b: Bounds, w: Bounds) -> Option<Bounds> {
    a.plus(b.plus(a)?.times(w)?)
}

/// Of b + (b - a) w.
fn lerp_far(a: Bounds, b: Bounds, w: Bounds) -> Option<Bounds> {
    b.plus(b.plus(a)?.times(w)?)
}

const ONE: Bounds = Bounds {
    grain: 0,
    floor: 0,
    top: 0,
};

/// Of two conditions in one number.
const COUNTS: Bounds = Bounds {
    grain: 0,
    floor: 0,
    top: 12,
};

/// The exponent of an f32 that is neither zero nor below the normal numbers.
fn exponent(magnitude: u32) -> i16 {
    // Eight bits.
    (magnitude >> DIGITS) as i16 - 127
}
