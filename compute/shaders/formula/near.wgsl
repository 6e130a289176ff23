// What methods of mergekit decide for each element by itself.

// t / max(|d|, least_d), at most 1; 0 for a t below 0. No quotient here is larger than 1.
fn near_weight(d: f32, t: f32, least_d: f32) -> f32 {
    let near = greatest(t, float(0));
    let most = greatest(greatest(magnitude(d), least_d), near);
    return mean(near, most);
}

// Keeps x with a probability: where the number in [0, 1) that the word's upper bits make is below
// it. The difference is exact, and not rounded to the working dtype.
fn keep_chance(x: f32, word: u32, probability: f32) -> f32 {
    let uniform = rz_sum(float((word >> 9) | 0x3f800000) - float(0x3f800000));
    return keep_below(x, uniform, probability);
}
