// Two values beside each other: seven values that are summed over a tile, then their difference, of
// which a tile's largest magnitude is found. Sums of squares, of products and of squared
// differences, then counts, two in one number: a tile has fewer than 2048 elements.

fn paired(a: f32, b: f32) -> array<f32, 8> {
    let marks = pair_marks(bits(a), bits(b));
    let flawed = (marks & 3u) != 0u;
    let x = select(a, 0.0, flawed);
    let y = select(b, 0.0, flawed);
    let apart = rz_sum(y - x);
    return array<f32, 8>(
        rz_sum(x * x),
        rz_sum(y * y),
        rz_sum(x * y),
        rz_sum(apart * apart),
        f32((marks & 1u) | ((marks & 2u) << 10u)),
        f32(((marks & 4u) >> 2u) | ((marks & 8u) << 8u)),
        f32((marks & 16u) >> 4u),
        apart,
    );
}

// The largest magnitude of a tile, beside its sums.
fn farthest(at: Place, lane: u32, place: u32, v: vec4f) {
    var own = vec4f();
    if (in_piece(at)) {
        own = abs(masked(at, v));
    }
    tree[lane] = own;
    workgroupBarrier();
    for (var half = INVOCATIONS / 2; half > 0; half /= 2) {
        if (lane < half) {
            tree[lane] = max(tree[lane], tree[lane + half]);
        }
        workgroupBarrier();
    }
    if (lane == 0) {
        let q = tree[0];
        atomicStore(&partials[params.pieces + place], bits(max(max(q.x, q.y), max(q.z, q.w))));
    }
    workgroupBarrier();
}
