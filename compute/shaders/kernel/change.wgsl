// What a stored result changes: five values that are summed over a tile. The squares of the meant
// change and of the stored one, their product, and counts, two in one number: a tile has fewer than
// 2048 elements.

fn told(x: f32) -> f32 {
    return float(change_told(bits(x)));
}

fn change(result: f32, stored: u32, base: f32) -> array<f32, 5> {
    let counts = change_counts(bits(result), stored, bits(base));
    let meant = select(0.0, told(rz_sum(result - base)), counts);
    let kept = select(0.0, told(rz_sum(float(stored) - base)), counts);
    let marks = change_marks(bits(result), stored, bits(base), LIMIT);
    return array<f32, 5>(
        rz_sum(meant * meant),
        rz_sum(kept * kept),
        rz_sum(meant * kept),
        f32((marks & 1u) | ((marks & 2u) << 10u)),
        f32(((marks & 4u) >> 2u) | ((marks & 8u) << 8u)),
    );
}
