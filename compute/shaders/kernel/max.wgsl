// The largest magnitude of a value: a workgroup finds that of a tile first.

var<workgroup> peak: atomic<u32>;

fn largest(at: Place, lane: u32, k: u32, v: vec4f) {
    if (lane == 0) {
        atomicStore(&peak, 0u);
    }
    workgroupBarrier();
    if (in_piece(at)) {
        let q = masked(at, v);
        let x = vec4u(bits(q.x), bits(q.y), bits(q.z), bits(q.w));
        let pair = max(x.xy & vec2u(0x7fffffff), x.zw & vec2u(0x7fffffff));
        atomicMax(&peak, max(pair.x, pair.y));
    }
    workgroupBarrier();
    if (lane == 0) {
        let maxima = params.pieces + params.groups * TILES_PER_GROUP * SUMS;
        atomicMax(&partials[maxima + at.piece * MAXIMA + k], atomicLoad(&peak));
    }
    workgroupBarrier();
}
