// Facts about the bits of an f32, shared by every codec, guard and formula.

// The largest finite magnitude. In the files of the narrower types, the largest magnitude that
// rounds to a finite number of theirs.
const F32_LIMIT: u32 = 0x7f7fffff;

// Whether the bits are those of a NaN.
fn is_nan(x: u32) -> bool {
    return (x & 0x7fffffff) > 0x7f800000;
}

// Whether the bits are those of an infinity or a NaN.
fn is_non_finite(x: u32) -> bool {
    return (x & 0x7f800000) == 0x7f800000;
}

// Whether the bits are those of +0 or -0.
fn is_zero(x: u32) -> bool {
    return (x & 0x7fffffff) == 0;
}

// The form every f32 result takes: magnitudes up to and including 2^-126 become a zero of the same
// sign, every NaN becomes 0x7fc00000. 2^-126 itself is flushed because hardware differs in whether
// a result that rounds up to it counts as tiny.
fn settle(x: u32) -> u32 {
    let magnitude = x & 0x7fffffff;
    let flushed = select(x, x & 0x80000000, magnitude <= 0x00800000);
    return select(flushed, 0x7fc00000, magnitude > 0x7f800000);
}
