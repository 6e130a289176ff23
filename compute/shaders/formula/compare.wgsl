// Two values compared, element by element. Two conditions in one number are 1 for the first and
// 2048 for the second, more than a tile has elements: sums of a tile hold the counts of both.

// x, or 0 where x or y is infinite or NaN.
fn sound(x: f32, y: f32) -> f32 {
    return float(select(bits(x), 0, is_non_finite(bits(x)) || is_non_finite(bits(y))));
}

fn two_conditions(first: bool, second: bool) -> f32 {
    let none: u32 = 0;
    // 1, 2048, 2049
    let one = select(none, 0x3f800000, first);
    let other = select(one, 0x45000000, second);
    return float(select(other, 0x45001000, first && second));
}

// Where x and y have the same sign, and where they have opposite signs. Zero has none, nor has what
// is no number.
fn signs(x: f32, y: f32) -> f32 {
    let marks = pair_marks(bits(x), bits(y));
    return two_conditions((marks & SAME_SIGN) > 0, (marks & OPPOSITE_SIGN) > 0);
}

// Where x is not zero, and where y is not.
fn presence(x: f32, y: f32) -> f32 {
    return two_conditions(!is_zero(bits(x)), !is_zero(bits(y)));
}
