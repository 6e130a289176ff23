//! Entries in order.

/// Elements of a tensor that can be put in order: an entry's place shares a word with what orders
/// it.
pub(super) const ELEMENTS_MAX: u64 = 1 << 32;
/// Bytes of an entry's key.
pub(super) const KEY_BYTES: u64 = size_of::<u64>() as u64;

/// A key for each entry, by what orders them; equal ones by place.
pub(super) fn keys(values: &[f32], order: impl Fn(f32) -> u32) -> Vec<u64> {
    let orders = values.iter().map(|x| u64::from(order(*x)) << 32);
    orders
        .zip(0..)
        .map(|(order, place)| order | place)
        .collect()
}

/// What orders magnitudes.
pub(super) fn magnitude(x: f32) -> u32 {
    x.abs().to_bits()
}

/// A number that orders as f32 values do, -0 before 0.
pub(super) fn ordered(x: f32) -> u32 {
    let bits = x.to_bits();
    match bits >> 31 {
        0 => bits | 0x8000_0000,
        _ => !bits,
    }
}

/// The place of a key's entry.
pub(super) fn place(key: u64) -> usize {
    (key & (ELEMENTS_MAX - 1)) as usize
}
