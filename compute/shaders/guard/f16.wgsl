// Working dtype f16: every result is rounded to binary16, as a peer computing in f16 does.

fn round_working(x: u32) -> u32 {
    return settle(f16_decode(f16_encode(x)));
}
