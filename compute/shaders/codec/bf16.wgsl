// bfloat16: the upper half of an f32.

const BF16_LIMIT: u32 = 0x7f7f7fff;

fn bf16_decode(h: u32) -> u32 {
    return h << 16;
}

// Round to nearest even; NaN becomes 0x7fc0.
fn bf16_encode(x: u32) -> u32 {
    let rounded = wrapping_add(x, 0x7fff + ((x >> 16) & 1)) >> 16;
    return select(rounded, 0x7fc0, is_nan(x));
}
