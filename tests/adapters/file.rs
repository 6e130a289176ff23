//! The cases of a folder, and the files they name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;
use wgmerge::adapter::Factor;
use wgmerge::adapters::Entry;
use wgmerge::dtype::{DType, codec};

/// A tensor, decoded.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub entry: Entry,
    pub values: Vec<f32>,
}

/// The tensors of a file by name.
pub type File = BTreeMap<String, Tensor>;

impl Tensor {
    /// The first dimension; 1 for a single number.
    pub fn rows(&self) -> usize {
        self.entry.shape.first().map_or(1, |rows| *rows as usize)
    }

    pub fn factor(&self) -> Factor<'_> {
        Factor {
            shape: &self.entry.shape,
            values: &self.values,
        }
    }
}

/// The folder of a topic; those that the arithmetic is tested with lie beside it.
pub fn folder(topic: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let own = root.join("tests/data/adapter-dialects").join(topic);
    if own.exists() {
        return own;
    }
    root.join("compute/tests/data/adapters").join(topic)
}

pub fn json(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("a file");
    serde_json::from_str(&text).expect("JSON")
}

/// The cases of a topic that say what a merge gives.
pub fn cases(topic: &str) -> Vec<Value> {
    let json = json(&folder(topic).join("cases.json"));
    let cases = json["cases"].as_array().expect("a list");
    let merges = cases.iter().filter(|case| case["op"] == "merge_adapter");
    merges.cloned().collect()
}

/// Opens a safetensors file.
pub fn open(path: &Path) -> File {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let mut tensors = File::new();
    for (name, view) in file.iter() {
        let dtype = DType::from_name(&view.dtype().to_string()).expect("a known type");
        let entry = Entry {
            name: name.to_owned(),
            dtype,
            shape: view.shape().iter().map(|d| *d as u64).collect(),
        };
        let values = numbers(dtype, view.data());
        tensors.insert(name.to_owned(), Tensor { entry, values });
    }
    tensors
}

/// The numbers of a tensor, be they integers.
fn numbers(dtype: DType, bytes: &[u8]) -> Vec<f32> {
    let Some(float) = dtype.float() else {
        let words = bytes.as_chunks::<8>().0;
        return words
            .iter()
            .map(|word| i64::from_le_bytes(*word) as f32)
            .collect();
    };
    let number = |word: &[u8]| {
        let mut bytes = [0; 8];
        bytes[..word.len()].copy_from_slice(word);
        f32::from_bits(codec::decode(float, u64::from_le_bytes(bytes)))
    };
    bytes.chunks_exact(float.bytes()).map(number).collect()
}
