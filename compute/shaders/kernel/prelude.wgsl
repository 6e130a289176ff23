// The names that the shared files use and WGSL spells differently; the Rust twin is src/wgsl.rs.

// The bits of an f32.
fn bits(x: f32) -> u32 {
    return bitcast<u32>(x);
}

// The f32 with these bits.
fn float(x: u32) -> f32 {
    return bitcast<f32>(x);
}

// Integer arithmetic of WGSL wraps; the names exist because Rust's does not.
fn wrapping_add(a: u32, b: u32) -> u32 {
    return a + b;
}

fn wrapping_sub(a: u32, b: u32) -> u32 {
    return a - b;
}

fn wrapping_mul(a: u32, b: u32) -> u32 {
    return a * b;
}

// The correctly rounded quotient, settled. The device's division may be off by units in the last
// place; `divide_bits` only takes it as a first guess. Both mantissas are exact as f32, because a
// numerator above 2^24 is a doubled one.
fn quotient(a: f32, b: f32) -> f32 {
    let numerator = f32(divide_numerator(bits(a), bits(b)));
    let denominator = f32((bits(b) & 0x7fffff) | 0x800000);
    return float(settle(divide_bits(bits(a), bits(b), bits(numerator / denominator))));
}

// The correctly rounded square root; the device's is only a first guess. That of the number in
// [1, 4) which has the same mantissa.
fn root(x: f32) -> f32 {
    let odd = 1u - ((bits(x) >> 23u) & 1u);
    let reduced = float((bits(x) & 0x7fffffu) | (0x3f800000u + (odd << 23u)));
    return float(root_bits(bits(x), bits(sqrt(reduced))));
}

// The largest magnitude bits that left the guard in this invocation.
var<private> worst: u32;

// The rounding guard: one rounding to the working dtype after every operation. `params.zero` is
// zero but no compiler knows it, so nothing can be contracted, reassociated or folded across it.
fn rz(x: f32) -> f32 {
    let rounded = round_working(bits(x) ^ params.zero);
    worst = max(worst, rounded & 0x7fffffff);
    return float(rounded);
}

// The guard of reductions, which are in f32 whatever the working dtype.
fn rz_sum(x: f32) -> f32 {
    let rounded = settle(bits(x) ^ params.zero);
    worst = max(worst, rounded & 0x7fffffff);
    return float(rounded);
}

// Tells the host that an infinity or a NaN appeared in a piece, or a result beyond its stored type:
// devices differ in what they make of them, so the host computes the piece again.
fn report_hazard(piece: u32) {
    if (worst >= 0x7f800000) {
        atomicOr(&partials[piece], 1u);
    }
}
