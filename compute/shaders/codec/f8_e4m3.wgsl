// OCP float8 e4m3fn: 4 exponent bits, 3 mantissa bits, bias 7, no infinity, one NaN magnitude.

const F8_E4M3_LIMIT: u32 = 0x43e80000;

fn f8_e4m3_decode(h: u32) -> u32 {
    let s = (h & 0x80) << 24;
    let magnitude = widen((h >> 3) & 15, h & 7, 3, 7);
    return s | select(magnitude, 0x7fc00000, (h & 0x7f) == 0x7f);
}

// Round to nearest even; what rounds beyond 448, infinities and NaN become NaN (torch, ml_dtypes).
fn f8_e4m3_encode(x: u32) -> u32 {
    let s = (x >> 24) & 0x80;
    let a = x & 0x7fffffff;
    let finite = s | select(narrow(a, 3, 7), 0x7f, a > F8_E4M3_LIMIT);
    return select(finite, 0x7f, a > 0x7f800000);
}
