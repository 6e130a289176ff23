//! Infinities and NaN among stored numbers, told by their bits.

use safetensors::Dtype;
use safetensors::tensor::TensorView;

use super::BLOCK_BYTES;
use super::mapped::Mapped;

/// Elements of a tensor that are not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Strange {
    /// The first.
    pub element: u64,
    /// How many.
    pub count: u64,
}

/// How numbers that are not finite look: they have all bits of a mask, in so many bytes.
struct Bits {
    bytes: usize,
    mask: u64,
}

/// What is not finite in a type; None where every code is a number.
fn bits(dtype: Dtype) -> Option<Bits> {
    let (bytes, mask) = match dtype {
        Dtype::F8_E5M2 => (1, 0x7c),
        Dtype::F8_E4M3 => (1, 0x7f),
        Dtype::F8_E8M0 => (1, 0xff),
        Dtype::F16 => (2, 0x7c00),
        Dtype::BF16 => (2, 0x7f80),
        Dtype::F32 => (4, 0x7f80_0000),
        Dtype::F64 => (8, 0x7ff0_0000_0000_0000),
        _ => return None,
    };
    Some(Bits { bytes, mask })
}

/// The elements of a tensor that are not finite, if there are any.
pub(super) fn strange(view: &TensorView<'_>, mapped: &Mapped) -> Option<Strange> {
    let bits = bits(view.dtype())?;
    let mut found: Option<Strange> = None;
    let mut before = 0;
    for block in view.data().chunks(BLOCK_BYTES) {
        let count = match bits.bytes {
            1 => count::<1>(block, bits.mask),
            2 => count::<2>(block, bits.mask),
            4 => count::<4>(block, bits.mask),
            _ => count::<8>(block, bits.mask),
        };
        if count > 0 {
            let first = || before + first(block, &bits).unwrap_or(0);
            let known = found.get_or_insert_with(|| Strange {
                element: first(),
                count: 0,
            });
            known.count += count;
        }
        before += (block.len() / bits.bytes) as u64;
        mapped.release(block);
    }
    found
}

/// How many elements of a block are not finite.
fn count<const N: usize>(block: &[u8], mask: u64) -> u64 {
    let mut count = 0;
    for bytes in block.as_chunks::<N>().0 {
        count += u64::from(is_strange(bytes, mask));
    }
    count
}

/// The first that is not.
fn first(block: &[u8], bits: &Bits) -> Option<u64> {
    let mut elements = block.chunks_exact(bits.bytes);
    let found = elements.position(|bytes| is_strange(bytes, bits.mask))?;
    Some(found as u64)
}

#[inline(always)]
fn is_strange(bytes: &[u8], mask: u64) -> bool {
    let mut word = 0;
    for (at, byte) in bytes.iter().enumerate() {
        word |= u64::from(*byte) << (8 * at);
    }
    word & mask == mask
}
