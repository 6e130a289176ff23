// Working dtype bf16: every result is rounded to bfloat16, as a peer computing in bf16 does.

fn round_working(x: u32) -> u32 {
    return settle(bf16_decode(bf16_encode(x)));
}
