// Values rounded to a narrower type in the middle of a computation.

fn round_f16(x: f32) -> f32 {
    return rz(float(f16_decode(f16_encode(bits(x)))));
}

fn round_bf16(x: f32) -> f32 {
    return rz(float(bf16_decode(bf16_encode(bits(x)))));
}

fn round_f8_e4m3(x: f32) -> f32 {
    return rz(float(f8_e4m3_decode(f8_e4m3_encode(bits(x)))));
}

fn round_f8_e5m2(x: f32) -> f32 {
    return rz(float(f8_e5m2_decode(f8_e5m2_encode(bits(x)))));
}
