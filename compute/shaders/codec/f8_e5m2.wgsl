// OCP float8 e5m2: 5 exponent bits, 2 mantissa bits, bias 15, infinities and NaN as in IEEE.

const F8_E5M2_LIMIT: u32 = 0x476fffff;

fn f8_e5m2_decode(h: u32) -> u32 {
    let s = (h & 0x80) << 24;
    let e = (h >> 2) & 31;
    let m = h & 3;
    let special = select(0x7fc00000 | (m << 21), 0x7f800000, m == 0);
    return s | select(widen(e, m, 2, 15), special, e == 31);
}

// Round to nearest even; overflow to infinity; NaN becomes 0x7f.
fn f8_e5m2_encode(x: u32) -> u32 {
    let s = (x >> 24) & 0x80;
    let a = x & 0x7fffffff;
    let finite = s | select(narrow(a, 2, 15), 0x7c, a > F8_E5M2_LIMIT);
    return select(finite, 0x7f, a > 0x7f800000);
}
