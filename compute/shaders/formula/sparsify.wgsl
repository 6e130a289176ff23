// What a task vector loses before it is merged: small entries (TIES) or random ones (DARE).

// Keeps x where its magnitude bits are above the threshold; entries at the threshold are kept up to
// the element index `cutoff`, so that exactly k survive and ties go to the lowest index.
fn trim(x: f32, index: u32, threshold: u32, cutoff: u32) -> f32 {
    let b = bits(x);
    let key = b & 0x7fffffff;
    let keep = (key > threshold) || ((key == threshold) && (index < cutoff));
    return float(select(0, b, keep));
}

// Keeps x where its magnitude bits are above the threshold.
fn trim_above(x: f32, threshold: u32) -> f32 {
    let b = bits(x);
    return float(select(0, b, (b & 0x7fffffff) > (threshold & 0x7fffffff)));
}

// Keeps x where its random word is below the threshold, floor(density 2^32).
fn dropout(x: f32, word: u32, threshold: u32) -> f32 {
    return float(select(0, bits(x), word < threshold));
}

// The trimmed task vector of x.
fn trim_delta(x: f32, base: f32, index: u32, threshold: u32, cutoff: u32) -> f32 {
    return trim(sub(x, base), index, threshold, cutoff);
}

// The task vector of x where its magnitude bits are above the threshold.
fn trim_delta_above(x: f32, base: f32, threshold: u32) -> f32 {
    return trim_above(sub(x, base), threshold);
}

// The task vector of x after a random drop.
fn dropout_delta(x: f32, base: f32, word: u32, threshold: u32) -> f32 {
    return dropout(sub(x, base), word, threshold);
}

// Keeps x where a uniform number is below the probability.
fn keep_below(x: f32, uniform: f32, probability: f32) -> f32 {
    return float(select(0, bits(x), below(uniform, probability)));
}
