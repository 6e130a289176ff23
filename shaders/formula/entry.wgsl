// How a decoded value enters the arithmetic.

// x settled and rounded to the working dtype.
fn enter(x: f32) -> f32 {
    return rz(x);
}

// x, or y where x is infinite or NaN.
fn finite_or(x: f32, y: f32) -> f32 {
    return float(select(bits(x), bits(y), is_non_finite(bits(x))));
}
