//! What is found of two values beside each other.

/// What is found of a tile. Elements count where both values are numbers, but for the flaws.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TilePair {
    /// Of the squares of each, of their products and of the squares of their difference, by the
    /// fixed tree.
    pub sums: [f32; 4],
    /// Elements of each that are infinite or NaN.
    pub flaws: [u32; 2],
    /// Elements of the same sign. Zero has none.
    pub same_sign: u32,
    /// Elements of opposite signs.
    pub opposite_sign: u32,
    /// Elements that are different numbers.
    pub different: u32,
    /// The largest magnitude of the second minus the first, as f32 bits.
    pub greatest: u32,
}
