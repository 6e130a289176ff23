// Entry of a Program that sums: a workgroup reduces one tile of each value by a fixed tree, in
// which element i and element i + 512 are added, then i and i + 256, down to one.

var<workgroup> tree: array<vec4f, INVOCATIONS>;

fn add_quads(a: vec4f, b: vec4f) -> vec4f {
    return vec4f(rz_sum(a.x + b.x), rz_sum(a.y + b.y), rz_sum(a.z + b.z), rz_sum(a.w + b.w));
}

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let group = group_number(id);
    if (group >= params.groups) {
        return;
    }
    let at = moved(place_of(group), lane);
    for (var k = 0u; k < VALUES; k++) {
        var v = vec4f();
        if (in_piece(at)) {
            v = masked(at, value(k, at));
        }
        tree[lane] = v;
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
            let sum = rz_sum(rz_sum(q.x + q.z) + rz_sum(q.y + q.w));
            atomicStore(&partials[params.pieces + group * VALUES + k], bits(sum));
        }
        workgroupBarrier();
    }
    report_hazard(at.piece);
}
