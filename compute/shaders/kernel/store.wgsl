// What a Program stores: an invocation writes one quad.

fn store(at: Place, v: vec4f) {
    if (!in_piece(at)) {
        return;
    }
    let x = vec4u(bits(v.x), bits(v.y), bits(v.z), bits(v.w));
    save(at, table[at.record + OUTPUT], x);
    // What the stored type cannot hold is the host's to count, too.
    let pair = max(x.xy & vec2u(0x7fffffff), x.zw & vec2u(0x7fffffff));
    worst = max(worst, select(0u, 0x7f800000u, max(pair.x, pair.y) > LIMIT));
}
