// The correctly rounded square root of an f32, in integers.
//
// WGSL gives its square root an error of up to five units in the last place, so the hardware's
// answer is only a first guess: the exact remainder r = m - q q corrects it.

// 1 where q - k is still too large.
fn root_above(r: u32, q: u32, k: u32) -> u32 {
    return wrapping_sub(wrapping_add(r, 2 * k * q), k * k) >> 31;
}

// 1 where q + k is not too large.
fn root_below(r: u32, q: u32, k: u32) -> u32 {
    return u32(r >= k * (2 * q + k));
}

fn root_bits(x: u32, guess: u32) -> u32 {
    // x is m 2^(2 h) with m in [1, 4); m has 23 bits behind the point, and its root q is a
    // mantissa of 24 bits. m 2^23 and q q are of 47 or 48 bits; their difference fits 32.
    let odd = 1 - ((x >> 23) & 1);
    let m = ((x & 0x7fffff) | 0x800000) << odd;
    let exponent = (((x >> 23) & 255) + 127 - odd) >> 1;
    let q0 = (min(max(guess, 0x3f800000), 0x3fffffff) & 0x7fffff) | 0x800000;
    let r0 = wrapping_sub(m << 23, wrapping_mul(q0, q0));
    let over = root_above(r0, q0, 0) + root_above(r0, q0, 1) + root_above(r0, q0, 2)
        + root_above(r0, q0, 3) + root_above(r0, q0, 4) + root_above(r0, q0, 5);
    let q1 = q0 - over;
    let r1 = wrapping_sub(wrapping_add(r0, 2 * over * q0), over * over);
    let under = root_below(r1, q1, 1) + root_below(r1, q1, 2) + root_below(r1, q1, 3)
        + root_below(r1, q1, 4) + root_below(r1, q1, 5) + root_below(r1, q1, 6);
    let q = q1 + under;
    let r = wrapping_sub(r1, under * (2 * q1 + under));
    // No root lies in the middle of two numbers: (q + 1/2)^2 is q q + q + 1/4.
    let rounded = q + u32(r > q);
    let finite = wrapping_add(exponent << 23, wrapping_sub(rounded, 0x800000));
    let whole = select(finite, x, is_zero(x) || x == 0x7f800000);
    let negative = (x >> 31) == 1 && !is_zero(x);
    return select(whole, 0x7fc00000, negative || is_nan(x));
}
