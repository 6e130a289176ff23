// The order of numbers, on their bits: the same on every device. -0 is below +0.

fn ordered(b: u32) -> u32 {
    return select(b | 0x80000000, b ^ 0xffffffff, (b >> 31) == 1);
}

fn below(a: f32, b: f32) -> bool {
    return ordered(bits(a)) < ordered(bits(b));
}

// NaN is above all numbers: `greatest` keeps it by itself.
fn least(a: f32, b: f32) -> f32 {
    let lower = float(select(bits(a), bits(b), below(b, a)));
    return float(select(bits(lower), 0x7fc00000, is_nan(bits(a)) || is_nan(bits(b))));
}

fn greatest(a: f32, b: f32) -> f32 {
    return float(select(bits(a), bits(b), below(a, b)));
}

// The smaller of acc and x, if x is not below the floor; else acc.
fn least_from(acc: f32, x: f32, floor_x: f32) -> f32 {
    return float(select(bits(least(acc, x)), bits(acc), below(x, floor_x)));
}

// The larger of acc and x, if x is not above the ceiling; else acc.
fn greatest_to(acc: f32, x: f32, ceiling: f32) -> f32 {
    return float(select(bits(greatest(acc, x)), bits(acc), below(ceiling, x)));
}

// x, cut to [0, 1].
fn unit(x: f32) -> f32 {
    return greatest(least(x, float(0x3f800000)), float(0));
}
