// Sign election and disjoint mean of TIES-merging (Yadav et al., arXiv:2306.01708, section 4).

// The vote of an entry by count: 1 with its sign, 0 for a zero.
fn vote(x: f32) -> f32 {
    let b = bits(x);
    return float(select((b & 0x80000000) | 0x3f800000, 0, is_zero(b)));
}

// The sign bit of the elected sum; a sum of zero means +. Less 0x80000001, a number below -0 has no
// upper bit, and every other that is not +0 has it.
fn elected_sign(elected: f32) -> u32 {
    let e = bits(elected);
    return e & (wrapping_sub(e, 0x80000001) ^ 0xffffffff) & 0x80000000;
}

// Whether x is not zero and has the elected sign. With the sign turned it is then positive.
fn agrees(x: f32, elected: f32) -> bool {
    return wrapping_sub(bits(x) ^ elected_sign(elected), 1) < 0x7fffffff;
}

// x where it agrees, else 0.
fn agree(x: f32, elected: f32) -> f32 {
    return float(select(0, bits(x), agrees(x, elected)));
}

// x where the voter agrees, else 0.
fn keep_agreeing(x: f32, voter: f32, elected: f32) -> f32 {
    return float(select(0, bits(x), agrees(voter, elected)));
}

// The weight w where x agrees, else 0.
fn agree_weight(x: f32, elected: f32, w: f32) -> f32 {
    return float(select(0, bits(w), agrees(x, elected)));
}

// acc + (x where it agrees)
fn gather(acc: f32, x: f32, elected: f32) -> f32 {
    return rz(acc + agree(x, elected));
}

// acc + (w where x agrees)
fn gather_weight(acc: f32, x: f32, elected: f32, w: f32) -> f32 {
    return rz(acc + agree_weight(x, elected, w));
}

// mass / total; where nothing agreed the mean is the mass itself, which is then 0. The division is
// by 1 there, for 0 / 0 would be a NaN before it is thrown away.
fn mean(mass: f32, total: f32) -> f32 {
    let divisor = float(select(bits(total), 0x3f800000, is_zero(bits(total))));
    return rz(quotient(mass, divisor));
}

// The disjoint mean of two weighted entries x and y with weights u and v, sign by total.
fn consensus_of_two(x: f32, y: f32, u: f32, v: f32) -> f32 {
    let elected = add(x, y);
    let mass = gather(agree(x, elected), y, elected);
    let total = gather_weight(agree_weight(x, elected, u), y, elected, v);
    return mean(mass, total);
}

// The disjoint mean of two entries of one weight: their sum where both have the sign of the total
// is multiplied by `both`, an entry that has it alone by `alone`.
fn even_consensus(x: f32, y: f32, alone: f32, both: f32) -> f32 {
    let elected = add(x, y);
    let mass = gather(agree(x, elected), y, elected);
    let even = agrees(x, elected) && agrees(y, elected);
    return mul(mass, float(select(bits(alone), bits(both), even)));
}

// Whether x and the elected sum have the same sign, zero being a sign of its own.
fn same_sign(x: f32, elected: f32) -> bool {
    let b = bits(x);
    let e = bits(elected);
    return ((b >> 31) == (e >> 31)) && !is_zero(b) && !is_zero(e);
}

// x where its sign is that of the elected sum, else 0; 0 where the votes are even.
fn elected_entry(x: f32, elected: f32) -> f32 {
    return float(select(0, bits(x), same_sign(x, elected)));
}

// 1 where x has the sign of the elected sum, else 0.
fn elected_count(x: f32, elected: f32) -> f32 {
    let one: u32 = 0x3f800000;
    return float(select(0, one, same_sign(x, elected)));
}
