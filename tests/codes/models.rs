//! Small models as numbers and as codes, and the commands that turn one into the other.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use wgmerge::dtype::{DType, Float, codec};

use crate::support::command::{run, said};
use crate::support::models::{Tensor, floats, values, write_with};
use crate::support::tensors::{Stored, stored};

/// The formats that `--format` writes.
pub const FORMATS: &[&str] = &[
    "comfy-fp8",
    "comfy-fp8-e5m2",
    "scaled-fp8",
    "comfy-int8",
    "comfy-int8-tensor",
    "comfy-int8-convrot",
    "comfy-nvfp4",
    "comfy-mxfp8",
    "block-fp8",
    "ct-fp8",
    "ct-int8",
    "ct-int4",
    "ct-nvfp4",
    "mxfp4",
    "modelopt-nvfp4",
];

/// The matrices of a layer that become codes. The last is no multiple of a block or tile.
pub const MATRICES: &[(&str, [u64; 2])] = &[
    ("self_attn.q_proj", [128, 256]),
    ("mlp.down_proj", [48, 512]),
    ("mlp.up_proj", [130, 256]),
];

/// The layer that tests change.
pub const LAYER: &str = "model.layers.1.mlp.down_proj";

/// A layer that every format makes codes of.
pub const FIRST: &str = "model.layers.0.self_attn.q_proj";

/// The tensors of a file by name.
pub type File = BTreeMap<String, Stored>;

/// The tensors of a base (0) or of a fine-tune of it, in bf16.
fn tensors(model: u64) -> Vec<Tensor> {
    let mut tensors = Vec::new();
    let mut add = |name: &str, shape: &[u64]| {
        let count = shape.iter().product::<u64>() as usize;
        let values = values(count, tensors.len() as u64 + 1, model);
        tensors.push(floats(name, Float::BF16, shape, &values));
    };
    for layer in 0..2 {
        let prefix = format!("model.layers.{layer}");
        for (name, shape) in MATRICES {
            add(&format!("{prefix}.{name}.weight"), shape);
        }
        add(&format!("{prefix}.input_layernorm.weight"), &[256]);
    }
    add("model.embed_tokens.weight", &[40, 256]);
    add("lm_head.weight", &[40, 256]);
    tensors
}

/// Writes the tensors of a file.
pub fn save(path: &Path, file: &File, metadata: &[(&str, &str)]) {
    let tensor = |(name, stored): (&String, &Stored)| Tensor {
        name: name.clone(),
        dtype: stored.dtype,
        shape: stored.shape.clone(),
        bytes: stored.bytes.clone(),
    };
    let tensors: Vec<Tensor> = file.iter().map(tensor).collect();
    write_with(path, &tensors, metadata);
}

/// A tensor of f32.
pub fn f32s(shape: &[u64], numbers: &[f32]) -> Stored {
    Stored {
        dtype: DType::F32,
        shape: shape.to_vec(),
        bytes: numbers.iter().flat_map(|n| n.to_le_bytes()).collect(),
    }
}

/// The numbers of a tensor of floats.
pub fn numbers(stored: &Stored) -> Vec<f64> {
    let float = stored.dtype.float().expect("numbers");
    let words = stored.bytes.chunks_exact(float.bytes());
    let number = |word: &[u8]| {
        let mut wide = [0; 8];
        wide[..word.len()].copy_from_slice(word);
        let bits = codec::decode(float, u64::from_le_bytes(wide));
        f64::from(f32::from_bits(bits))
    };
    words.map(number).collect()
}

/// A folder with `a.safetensors` and a fine-tune of it, `b.safetensors`, and the command in it.
pub struct Models {
    folder: TempDir,
}

impl Models {
    pub fn new() -> Models {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let models = Models { folder };
        for (model, name) in (0..).zip(["a", "b"]) {
            let path = models.path(&format!("{name}.safetensors"));
            write_with(&path, &tensors(model), &[]);
        }
        models
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command on the CPU and expects success; what is written is verified too.
    #[track_caller]
    pub fn runs(&self, arguments: &[&str]) {
        let line = [arguments, &["--device", "cpu", "--force", "-q"]].concat();
        let output = run(self.folder.path(), &line);
        assert!(output.status.success(), "{line:?}: {}", said(&output));
    }

    /// Runs a command that must find its input wrong and write nothing; what it says.
    #[track_caller]
    pub fn refuses(&self, arguments: &[&str]) -> String {
        let line = [arguments, &["--device", "cpu", "-o", "refused.safetensors"]].concat();
        let output = run(self.folder.path(), &line);
        let told = said(&output);
        assert_eq!(output.status.code(), Some(2), "{line:?}: {told}");
        assert!(!told.contains("panicked"), "{line:?}: {told}");
        assert!(!self.path("refused.safetensors").exists(), "{line:?}");
        told
    }

    /// Writes a model in a format; the name of the file.
    #[track_caller]
    pub fn coded(&self, model: &str, format: &str) -> String {
        let output = format!("{model}.{format}.safetensors");
        let input = format!("{model}.safetensors");
        self.runs(&["convert", &input, "--format", format, "-o", &output]);
        output
    }

    /// The linear merge of two files; the name of the output.
    #[track_caller]
    pub fn linear(&self, a: &str, b: &str) -> String {
        let output = "linear.safetensors";
        self.runs(&["merge", "-M", "linear", a, b, "-o", output]);
        output.to_owned()
    }

    pub fn stored(&self, name: &str) -> File {
        stored(&self.path(name))
    }

    /// A model's codes as numbers in f32, which hold each of them: the name of the file.
    #[track_caller]
    pub fn decoded(&self, name: &str) -> String {
        let output = format!("decoded.{name}");
        self.runs(&["convert", name, "--dtype", "f32", "-o", &output]);
        output
    }
}
