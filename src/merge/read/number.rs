//! Integers and truth values as the numbers that they are.

use crate::dtype::DType;

/// Turns stored integers into f32, each rounded to the nearest; a truth value is 1 or 0.
pub(super) fn to_f32(dtype: DType, stored: &[u8], target: &mut [u8]) {
    match dtype {
        DType::Bool => each(stored, target, |[byte]: [u8; 1]| {
            f32::from(u8::from(byte != 0))
        }),
        DType::U8 => each(stored, target, |[byte]: [u8; 1]| f32::from(byte)),
        DType::I8 => each(stored, target, |bytes| f32::from(i8::from_le_bytes(bytes))),
        DType::I16 => each(stored, target, |bytes| f32::from(i16::from_le_bytes(bytes))),
        DType::U16 => each(stored, target, |bytes| f32::from(u16::from_le_bytes(bytes))),
        DType::I32 => each(stored, target, |bytes| i32::from_le_bytes(bytes) as f32),
        DType::U32 => each(stored, target, |bytes| u32::from_le_bytes(bytes) as f32),
        DType::I64 => each(stored, target, |bytes| i64::from_le_bytes(bytes) as f32),
        DType::U64 => each(stored, target, |bytes| u64::from_le_bytes(bytes) as f32),
        float => unreachable!("{float} is no integer"),
    }
}

fn each<const N: usize>(stored: &[u8], target: &mut [u8], number: impl Fn([u8; N]) -> f32) {
    let (elements, _) = stored.as_chunks::<N>();
    let (words, _) = target.as_chunks_mut::<4>();
    for (word, element) in words.iter_mut().zip(elements) {
        *word = number(*element).to_le_bytes();
    }
}
