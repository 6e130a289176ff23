// Masks: numbers per element that say how much of something is wanted there (sd-mecha).

// x / y, where 0 / 0 is 0. The division is by 1 there.
fn ratio_or_zero(x: f32, y: f32) -> f32 {
    let undefined = is_zero(bits(y)) && is_zero(bits(x));
    return rz(quotient(x, float(select(bits(y), 0x3f800000, undefined))));
}

// The share of |x| in |x| + |y|; 0 where both are 0.
fn share(x: f32, y: f32) -> f32 {
    return ratio_or_zero(magnitude(x), add(magnitude(x), magnitude(y)));
}

// x y / max(|x|, |y|)^2 where it is positive, else 0: 1 for equals, 0 for opposites.
fn accord(x: f32, y: f32) -> f32 {
    let larger = greatest(magnitude(x), magnitude(y));
    let value = ratio_or_zero(mul(x, y), mul(larger, larger));
    return float(select(bits(value), 0, (bits(value) >> 31) == 1));
}
