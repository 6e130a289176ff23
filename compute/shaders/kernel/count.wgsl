// Counts: a workgroup counts the magnitudes of its tiles in the bins of a value's grid, in its
// own memory first. The last bin is what lies above.

var<workgroup> bins: array<atomic<u32>, ALL_BINS>;

fn begin_count(lane: u32) {
    for (var bin = lane; bin < ALL_BINS; bin += INVOCATIONS) {
        atomicStore(&bins[bin], 0u);
    }
    workgroupBarrier();
}

fn tally(b: u32, lowest: u32, shift: u32) {
    let key = b & 0x7fffffff;
    if (key >= lowest) {
        atomicAdd(&bins[min((key - lowest) >> shift, ALL_BINS - 1)], 1u);
    }
}

fn count(at: Place, k: u32, v: vec4f) {
    let left = at.len - 4 * at.quad;
    let grid = at.record + GRIDS + 2 * k;
    let lowest = table[grid];
    let shift = table[grid + 1];
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

fn end_count(first: Place, lane: u32, k: u32) {
    workgroupBarrier();
    let maxima = params.pieces + params.groups * TILES_PER_GROUP * SUMS;
    let total = maxima + params.pieces * MAXIMA + (first.piece * COUNTS + k) * ALL_BINS;
    for (var bin = lane; bin < ALL_BINS; bin += INVOCATIONS) {
        let count = atomicLoad(&bins[bin]);
        if (count > 0) {
            atomicAdd(&partials[total + bin], count);
        }
    }
    workgroupBarrier();
}
