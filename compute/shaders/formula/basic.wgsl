// The operations that formulas of method files are made of, beside sums and products. Conditions
// are 1 and 0.

fn divide(a: f32, b: f32) -> f32 {
    return rz(quotient(a, b));
}

fn square_root(x: f32) -> f32 {
    return rz(root(x));
}

fn opposite(x: f32) -> f32 {
    return float(bits(x) ^ 0x80000000);
}

fn condition(holds: bool) -> f32 {
    let none: u32 = 0;
    return float(select(none, 0x3f800000, holds));
}

// Whether neither is NaN.
fn comparable(a: u32, b: u32) -> bool {
    return !is_nan(a) && !is_nan(b);
}

fn is_below(a: f32, b: f32) -> f32 {
    let apart = below(a, b) && !(is_zero(bits(a)) && is_zero(bits(b)));
    return condition(apart && comparable(bits(a), bits(b)));
}

fn is_same(a: f32, b: f32) -> f32 {
    let same = bits(a) == bits(b) || (is_zero(bits(a)) && is_zero(bits(b)));
    return condition(same && comparable(bits(a), bits(b)));
}

// Zero with the sign of x.
fn zero_like(x: f32) -> u32 {
    return bits(x) & 0x80000000;
}

// x without what lies behind the point; a zero keeps its sign.
fn whole_part(x: f32) -> f32 {
    let exponent = (bits(x) >> 23) & 255;
    let fraction = 150 - min(max(exponent, 127), 150);
    let cut = (bits(x) >> fraction) << fraction;
    return float(select(cut, zero_like(x), exponent < 127));
}

// The largest whole number not above x.
fn round_down(x: f32) -> f32 {
    let whole = whole_part(x);
    let one = float(0x3f800000);
    let lower = rz_sum(whole - one);
    let beyond = (bits(x) >> 31) == 1 && bits(whole) != bits(x);
    return rz(float(select(bits(whole), bits(lower), beyond)));
}

// The smallest whole number not below x.
fn round_up(x: f32) -> f32 {
    return opposite(round_down(opposite(x)));
}

// The whole number nearest to x, the even one of two.
fn round_even(x: f32) -> f32 {
    let magnitude = bits(x) & 0x7fffffff;
    // From 2^23 on numbers are whole; below, adding 2^23 rounds behind the point.
    let large = float(0x4b000000);
    let moved = rz_sum(rz_sum(float(magnitude) + large) - large);
    let rounded = bits(moved) | zero_like(x);
    return rz(float(select(rounded, bits(x), magnitude >= 0x4b000000)));
}

// A random word as a number from 0 on, below 1: its upper 24 bits. What a narrow type rounds up to
// 1 becomes 255/256, which all types hold.
fn uniform_of(word: u32) -> f32 {
    let rounded = rz(f32(word >> 8) * float(0x33800000));
    let most: u32 = 0x3f7f0000;
    return float(select(bits(rounded), most, bits(rounded) >= 0x3f800000));
}
