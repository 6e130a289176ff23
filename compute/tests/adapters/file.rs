//! The cases of a folder, and the files they name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;
use wgmerge_compute::adapter::Factor;
use wgmerge_compute::dtype::{DType, codec};

/// A tensor, decoded.
#[derive(Clone, Debug)]
pub struct Entry {
    pub shape: Vec<u64>,
    pub values: Vec<f32>,
}

/// The tensors of a file by name.
pub type File = BTreeMap<String, Entry>;

impl Entry {
    pub fn factor(&self) -> Factor<'_> {
        Factor {
            shape: &self.shape,
            values: &self.values,
        }
    }
}

/// The folder of a topic.
pub fn folder(topic: &str) -> PathBuf {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/adapters");
    data.join(topic)
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
    let entry = |view: safetensors::tensor::TensorView<'_>| Entry {
        shape: view.shape().iter().map(|d| *d as u64).collect(),
        values: numbers(&view.dtype().to_string(), view.data()),
    };
    file.iter()
        .map(|(name, view)| (name.to_owned(), entry(view)))
        .collect()
}

/// The numbers of a tensor, be they integers.
fn numbers(dtype: &str, bytes: &[u8]) -> Vec<f32> {
    if dtype == "I64" {
        let words = bytes.as_chunks::<8>().0;
        return words
            .iter()
            .map(|word| i64::from_le_bytes(*word) as f32)
            .collect();
    }
    let float = DType::from_name(dtype).and_then(|dtype| dtype.float());
    let float = float.expect("numbers");
    let words = bytes.chunks_exact(float.bytes());
    let number = |word: &[u8]| {
        let mut bytes = [0; 8];
        bytes[..word.len()].copy_from_slice(word);
        f32::from_bits(codec::decode(float, u64::from_le_bytes(bytes)))
    };
    words.map(number).collect()
}
