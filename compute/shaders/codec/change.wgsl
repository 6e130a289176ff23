// What became of a result when it was stored: a set of marks.

const UNMARKED: u32 = 0;
// The stored value differs from the base's.
const CHANGED: u32 = 1;
// A result other than zero is stored as zero.
const FLUSHED: u32 = 2;
// The result is a number beyond the largest that its type stores as one.
const BEYOND: u32 = 4;
// What is stored is no number.
const SPECIAL: u32 = 8;

fn change_marks(result: u32, stored: u32, base: u32, limit: u32) -> u32 {
    let size = result & 0x7fffffff;
    let differs = select(UNMARKED, CHANGED, stored != base && !(is_zero(stored) && is_zero(base)));
    let flushed = select(UNMARKED, FLUSHED, is_zero(stored) && !is_zero(result));
    let beyond = select(UNMARKED, BEYOND, size > limit && size < 0x7f800000);
    let special = select(UNMARKED, SPECIAL, is_non_finite(stored));
    return differs | flushed | beyond | special;
}

// Whether a change is a number.
fn change_counts(result: u32, stored: u32, base: u32) -> bool {
    return !(is_non_finite(result) || is_non_finite(stored) || is_non_finite(base));
}

// A change as it counts in sums: below 2^-50 as none. So no product of two is flushed, and no sum
// of products, which are multiples of 2^-123.
fn change_told(x: u32) -> u32 {
    return select(x, x & 0x80000000, (x & 0x7fffffff) < 0x26800000);
}
