//! What the elements of inputs are, as they are stored.

use crate::dtype::{Float, codec};
use crate::kernel::Entry;

/// What a stored element is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stored {
    /// A number that f32 holds.
    Number,
    /// An infinity or NaN.
    Special,
    /// A finite f64 that rounds to an f32 infinity.
    Beyond(f64),
}

impl Stored {
    /// What the little-endian bytes of an element are.
    pub fn read(float: Float, bytes: &[u8]) -> Stored {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        let word = u64::from_le_bytes(word);
        if codec::decode(float, word) & 0x7f80_0000 != 0x7f80_0000 {
            return Stored::Number;
        }
        match float == Float::F64 && codec::is_beyond(word) {
            true => Stored::Beyond(f64::from_bits(word)),
            false => Stored::Special,
        }
    }

    /// Whether a load that enters so stops at it.
    pub fn is_refused(self, entry: Entry) -> bool {
        match self {
            Stored::Number => false,
            Stored::Special => matches!(entry, Entry::Checked | Entry::Rounded),
            Stored::Beyond(_) => matches!(entry, Entry::Checked | Entry::Raw),
        }
    }
}
