// One rounding per operation: every sum and product passes the guard `rz`.

fn add(a: f32, b: f32) -> f32 {
    return rz(a + b);
}

fn sub(a: f32, b: f32) -> f32 {
    return rz(a - b);
}

fn mul(a: f32, b: f32) -> f32 {
    return rz(a * b);
}

// acc + x w
fn axpy(acc: f32, x: f32, w: f32) -> f32 {
    return rz(acc + rz(x * w));
}

// a u + b v: a weighted sum of two in one step.
fn blend(a: f32, b: f32, u: f32, v: f32) -> f32 {
    return rz(rz(a * u) + rz(b * v));
}

// |x|
fn magnitude(x: f32) -> f32 {
    return float(bits(x) & 0x7fffffff);
}
