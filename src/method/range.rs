//! The numbers that parameters accept.

use crate::kernel::Compute;

/// The numbers between two ends.
#[derive(Debug, PartialEq)]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// Whether the lower end is one of them.
    pub includes_low: bool,
    /// Whether the upper end is one of them.
    pub includes_high: bool,
    /// The numbers in words.
    pub text: &'static str,
}

impl Interval {
    /// Whether it has a number.
    fn contains(&self, value: f64) -> bool {
        let above = value > self.low || (self.includes_low && value == self.low);
        let below = value < self.high || (self.includes_high && value == self.high);
        value.is_finite() && above && below
    }
}

/// The numbers a parameter accepts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Range {
    /// Every finite number.
    Finite,
    /// From 0 to 1, both included.
    Unit,
    /// Above 0, up to 1.
    Share,
    /// From 0 on, below 1.
    BelowOne,
    /// 0 and above.
    NotNegative,
    /// Above 0.
    Positive,
    /// Every whole number that f64 holds exactly.
    Whole,
    /// Every whole number above 0.
    Count,
    /// Whole numbers from 0 to 1000.
    Steps,
    /// Every whole number that is not even.
    Odd,
    /// Those between two ends.
    Within(&'static Interval),
}

/// The largest whole number up to which f64 has all of them.
const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;

/// Steps of an iteration over a whole tensor at most: each takes seconds.
const STEPS_MAX: f64 = 1000.0;

impl Range {
    /// Whether the number is in the range.
    pub fn contains(self, value: f64) -> bool {
        match self {
            Range::Finite => value.is_finite(),
            Range::Unit => (0.0..=1.0).contains(&value),
            Range::Share => value > 0.0 && value <= 1.0,
            Range::BelowOne => (0.0..1.0).contains(&value),
            Range::NotNegative => value >= 0.0 && value.is_finite(),
            Range::Positive => value > 0.0 && value.is_finite(),
            Range::Whole => value.fract() == 0.0 && value.abs() <= WHOLE_MAX,
            Range::Count => Range::Whole.contains(value) && value >= 1.0,
            Range::Steps => value.fract() == 0.0 && (0.0..=STEPS_MAX).contains(&value),
            Range::Odd => value.abs() <= WHOLE_MAX && (value % 2.0).abs() == 1.0,
            Range::Within(interval) => interval.contains(value),
        }
    }

    /// What is wrong with a number: it is not in the range, or no longer once it is rounded to the
    /// f32 that merges compute in.
    pub(super) fn fault(self, value: f64) -> Option<String> {
        if !self.contains(value) {
            return Some(self.describe().to_owned());
        }
        let rounded = f32::from_bits(Compute::F32.scalar(value));
        if rounded.is_infinite() {
            return Some(format!(
                "at most {:e} in size, as f32 holds no more",
                f32::MAX
            ));
        }
        let positive = match self {
            Range::Share | Range::Positive => true,
            Range::Within(interval) => !interval.contains(0.0) && value > 0.0,
            _ => false,
        };
        let vanishes = rounded == 0.0 && positive;
        vanishes.then(|| {
            let least = f32::MIN_POSITIVE.next_up();
            format!("at least {least:e}, as smaller numbers are zero here")
        })
    }

    /// The range in words.
    pub fn describe(self) -> &'static str {
        match self {
            Range::Finite => "a finite number",
            Range::Unit => "in [0, 1]",
            Range::Share => "in (0, 1]",
            Range::BelowOne => "in [0, 1)",
            Range::NotNegative => "a number from 0 on",
            Range::Positive => "a number above 0",
            Range::Whole => "a whole number",
            Range::Count => "a whole number from 1 on",
            Range::Steps => "a whole number from 0 to 1000",
            Range::Odd => "an odd whole number",
            Range::Within(interval) => interval.text,
        }
    }
}
