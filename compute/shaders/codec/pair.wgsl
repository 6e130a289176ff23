// What two values are to each other: a set of marks.

const ALIKE: u32 = 0;
// The first is infinite or NaN, or the second. Then there are no other marks.
const FIRST_FLAW: u32 = 1;
const SECOND_FLAW: u32 = 2;
// They have the same sign, or opposite ones. Zero has none.
const SAME_SIGN: u32 = 4;
const OPPOSITE_SIGN: u32 = 8;
// They are different numbers.
const DIFFERENT: u32 = 16;

fn pair_marks(x: u32, y: u32) -> u32 {
    let first = select(ALIKE, FIRST_FLAW, is_non_finite(x));
    let second = select(ALIKE, SECOND_FLAW, is_non_finite(y));
    let signs = select(SAME_SIGN, OPPOSITE_SIGN, (x >> 31) != (y >> 31));
    let signed = select(signs, ALIKE, is_zero(x) || is_zero(y));
    let differs = select(ALIKE, DIFFERENT, x != y && !(is_zero(x) && is_zero(y)));
    return select(first | second, signed | differs, (first | second) == 0);
}
