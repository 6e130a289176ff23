//! The cases of a topic, and the files they name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use serde_json::Value;
use wgmerge_compute::dtype::{DType, Float, codec};

/// A tensor of a file.
#[derive(Clone, Debug)]
pub struct Entry {
    pub dtype: DType,
    pub shape: Vec<u64>,
    pub bytes: Vec<u8>,
}

/// The tensors of a file by name.
pub type File = BTreeMap<String, Entry>;

/// What a library was given, and what it made of that.
pub struct Case {
    pub name: String,
    pub op: String,
    /// The largest difference, and what it is relative to; None where bits are compared.
    pub tolerance: Option<(String, f64)>,
    /// What else the case says.
    pub json: Value,
    folder: PathBuf,
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats")
}

impl Case {
    pub fn path(&self, field: &str) -> PathBuf {
        let name = match &self.json[field] {
            Value::Array(names) => &names[0],
            name => name,
        };
        self.folder.join(name.as_str().expect("a file"))
    }

    /// What the library decoded.
    pub fn output(&self) -> File {
        open(&self.path("output"))
    }
}

/// The cases of a topic.
pub fn cases(topic: &str) -> Vec<Case> {
    let folder = data().join(topic);
    let text = std::fs::read_to_string(folder.join("cases.json")).expect("the cases");
    let json: Value = serde_json::from_str(&text).expect("JSON");
    let cases = json["cases"].as_array().expect("a list");
    let case = |case: &Value| Case {
        name: case["name"].as_str().expect("a name").to_owned(),
        op: case["op"].as_str().expect("what to do").to_owned(),
        tolerance: case["tolerance"].as_object().map(|tolerance| {
            let (what, most) = tolerance.iter().next().expect("a tolerance");
            // That of codes is in words; none is decoded.
            (what.clone(), most.as_f64().unwrap_or_default())
        }),
        json: case.clone(),
        folder: folder.clone(),
    };
    cases.iter().map(case).collect()
}

/// Opens a safetensors file.
pub fn open(path: &Path) -> File {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file = SafeTensors::deserialize(&bytes).expect("a safetensors file");
    let entry = |view: safetensors::tensor::TensorView<'_>| Entry {
        dtype: DType::from_name(&view.dtype().to_string()).expect("a known type"),
        shape: view.shape().iter().map(|d| *d as u64).collect(),
        bytes: view.data().to_vec(),
    };
    file.iter()
        .map(|(name, view)| (name.to_owned(), entry(view)))
        .collect()
}

impl Entry {
    /// Its numbers.
    pub fn numbers(&self) -> Vec<f32> {
        let float = self.dtype.float().expect("numbers");
        let words = self.bytes.chunks_exact(float.bytes());
        let number = |word: &[u8]| {
            let mut bytes = [0; 8];
            bytes[..word.len()].copy_from_slice(word);
            f32::from_bits(codec::decode(float, u64::from_le_bytes(bytes)))
        };
        words.map(number).collect()
    }

    /// The type that its numbers were rounded to.
    pub fn float(&self) -> Float {
        self.dtype.float().expect("numbers")
    }

    pub fn count(&self) -> u64 {
        self.shape.iter().product()
    }
}

/// The options that a layer's `comfy_quant` or quant state holds.
pub fn options(entry: &Entry) -> Value {
    serde_json::from_slice(&entry.bytes).expect("JSON")
}
