// Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).

fn mul_hi(a: u32, b: u32) -> u32 {
    let al = a & 0xffff;
    let ah = a >> 16;
    let bl = b & 0xffff;
    let bh = b >> 16;
    let ll = al * bl;
    let lh = al * bh;
    let hl = ah * bl;
    let mid = (ll >> 16) + (lh & 0xffff) + (hl & 0xffff);
    return ah * bh + (lh >> 16) + (hl >> 16) + (mid >> 16);
}

fn philox_round(c: vec4u, k0: u32, k1: u32) -> vec4u {
    let a: u32 = 0xd2511f53;
    let b: u32 = 0xcd9e8d57;
    return vec4u(
        mul_hi(b, c.z) ^ c.y ^ k0,
        wrapping_mul(b, c.z),
        mul_hi(a, c.x) ^ c.w ^ k1,
        wrapping_mul(a, c.x),
    );
}

fn philox_rounds_5(c: vec4u, k0: u32, k1: u32) -> vec4u {
    let u: u32 = 0x9e3779b9;
    let v: u32 = 0xbb67ae85;
    let c1 = philox_round(c, k0, k1);
    let c2 = philox_round(c1, wrapping_add(k0, u), wrapping_add(k1, v));
    let c3 = philox_round(
        c2,
        wrapping_add(k0, wrapping_mul(u, 2)),
        wrapping_add(k1, wrapping_mul(v, 2)),
    );
    let c4 = philox_round(
        c3,
        wrapping_add(k0, wrapping_mul(u, 3)),
        wrapping_add(k1, wrapping_mul(v, 3)),
    );
    return philox_round(
        c4,
        wrapping_add(k0, wrapping_mul(u, 4)),
        wrapping_add(k1, wrapping_mul(v, 4)),
    );
}

// The block of four words at a counter, under a key of two words.
fn philox(counter: vec4u, k0: u32, k1: u32) -> vec4u {
    let u = wrapping_mul(0x9e3779b9, 5);
    let v = wrapping_mul(0xbb67ae85, 5);
    let half = philox_rounds_5(counter, k0, k1);
    return philox_rounds_5(half, wrapping_add(k0, u), wrapping_add(k1, v));
}
