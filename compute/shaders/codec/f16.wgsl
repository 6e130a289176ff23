// IEEE binary16: 5 exponent bits, 10 mantissa bits, bias 15.

const F16_LIMIT: u32 = 0x477fefff;

fn f16_decode(h: u32) -> u32 {
    let s = (h & 0x8000) << 16;
    let e = (h >> 10) & 31;
    let m = h & 1023;
    let special = select(0x7fc00000 | (m << 13), 0x7f800000, m == 0);
    return s | select(widen(e, m, 10, 15), special, e == 31);
}

// Round to nearest even; overflow to infinity; NaN becomes 0x7e00.
fn f16_encode(x: u32) -> u32 {
    let s = (x >> 16) & 0x8000;
    let a = x & 0x7fffffff;
    let finite = s | select(narrow(a, 10, 15), 0x7c00, a > F16_LIMIT);
    return select(finite, 0x7e00, a > 0x7f800000);
}
