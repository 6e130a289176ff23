// Four elements of an input as f32 bits, and what else a step reads for four elements. `word` is
// the word in the arena where the input begins; behind an input zeros fill up its last 16 bytes.

// The last quad may reach into the next input, whose bits must not count as infinities. What to
// make of a number beyond f32 the host decides.
fn f64_at(w: u32, there: bool) -> u32 {
    if (there && f64_is_beyond(arena[w], arena[w + 1])) {
        worst = 0x7f800000;
    }
    return select(0u, f64_decode(arena[w], arena[w + 1]), there);
}

fn load_f64(at: Place, word: u32) -> vec4u {
    let left = at.len - 4 * at.quad;
    let w = word + at.quad * 8;
    return vec4u(
        f64_at(w, true),
        f64_at(w + 2, left > 1),
        f64_at(w + 4, left > 2),
        f64_at(w + 6, left > 3),
    );
}

fn load_f32(at: Place, word: u32) -> vec4u {
    let w = word + at.quad * 4;
    return vec4u(arena[w], arena[w + 1], arena[w + 2], arena[w + 3]);
}

// Four 16-bit elements.
fn halves(at: Place, word: u32) -> vec4u {
    let w = word + at.quad * 2;
    let a = arena[w];
    let b = arena[w + 1];
    return vec4u(a & 0xffff, a >> 16, b & 0xffff, b >> 16);
}

fn load_f16(at: Place, word: u32) -> vec4u {
    let h = halves(at, word);
    return vec4u(f16_decode(h.x), f16_decode(h.y), f16_decode(h.z), f16_decode(h.w));
}

fn load_bf16(at: Place, word: u32) -> vec4u {
    let h = halves(at, word);
    return vec4u(bf16_decode(h.x), bf16_decode(h.y), bf16_decode(h.z), bf16_decode(h.w));
}

// Four 8-bit elements.
fn quarters(at: Place, word: u32) -> vec4u {
    let a = arena[word + at.quad];
    return vec4u(a & 0xff, (a >> 8) & 0xff, (a >> 16) & 0xff, a >> 24);
}

fn load_f8_e4m3(at: Place, word: u32) -> vec4u {
    let q = quarters(at, word);
    return vec4u(
        f8_e4m3_decode(q.x),
        f8_e4m3_decode(q.y),
        f8_e4m3_decode(q.z),
        f8_e4m3_decode(q.w),
    );
}

fn load_f8_e5m2(at: Place, word: u32) -> vec4u {
    let q = quarters(at, word);
    return vec4u(
        f8_e5m2_decode(q.x),
        f8_e5m2_decode(q.y),
        f8_e5m2_decode(q.z),
        f8_e5m2_decode(q.w),
    );
}

// Values as decoded.
fn raw(q: vec4u) -> vec4f {
    return vec4f(float(q.x), float(q.y), float(q.z), float(q.w));
}

// Values settled and rounded to the working dtype.
fn entered(q: vec4u) -> vec4f {
    return vec4f(rz(float(q.x)), rz(float(q.y)), rz(float(q.z)), rz(float(q.w)));
}

// The indices in the piece of a quad's elements.
fn indices(at: Place) -> vec4u {
    let first = 4 * at.quad;
    return vec4u(first, first + 1, first + 2, first + 3);
}

// The random words of a quad's elements: one block. `stream` is its word in the table.
fn random_words(at: Place, stream: u32) -> vec4u {
    let base = table[at.record + QUAD_LOW];
    let low = base + at.quad;
    let high = table[at.record + QUAD_HIGH] + u32(low < base);
    let counter = vec4u(low, high, table[stream + 2], table[stream + 3]);
    return philox(counter, table[stream], table[stream + 1]);
}
