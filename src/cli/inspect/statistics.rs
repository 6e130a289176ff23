//! Statistics of one tensor, from one reading of its bytes.

use crate::checkpoint::{Checkpoint, CheckpointError, TensorInfo};
use crate::dtype::{DType, Float, codec};
use crate::merge::Progress;
use crate::report::Statistics;

/// Bytes read at a time; a multiple of every element's width.
const PIECE_BYTES: u64 = 4 << 20;

/// Reads a tensor, through a buffer that is reused. None where its type is no number to us.
///
/// # Errors
/// [`CheckpointError`] where its bytes cannot be read.
pub(super) fn of(
    checkpoint: &Checkpoint,
    info: &TensorInfo,
    buffer: &mut Vec<u8>,
    progress: &dyn Progress,
) -> Result<Option<Statistics>, CheckpointError> {
    let Some(add) = adder(info.dtype) else {
        return Ok(None);
    };
    let mut sums = Statistics::default();
    let (mut at, unit) = (0, info.dtype.unit().bytes);
    let all = match info.coding {
        Some(_) => info.elements() * unit,
        None => info.bytes(),
    };
    while at < all {
        let bytes = PIECE_BYTES.min(all - at);
        buffer.resize(bytes as usize, 0);
        checkpoint.read_elements(info, at / unit, buffer)?;
        add(buffer, &mut sums);
        progress.advance(bytes);
        at += bytes;
    }
    Ok(Some(sums))
}

/// The loop over elements of a type; each type gets its own, so that its decoding is part of it.
fn adder(dtype: DType) -> Option<fn(&[u8], &mut Statistics)> {
    // The codec rounds f64 to f32, which is for merging; here the stored value itself counts.
    macro_rules! number {
        ($type:ty) => {
            |bytes, sums| each(bytes, sums, |bytes| <$type>::from_le_bytes(bytes) as f64)
        };
    }
    macro_rules! coded {
        ($float:expr, $type:ty) => {
            |bytes, sums| {
                each(bytes, sums, |bytes| {
                    let word = <$type>::from_le_bytes(bytes);
                    f64::from(f32::from_bits(codec::decode($float, u64::from(word))))
                })
            }
        };
    }
    Some(match dtype {
        DType::F64 => number!(f64),
        DType::F32 => number!(f32),
        DType::F16 => coded!(Float::F16, u16),
        DType::BF16 => coded!(Float::BF16, u16),
        DType::F8E4M3 => coded!(Float::F8E4M3, u8),
        DType::F8E5M2 => coded!(Float::F8E5M2, u8),
        DType::Bool | DType::U8 => number!(u8),
        DType::I8 => number!(i8),
        DType::U16 => number!(u16),
        DType::I16 => number!(i16),
        DType::U32 => number!(u32),
        DType::I32 => number!(i32),
        DType::U64 => number!(u64),
        DType::I64 => number!(i64),
        _ => return None,
    })
}

/// Adds every element of `bytes`, whose length is a multiple of `N`.
fn each<const N: usize>(bytes: &[u8], sums: &mut Statistics, value: impl Fn([u8; N]) -> f64) {
    for element in bytes.as_chunks::<N>().0 {
        sums.take(value(*element));
    }
}
