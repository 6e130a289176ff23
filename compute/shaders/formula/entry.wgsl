// How a decoded value enters the arithmetic.

// x settled and rounded to the working dtype.
fn enter(x: f32) -> f32 {
    return rz(x);
}

// x, or y where x is infinite or NaN.
fn finite_or(x: f32, y: f32) -> f32 {
    return float(select(bits(x), bits(y), is_non_finite(bits(x))));
}

// The same number for every element.
fn fill(w: f32) -> f32 {
    return rz(w);
}

// 1 where x is infinite or NaN, else 0.
fn flaw(x: f32) -> f32 {
    let one: u32 = 0x3f800000;
    return float(select(0, one, is_non_finite(bits(x))));
}

// x if the choice is not zero, else y.
fn choose(x: f32, y: f32, choice: f32) -> f32 {
    return float(select(bits(x), bits(y), is_zero(bits(choice))));
}
