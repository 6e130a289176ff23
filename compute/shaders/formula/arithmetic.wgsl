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

// acc + x w, rounded to the working dtype once; from the element `vectors` on the product is too.
// Where the type is narrow the product is exact as f32.
fn accumulate(acc: f32, x: f32, w: f32, index: u32, vectors: u32) -> f32 {
    let product = rz_sum(x * w);
    let rounded = rz(product);
    return rz(acc + float(select(bits(rounded), bits(product), index < vectors)));
}

// acc + (y - x) w
fn add_difference(acc: f32, y: f32, x: f32, w: f32) -> f32 {
    return axpy(acc, sub(y, x), w);
}

// a + (b - a) w
fn lerp_near(a: f32, b: f32, w: f32) -> f32 {
    return add_difference(a, b, a, w);
}

// b + (b - a) w
fn lerp_far(a: f32, b: f32, w: f32) -> f32 {
    return add_difference(b, b, a, w);
}

// Two of them, the second with c and u.
fn lerp_near_near(a: f32, b: f32, w: f32, c: f32, u: f32) -> f32 {
    return lerp_near(lerp_near(a, b, w), c, u);
}

fn lerp_near_far(a: f32, b: f32, w: f32, c: f32, u: f32) -> f32 {
    return lerp_far(lerp_near(a, b, w), c, u);
}

fn lerp_far_near(a: f32, b: f32, w: f32, c: f32, u: f32) -> f32 {
    return lerp_near(lerp_far(a, b, w), c, u);
}

fn lerp_far_far(a: f32, b: f32, w: f32, c: f32, u: f32) -> f32 {
    return lerp_far(lerp_far(a, b, w), c, u);
}

// (y - x) w
fn scale_difference(y: f32, x: f32, w: f32) -> f32 {
    return mul(sub(y, x), w);
}

// acc + d; where d is zero acc itself, so that -0 stays -0.
fn shift(acc: f32, d: f32) -> f32 {
    return float(select(bits(rz(acc + d)), bits(acc), is_zero(bits(d))));
}

// acc shifted by x w
fn shift_scaled(acc: f32, x: f32, w: f32) -> f32 {
    return shift(acc, mul(x, w));
}

// acc shifted by (y - x) w
fn shift_difference(acc: f32, y: f32, x: f32, w: f32) -> f32 {
    return shift(acc, scale_difference(y, x, w));
}

// acc s shifted by (y - x) w
fn shift_from_scaled(acc: f32, s: f32, y: f32, x: f32, w: f32) -> f32 {
    return shift_difference(mul(acc, s), y, x, w);
}

// a u + b v: a weighted sum of two in one step.
fn blend(a: f32, b: f32, u: f32, v: f32) -> f32 {
    return rz(rz(a * u) + rz(b * v));
}

// |x|
fn magnitude(x: f32) -> f32 {
    return float(bits(x) & 0x7fffffff);
}

// a + t (b - a), from the nearer end: exact at both.
fn lerp(a: f32, b: f32, t: f32) -> f32 {
    let d = sub(b, a);
    let from_a = axpy(a, d, t);
    let from_b = sub(b, mul(d, sub(float(0x3f800000), t)));
    let near_a = (bits(t) & 0x7fffffff) < 0x3f000000;
    return float(select(bits(from_b), bits(from_a), near_a));
}
