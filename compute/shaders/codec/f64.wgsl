// IEEE binary64 as two words, low word first: arithmetic is in f32, so a load rounds once.

// A stored value is an f32.
const F64_LIMIT: u32 = 0x7f7fffff;

// Round to nearest even; what is below the normal f32 range becomes zero; NaN becomes 0x7fc00000.
fn f64_decode(lo: u32, hi: u32) -> u32 {
    let s = hi & 0x80000000;
    let e = (hi >> 20) & 0x7ff;
    let m = ((hi & 0xfffff) << 3) | (lo >> 29);
    let rest = lo & 0x1fffffff;
    let up = (rest > 0x10000000) || ((rest == 0x10000000) && ((m & 1) == 1));
    let rounded = wrapping_add((wrapping_sub(e, 896) << 23) | m, u32(up));
    let nan = (e == 0x7ff) && (((hi & 0xfffff) | lo) != 0);
    let infinity: u32 = 0x7f800000;
    let large = select(infinity, 0x7fc00000, nan);
    let finite = select(rounded, 0, e < 897);
    return select(s | select(finite, large, e > 1150), 0x7fc00000, nan);
}

// Whether a finite number rounds to an f32 infinity.
fn f64_is_beyond(lo: u32, hi: u32) -> bool {
    return (((hi >> 20) & 0x7ff) != 0x7ff) && is_non_finite(f64_decode(lo, hi));
}

// The high word of a settled f32.
fn f64_encode_hi(x: u32) -> u32 {
    let s = x & 0x80000000;
    let e = (x >> 23) & 255;
    let normal = ((e + 896) << 20) | ((x & 0x7fffff) >> 3);
    let infinity: u32 = 0x7ff00000;
    let special = select(infinity, 0x7ff80000, (x & 0x7fffff) != 0);
    let magnitude = select(select(normal, 0, e == 0), special, e == 255);
    return select(s | magnitude, 0x7ff80000, is_nan(x));
}

// The low word of a settled f32.
fn f64_encode_lo(x: u32) -> u32 {
    let e = (x >> 23) & 255;
    return select((x & 7) << 29, 0, (e == 0) || (e == 255));
}
