// The correctly rounded quotient of two f32, in integers.
//
// WGSL allows a division 2.5 ulp of error, so the hardware's answer is only a first guess: the
// exact remainder corrects it. Results below the normal range are zero, as `settle` would make
// them.

fn divide_bits(a: u32, b: u32, guess: u32) -> u32 {
    let s = (a ^ b) & 0x80000000;
    let mb = (b & 0x7fffff) | 0x800000;
    let ma = divide_numerator(a, b);
    let short = u32(((a & 0x7fffff) | 0x800000) < mb);
    let exponent = ((a >> 23) & 255) + 639 - ((b >> 23) & 255) - short;
    // q is the 24-bit quotient, r the remainder of ma * 2^23; r is small, so 32 bits hold it.
    let q0 = (min(max(guess, 0x3f800000), 0x3fffffff) & 0x7fffff) | 0x800000;
    let r0 = wrapping_sub(ma << 23, wrapping_mul(q0, mb));
    let d1 = r0 >> 31;
    let r1 = wrapping_add(r0, d1 * mb);
    let d2 = r1 >> 31;
    let r2 = wrapping_add(r1, d2 * mb);
    let d3 = r2 >> 31;
    let r3 = wrapping_add(r2, d3 * mb);
    let d4 = r3 >> 31;
    let r4 = wrapping_add(r3, d4 * mb);
    let u1 = u32(r4 >= mb);
    let r5 = r4 - u1 * mb;
    let u2 = u32(r5 >= mb);
    let r6 = r5 - u2 * mb;
    let u3 = u32(r6 >= mb);
    let r7 = r6 - u3 * mb;
    let u4 = u32(r7 >= mb);
    let r8 = r7 - u4 * mb;
    let q = wrapping_sub(wrapping_add(q0, u1 + u2 + u3 + u4), d1 + d2 + d3 + d4);
    let twice = r8 << 1;
    let up = (twice > mb) || ((twice == mb) && ((q & 1) == 1));
    let rounded = wrapping_add(
        wrapping_sub(exponent, 512) << 23,
        wrapping_add(wrapping_sub(q, 0x800000), u32(up)),
    );
    let in_range = select(rounded, 0x7f800000, exponent >= 767);
    return divide_special(a, b, s | select(in_range, 0, exponent <= 512));
}

// The numerator's mantissa, doubled where that brings the quotient into [1, 2).
fn divide_numerator(a: u32, b: u32) -> u32 {
    let ma = (a & 0x7fffff) | 0x800000;
    let mb = (b & 0x7fffff) | 0x800000;
    return ma << u32(ma < mb);
}

// Zeros, infinities and NaN, by IEEE 754.
fn divide_special(a: u32, b: u32, finite: u32) -> u32 {
    let s = (a ^ b) & 0x80000000;
    let large_a = is_non_finite(a);
    let large_b = is_non_finite(b);
    let small = select(finite, s, is_zero(a) || large_b);
    let large = select(small, s | 0x7f800000, large_a || is_zero(b));
    let undefined = (is_zero(a) && is_zero(b)) || (large_a && large_b);
    return select(large, 0x7fc00000, undefined || is_nan(a) || is_nan(b));
}
