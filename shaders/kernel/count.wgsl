// Entry of a Program that counts: a workgroup counts the magnitudes of several tiles of each value
// in the bins of the value's window, in its own memory first. The last bin is what lies above.

var<workgroup> bins: array<atomic<u32>, ALL_BINS>;

fn tally(b: u32, lowest: u32, shift: u32) {
    let key = b & 0x7fffffff;
    if (key >= lowest) {
        atomicAdd(&bins[min((key - lowest) >> shift, ALL_BINS - 1)], 1u);
    }
}

fn tally_quad(at: Place, v: vec4f, window: u32) {
    let left = at.len - 4 * at.quad;
    let lowest = table[window];
    let shift = table[window + 1];
    tally(bits(v.x), lowest, shift);
    if (left > 1) {
        tally(bits(v.y), lowest, shift);
    }
    if (left > 2) {
        tally(bits(v.z), lowest, shift);
    }
    if (left > 3) {
        tally(bits(v.w), lowest, shift);
    }
}

@compute @workgroup_size(INVOCATIONS)
fn main(@builtin(workgroup_id) id: vec3u, @builtin(local_invocation_index) lane: u32) {
    let group = group_number(id);
    if (group >= params.groups) {
        return;
    }
    let first = place_of(group);
    for (var k = 0u; k < VALUES; k++) {
        for (var bin = lane; bin < ALL_BINS; bin += INVOCATIONS) {
            atomicStore(&bins[bin], 0u);
        }
        workgroupBarrier();
        for (var quad = lane; quad < QUADS_PER_GROUP; quad += INVOCATIONS) {
            let at = moved(first, quad);
            if (in_piece(at)) {
                tally_quad(at, value(k, at), at.record + WINDOWS + 2 * k);
            }
        }
        workgroupBarrier();
        let total = params.pieces + (first.piece * VALUES + k) * ALL_BINS;
        for (var bin = lane; bin < ALL_BINS; bin += INVOCATIONS) {
            let count = atomicLoad(&bins[bin]);
            if (count > 0) {
                atomicAdd(&partials[total + bin], count);
            }
        }
        workgroupBarrier();
    }
    report_hazard(first.piece);
}
