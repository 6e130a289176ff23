// The bind group of every pipeline, and how a workgroup finds its piece.

struct Params {
    // Always 0.
    zero: u32,
    // Workgroups that have work.
    groups: u32,
    // Workgroups in a row of the dispatch.
    columns: u32,
    // Pieces.
    pieces: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
// The inputs of all pieces, packed.
@group(0) @binding(1) var<storage, read> arena: array<u32>;
// One record per piece, then the piece of each workgroup. The layout's constants are generated.
@group(0) @binding(2) var<storage, read> table: array<u32>;
// What a Program stores.
@group(0) @binding(3) var<storage, read_write> output: array<u32>;
// One hazard flag per piece; the sums of all tiles; the largest magnitudes and the counts of all
// pieces.
@group(0) @binding(4) var<storage, read_write> partials: array<atomic<u32>>;

// Where a workgroup, or an invocation, works.
struct Place {
    // Number of the piece.
    piece: u32,
    // Word in the table where its record begins.
    record: u32,
    // Elements of the piece.
    len: u32,
    // The first quad of the workgroup, or the invocation's: four elements from 4 quad.
    quad: u32,
}

// The number of a workgroup.
fn group_number(id: vec3u) -> u32 {
    return id.y * params.columns + id.x;
}

// The piece of a workgroup and its first quad there.
fn place_of(group: u32) -> Place {
    let piece = table[params.pieces * RECORD_WORDS + group];
    let record = piece * RECORD_WORDS;
    let first = table[record + FIRST_GROUP];
    let quad = (group - first) * TILES_PER_GROUP * INVOCATIONS;
    return Place(piece, record, table[record + LENGTH], quad);
}

fn in_piece(at: Place) -> bool {
    return at.quad < (at.len + 3) / 4;
}

fn moved(at: Place, quads: u32) -> Place {
    return Place(at.piece, at.record, at.len, at.quad + quads);
}

// The values of a quad that lie in the piece, +0 in place of the others.
fn masked(at: Place, v: vec4f) -> vec4f {
    let left = at.len - 4 * at.quad;
    return vec4f(
        v.x,
        float(select(0, bits(v.y), left > 1)),
        float(select(0, bits(v.z), left > 2)),
        float(select(0, bits(v.w), left > 3)),
    );
}
