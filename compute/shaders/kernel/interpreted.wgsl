// What `prelude` and the guard are where the shared files are interpreted on the host: sums,
// products, quotients and roots are correctly rounded there.

fn bits(x: f32) -> u32 {
    return bitcast<u32>(x);
}

fn float(x: u32) -> f32 {
    return bitcast<f32>(x);
}

fn wrapping_add(a: u32, b: u32) -> u32 {
    return a + b;
}

fn wrapping_sub(a: u32, b: u32) -> u32 {
    return a - b;
}

fn wrapping_mul(a: u32, b: u32) -> u32 {
    return a * b;
}

fn quotient(a: f32, b: f32) -> f32 {
    return a / b;
}

fn root(x: f32) -> f32 {
    return sqrt(x);
}

fn rz(x: f32) -> f32 {
    return float(round_working(bits(x)));
}

fn rz_sum(x: f32) -> f32 {
    return float(settle(bits(x)));
}
