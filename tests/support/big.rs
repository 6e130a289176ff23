//! Models that are large enough to be merged for a while.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use wgmerge::checkpoint::encode_header;
use wgmerge::dtype::DType;

use super::random::random;

/// Tensors of a model, 256 MiB in all: one larger than the budgets of tests, some of a usual size,
/// and small ones.
const SHAPES: &[(u64, &[u64])] = &[(1, &[20480, 4096]), (12, &[1024, 4096]), (40, &[2048])];

/// Writes a bf16 model of 256 MiB.
pub fn big_model(path: &Path, seed: u64) {
    let tensors = SHAPES.iter().flat_map(|(count, shape)| {
        (0..*count).map(|number| (format!("t{}.{number}", shape[0]), shape.to_vec()))
    });
    write_model(path, seed, tensors);
}

/// Writes a bf16 model. Its bytes repeat every few MiB, which makes it in a moment; the period is
/// odd, so that no two rows of a tensor are the same.
pub fn write_model(path: &Path, seed: u64, tensors: impl Iterator<Item = (String, Vec<u64>)>) {
    let mut offset = 0;
    let mut entries = Vec::new();
    for (name, shape) in tensors {
        let bytes = 2 * shape.iter().product::<u64>();
        entries.push((name, shape, offset..offset + bytes));
        offset += bytes;
    }
    let header = entries
        .iter()
        .map(|(name, shape, span)| (name.as_str(), &DType::BF16, shape.as_slice(), span.clone()));
    let header = encode_header(header, &[], 8).expect("a sound header");
    let block = block(seed);
    let mut file = File::create(path).expect("a writable folder");
    file.write_all(&header).expect("room for a model");
    let mut left = offset as usize;
    while left > 0 {
        let bytes = left.min(block.len());
        file.write_all(&block[..bytes]).expect("room for a model");
        left -= bytes;
    }
}

/// Some 2 MiB of bf16 near the size of weights.
fn block(mut seed: u64) -> Vec<u8> {
    let values = (0..(1 << 20) + 7).flat_map(|_| {
        // Signs and mantissas vary, exponents stay near those of weights.
        ((random(&mut seed) as u16 & 0x81ff) | 0x3c00).to_le_bytes()
    });
    values.collect()
}
