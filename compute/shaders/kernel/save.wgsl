// Writes a quad's f32 bits as elements of a stored type. A word is written where any of its
// elements lies in the piece, whose output begins at a whole word.

fn save_f64(at: Place, word: u32, x: vec4u) {
    let left = at.len - 4 * at.quad;
    let w = word + at.quad * 8;
    for (var i = 0u; i < min(left, 4u); i++) {
        output[w + 2 * i] = f64_encode_lo(x[i]);
        output[w + 2 * i + 1] = f64_encode_hi(x[i]);
    }
}

fn save_f32(at: Place, word: u32, x: vec4u) {
    let left = at.len - 4 * at.quad;
    let w = word + at.quad * 4;
    for (var i = 0u; i < min(left, 4u); i++) {
        output[w + i] = x[i];
    }
}

// Four 16-bit elements.
fn save_halves(at: Place, word: u32, h: vec4u) {
    let w = word + at.quad * 2;
    output[w] = h.x | (h.y << 16);
    if (at.len - 4 * at.quad > 2) {
        output[w + 1] = h.z | (h.w << 16);
    }
}

fn save_f16(at: Place, word: u32, x: vec4u) {
    let h = vec4u(f16_encode(x.x), f16_encode(x.y), f16_encode(x.z), f16_encode(x.w));
    save_halves(at, word, h);
}

fn save_bf16(at: Place, word: u32, x: vec4u) {
    let h = vec4u(bf16_encode(x.x), bf16_encode(x.y), bf16_encode(x.z), bf16_encode(x.w));
    save_halves(at, word, h);
}

// Four 8-bit elements.
fn save_quarters(at: Place, word: u32, q: vec4u) {
    output[word + at.quad] = q.x | (q.y << 8) | (q.z << 16) | (q.w << 24);
}

fn save_f8_e4m3(at: Place, word: u32, x: vec4u) {
    let low = vec2u(f8_e4m3_encode(x.x), f8_e4m3_encode(x.y));
    let high = vec2u(f8_e4m3_encode(x.z), f8_e4m3_encode(x.w));
    save_quarters(at, word, vec4u(low, high));
}

fn save_f8_e5m2(at: Place, word: u32, x: vec4u) {
    let low = vec2u(f8_e5m2_encode(x.x), f8_e5m2_encode(x.y));
    let high = vec2u(f8_e5m2_encode(x.z), f8_e5m2_encode(x.w));
    save_quarters(at, word, vec4u(low, high));
}
