// A sum: a workgroup reduces one tile of a value by a fixed tree, in which element i and element
// i + 512 are added, then i and i + 256, down to one.

var<workgroup> tree: array<vec4f, INVOCATIONS>;

fn add_quads(a: vec4f, b: vec4f) -> vec4f {
    return vec4f(rz_sum(a.x + b.x), rz_sum(a.y + b.y), rz_sum(a.z + b.z), rz_sum(a.w + b.w));
}

// Sums lie behind the hazard flags; `place` is the number of this one.
fn sum(at: Place, lane: u32, place: u32, v: vec4f) {
    var own = vec4f();
    if (in_piece(at)) {
        own = masked(at, v);
    }
    tree[lane] = own;
    workgroupBarrier();
    // A quad is four elements: this halves down to one quad.
    for (var half = INVOCATIONS / 2; half > 0; half /= 2) {
        if (lane < half) {
            tree[lane] = add_quads(tree[lane], tree[lane + half]);
        }
        workgroupBarrier();
    }
    if (lane == 0) {
        let q = tree[0];
        let total = rz_sum(rz_sum(q.x + q.z) + rz_sum(q.y + q.w));
        atomicStore(&partials[params.pieces + place], bits(total));
    }
    workgroupBarrier();
}
