//! Ratios that may have nothing below the line.

/// a / b; None where it is no number.
pub(super) fn ratio(a: f64, b: f64) -> Option<f64> {
    Some(a / b).filter(|ratio| ratio.is_finite())
}

/// The square root of a sum of squares.
pub(super) fn root(squares: f64) -> f64 {
    squares.max(0.0).sqrt()
}
