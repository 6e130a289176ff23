//! What a verification found.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value as Json, json};

use super::path_json;
use crate::dtype::{DType, codec};

/// How an output compares with what its inputs make.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// The device that computed.
    pub device: String,
    /// Tensors that were computed or copied, and compared.
    pub tensors: usize,
    /// Bytes of them.
    pub bytes: u64,
    /// Bytes read from the models.
    pub bytes_read: u64,
    /// From the first read to the last comparison.
    pub seconds: f64,
    /// What differs: first what is not there or of another form, then the first element of each
    /// tensor in the order of the output, then other files.
    pub differences: Vec<Difference>,
    /// Files besides weights that the merge gives unless flags said otherwise, and that are not
    /// there.
    pub absent: Vec<PathBuf>,
}

/// Something of an output that is not what its inputs make.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// A tensor that is not there.
    Lost {
        /// The tensor.
        key: String,
    },
    /// A tensor that nothing makes.
    Strange {
        /// Where it is.
        file: PathBuf,
        /// The tensor.
        key: String,
    },
    /// A tensor of another type or shape.
    Form {
        /// Where it is.
        file: PathBuf,
        /// The tensor.
        key: String,
        /// The type and shape that it has.
        found: String,
        /// Those that it should have.
        expected: String,
    },
    /// A tensor in another file than it should be.
    Place {
        /// Where it is.
        file: PathBuf,
        /// The tensor.
        key: String,
        /// Where it should be.
        expected: PathBuf,
    },
    /// A tensor of other values.
    Value {
        /// Where it is.
        file: PathBuf,
        /// The tensor.
        key: String,
        /// The index of the first element that differs.
        element: u64,
        /// What is stored.
        found: Stored,
        /// What the inputs make.
        expected: Stored,
        /// Bytes of the tensor that differ.
        bytes: u64,
    },
    /// A file besides weights that is not there.
    Gone {
        /// The file.
        file: PathBuf,
    },
    /// A file of weights that nothing makes, and that loaders may take.
    Extra {
        /// The file.
        file: PathBuf,
    },
    /// A file besides weights that has another content.
    Beside {
        /// The file.
        file: PathBuf,
    },
}

/// An element as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its type.
    pub dtype: DType,
    /// Its bytes; of a packed type those of a few elements.
    pub bytes: Vec<u8>,
}

impl fmt::Display for Stored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut word = [0; 8];
        let len = self.bytes.len().min(word.len());
        word[..len].copy_from_slice(&self.bytes[..len]);
        let word = u64::from_le_bytes(word);
        match self.dtype.float() {
            Some(float) => {
                let value = f32::from_bits(codec::decode(float, word));
                write!(f, "{value} (0x{word:0width$x})", width = 2 * len)
            }
            None => write!(f, "0x{word:0width$x}", width = 2 * len),
        }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Lost { key } => write!(f, "tensor `{key}` is not there"),
            Difference::Strange { file, key } => {
                write!(f, "{}: nothing makes tensor `{key}`", file.display())
            }
            Difference::Form {
                file,
                key,
                found,
                expected,
            } => {
                let file = file.display();
                write!(f, "{file}: tensor `{key}` is {found}, not {expected}")
            }
            Difference::Place {
                file,
                key,
                expected,
            } => {
                let (file, expected) = (file.display(), expected.display());
                write!(f, "{file}: tensor `{key}` belongs into {expected}")
            }
            Difference::Value {
                file,
                key,
                element,
                found,
                expected,
                ..
            } => {
                let file = file.display();
                write!(
                    f,
                    "{file}: tensor `{key}` holds {found} at element {element} where the inputs \
                     make {expected}"
                )
            }
            Difference::Gone { file } => write!(f, "{}: is not there", file.display()),
            Difference::Extra { file } => write!(
                f,
                "{}: holds weights that nothing makes, and a loader may take it",
                file.display()
            ),
            Difference::Beside { file } => {
                write!(f, "{}: is not what the inputs make", file.display())
            }
        }
    }
}

impl Difference {
    /// The same for programs.
    pub fn json(&self) -> Json {
        let (kind, key, file) = match self {
            Difference::Lost { key } => ("lost", Some(key), None),
            Difference::Strange { file, key } => ("strange", Some(key), Some(file)),
            Difference::Form { file, key, .. } => ("form", Some(key), Some(file)),
            Difference::Place { file, key, .. } => ("place", Some(key), Some(file)),
            Difference::Value { file, key, .. } => ("value", Some(key), Some(file)),
            Difference::Gone { file } => ("gone", None, Some(file)),
            Difference::Extra { file } => ("extra", None, Some(file)),
            Difference::Beside { file } => ("beside", None, Some(file)),
        };
        let mut told = json!({
            "kind": kind,
            "tensor": key,
            "file": file.map(|file| path_json(file)),
        });
        if let Difference::Value {
            element,
            found,
            expected,
            bytes,
            ..
        } = self
        {
            told["element"] = json!(element);
            told["found"] = json!(found.to_string());
            told["expected"] = json!(expected.to_string());
            told["bytes"] = json!(bytes);
        }
        told
    }
}
