//! The tensors of files: as wgmerge reads them, and as the safetensors crate does.

use std::collections::BTreeMap;
use std::path::Path;

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::{DType, Float, codec};

/// The bytes of a tensor.
pub fn bytes(checkpoint: &Checkpoint, key: &str) -> Vec<u8> {
    let info = checkpoint.get(key);
    let info = info.unwrap_or_else(|| panic!("no tensor {key}"));
    let mut bytes = vec![0; info.bytes() as usize];
    let read = checkpoint.read_at(info.file, info.span.start, &mut bytes);
    read.expect("its bytes");
    bytes
}

/// A tensor's values, decoded.
pub fn tensor(checkpoint: &Checkpoint, key: &str) -> Vec<f32> {
    let bytes = bytes(checkpoint, key);
    let float = checkpoint.get(key).and_then(|info| info.dtype.float());
    let float = float.expect("a float tensor");
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        f32::from_bits(codec::decode(float, u64::from_le_bytes(word)))
    };
    bytes.chunks_exact(float.bytes()).map(word).collect()
}

/// A tensor's values as numbers, integers and truth values included.
pub fn decoded(checkpoint: &Checkpoint, key: &str) -> Vec<f64> {
    let info = checkpoint.get(key).expect("a tensor");
    if info.dtype.float().is_some_and(|float| float != Float::F64) {
        return tensor(checkpoint, key).into_iter().map(f64::from).collect();
    }
    let bytes = bytes(checkpoint, key);
    let wide = bytes.as_chunks::<8>().0.iter();
    match info.dtype {
        DType::Bool | DType::U8 => bytes.into_iter().map(f64::from).collect(),
        DType::I64 => wide.map(|word| i64::from_le_bytes(*word) as f64).collect(),
        DType::F64 => wide.map(|word| f64::from_le_bytes(*word)).collect(),
        other => panic!("{other} is not decoded"),
    }
}

/// The values of a tensor of a file that is given as bytes.
pub fn read(bytes: &[u8], key: &str) -> Vec<f32> {
    let file = tempfile::NamedTempFile::with_suffix(".safetensors").expect("a temporary file");
    std::fs::write(file.path(), bytes).expect("a writable folder");
    tensor(&Checkpoint::open(file.path()).expect("a sound output"), key)
}

/// A tensor as the safetensors crate finds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    pub dtype: DType,
    pub shape: Vec<u64>,
    pub bytes: Vec<u8>,
}

/// The tensors of a file as the safetensors crate finds them.
pub fn stored(path: &Path) -> BTreeMap<String, Stored> {
    let bytes = std::fs::read(path).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    let file = safetensors::SafeTensors::deserialize(&bytes).expect("a file of the format");
    let each = file.tensors().into_iter();
    each.map(|(name, tensor)| {
        let stored = Stored {
            dtype: DType::from_name(&tensor.dtype().to_string()).expect("an element type"),
            shape: tensor.shape().iter().map(|&n| n as u64).collect(),
            bytes: tensor.data().to_vec(),
        };
        (name, stored)
    })
    .collect()
}
