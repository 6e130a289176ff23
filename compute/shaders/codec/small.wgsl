// The two halves of every codec narrower than f32: M stored mantissa bits, exponent bias B.

// Rounds a finite f32 magnitude (bits, below the format's overflow) to nearest even.
fn narrow(a: u32, m_bits: u32, bias: u32) -> u32 {
    let one: u32 = 1;
    let shift = 23 - m_bits;
    let rebased = wrapping_sub(a, (127 - bias) << 23);
    let odd = (rebased >> shift) & 1;
    let normal = wrapping_add(rebased, ((one << (shift - 1)) - 1) + odd) >> shift;
    // Below the smallest normal number the mantissa shifts out by one more bit per exponent.
    // (Where `a` is a normal number the difference may be anything; what follows is not taken.)
    let drop = min(max(wrapping_sub(151 - bias - m_bits, a >> 23), 1), 25);
    let whole = (a & 0x7fffff) | 0x800000;
    let tie = (whole >> drop) & 1;
    let denormal = (whole + ((one << (drop - 1)) - 1) + tie) >> drop;
    return select(denormal, normal, a >= ((128 - bias) << 23));
}

// The f32 bits of a finite magnitude with exponent field `e` and mantissa field `m`.
fn widen(e: u32, m: u32, m_bits: u32, bias: u32) -> u32 {
    let normal = ((e + 127 - bias) << 23) | (m << (23 - m_bits));
    // A denormal is an integer times a power of two: the conversion is exact.
    let denormal = select(wrapping_sub(bits(f32(m)), (bias + m_bits - 1) << 23), 0, m == 0);
    return select(normal, denormal, e == 0);
}
