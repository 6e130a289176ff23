// Random numbers of the normal distribution.

// x + w z, z by Box and Muller's transform of two random words: the root of -2 ln u times the
// cosine of 2 pi v, of 2^23 numbers u above 0 up to 1 and v from 0 on below 1.
fn add_normal(x: f32, first: u32, second: u32, w: f32) -> f32 {
    let one = float(0x3f800000);
    let two = float(0x40000000);
    let half = float(0x3f000000);
    let u = rz_sum(two - float((first >> 9) | 0x3f800000));
    let v = rz_sum(float((second >> 9) | 0x3f800000) - one);
    // -2 ln 2 times the logarithm to base 2.
    let square = rz_sum(logarithm(u).x * float(0xbfb17218));
    let root = exponential(power_logarithm(square, half));
    let length = rz_sum(root * power_edge(square, half));
    return axpy(x, rz_sum(length * cosine_of_turns(rz_sum(v * two))), w);
}
