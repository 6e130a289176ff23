// Entry of a Program that stores: a workgroup does one tile, an invocation one quad.

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let group = group_number(id);
    if (group >= params.groups) {
        return;
    }
    let at = moved(place_of(group), lane);
    if (!in_piece(at)) {
        return;
    }
    let v = value(0, at);
    let x = vec4u(bits(v.x), bits(v.y), bits(v.z), bits(v.w));
    save(at, table[at.record + OUTPUT], x);
    // What the stored type cannot hold is the host's to count, too.
    let pair = max(x.xy & vec2u(0x7fffffff), x.zw & vec2u(0x7fffffff));
    worst = max(worst, select(0u, 0x7f800000u, max(pair.x, pair.y) > LIMIT));
    report_hazard(at.piece);
}
