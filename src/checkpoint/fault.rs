//! The faults of a header.
//!
//! Each way a header can be wrong has a variant of its own that names the tensor and both sides of
//! the mismatch. The file is named by the error around it, as a header does not know its file.

use super::header::{DIMENSIONS_MAX, HEADER_BYTES_MAX, TENSORS_MAX, TEXTS_MAX};
use crate::dtype::DType;
use crate::figures::counted;

/// What can be wrong with a header. The file is named by whoever knows it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The header is longer than the format allows.
    #[error(
        "the header is {} long, the limit is {HEADER_BYTES_MAX}; the file is damaged or no \
         safetensors file",
        counted(*.bytes, "byte")
    )]
    TooLong {
        /// The length that was read or was to be written, in bytes.
        bytes: u64,
    },
    /// The header is not text.
    #[error(
        "the header is not UTF-8 from its byte {position} on; the file is damaged or no \
         safetensors file"
    )]
    NotUtf8 {
        /// The first bad byte, counted from the start of the header.
        position: usize,
    },
    /// The header begins with something else than `{`.
    #[error(
        "the header begins with {found}, it must begin with `{{`; the file is damaged or no \
         safetensors file"
    )]
    NotObject {
        /// The first character in backquotes, or `nothing`.
        found: String,
    },
    /// The header is not JSON.
    #[error("the header is not JSON: {fault}; the file is damaged, download it again")]
    NotJson {
        /// Where and why reading stopped.
        fault: String,
    },
    /// Two tensors have one name, or `__metadata__` is there twice.
    #[error("the header has the key `{key}` twice, names must be unique; write the file again")]
    DuplicateKey {
        /// The repeated key.
        key: String,
    },
    /// A key of `__metadata__` is there twice.
    #[error("`__metadata__` has the key `{key}` twice, keys must be unique; write the file again")]
    DuplicateMetadata {
        /// The repeated key inside `__metadata__`.
        key: String,
    },
    /// A tensor states one field twice.
    #[error("tensor `{key}` has the field `{field}` twice; write the file again")]
    DuplicateField {
        /// The tensor.
        key: String,
        /// The repeated field.
        field: String,
    },
    /// A tensor has more dimensions than any library has.
    #[error(
        "tensor `{key}` has more than {DIMENSIONS_MAX} dimensions, the limit; the file is damaged"
    )]
    TooManyDimensions {
        /// The tensor.
        key: String,
    },
    /// The file has more tensors than are read.
    #[error(
        "the header has more than {TENSORS_MAX} tensors, the limit; divide it into several files"
    )]
    TooManyTensors,
    /// The metadata has more texts than are read.
    #[error(
        "`__metadata__` has more than {TEXTS_MAX} texts, the limit; write the file again with less"
    )]
    TooManyTexts,
    /// A tensor lacks a field.
    #[error("tensor `{key}` lacks the field `{field}`; write the file again")]
    MissingField {
        /// The tensor.
        key: String,
        /// The absent field.
        field: &'static str,
    },
    /// A tensor's entry is not an object.
    #[error("the entry of tensor `{key}` is not an object: {fault}; write the file again")]
    NotEntry {
        /// The tensor.
        key: String,
        /// What was found and what was expected.
        fault: String,
    },
    /// A field holds a value of the wrong type.
    #[error("tensor `{key}`, field `{field}`: {fault}; write the file again")]
    WrongType {
        /// The tensor.
        key: String,
        /// The field.
        field: &'static str,
        /// What was found and what was expected.
        fault: String,
    },
    /// `__metadata__` is not a map from text to text.
    #[error("`__metadata__` is not a map from text to text: {fault}; write the file again")]
    NotText {
        /// What was found and what was expected.
        fault: String,
    },
    /// A tensor has an element type that the format does not know.
    #[error(
        "tensor `{key}` has the unknown dtype `{dtype}`; the dtypes are {}",
        list_dtypes()
    )]
    UnknownDType {
        /// The tensor.
        key: String,
        /// The unknown name.
        dtype: String,
    },
    /// The size of a tensor does not fit into 64 bits.
    #[error(
        "tensor `{key}` of shape {shape:?} and dtype {dtype} has more bits than 64-bit numbers can \
         count; the file is damaged"
    )]
    Overflow {
        /// The tensor.
        key: String,
        /// Its dimensions.
        shape: Vec<u64>,
        /// Its element type.
        dtype: DType,
    },
    /// A tensor of a packed type ends within a byte.
    #[error(
        "tensor `{key}` of shape {shape:?} and dtype {dtype} has {bits} bits, not a whole number \
         of bytes; the file is damaged"
    )]
    PartialByte {
        /// The tensor.
        key: String,
        /// Its dimensions.
        shape: Vec<u64>,
        /// Its element type.
        dtype: DType,
        /// Its size in bits.
        bits: u64,
    },
    /// A tensor begins after its end.
    #[error("tensor `{key}` begins at byte {begin} but ends at byte {end}; the file is damaged")]
    Backwards {
        /// The tensor.
        key: String,
        /// Where its bytes begin in the data section.
        begin: u64,
        /// Where they end.
        end: u64,
    },
    /// A tensor has more or fewer bytes than its shape and dtype need.
    #[error(
        "tensor `{key}` spans {}, its shape {shape:?} and dtype {dtype} need {expected}; the file \
         is damaged",
        counted(*.actual, "byte")
    )]
    SpanMismatch {
        /// The tensor.
        key: String,
        /// Its dimensions.
        shape: Vec<u64>,
        /// Its element type.
        dtype: DType,
        /// The bytes of its span.
        actual: u64,
        /// The bytes that shape and dtype need.
        expected: u64,
    },
    /// A tensor ends behind the end of the file.
    #[error(
        "tensor `{key}` needs the file to have at least {}, it has {actual}; the \
         file is truncated, download it again",
        counted(*.expected, "byte")
    )]
    Truncated {
        /// The tensor that ends last.
        key: String,
        /// The bytes the file must have for it.
        expected: u64,
        /// The bytes the file has.
        actual: u64,
    },
    /// Two tensors share bytes.
    #[error(
        "tensor `{second}` begins at byte {begin}, inside tensor `{first}` that ends at byte \
         {end}; the file is damaged"
    )]
    Overlap {
        /// The tensor that begins first.
        first: String,
        /// The tensor that begins inside it.
        second: String,
        /// Where the second begins in the data section.
        begin: u64,
        /// Where the first ends.
        end: u64,
    },
    /// Bytes in front of a tensor belong to none.
    #[error(
        "no tensor has the {} at byte {position} of the data, in front of tensor `{key}`; the \
         format allows no holes, write the file again",
        counted(*.bytes, "byte")
    )]
    Hole {
        /// The tensor behind the hole.
        key: String,
        /// Where the hole begins in the data section.
        position: u64,
        /// Its size.
        bytes: u64,
    },
    /// Bytes behind the last tensor belong to none.
    #[error(
        "no tensor has the {} at byte {position} of the data, behind the last tensor; the file is \
         damaged or was appended to, download it again",
        counted(*.bytes, "byte")
    )]
    Trailing {
        /// Where the surplus begins in the data section.
        position: u64,
        /// Its size.
        bytes: u64,
    },
    /// A tensor to be written has the name that stands for metadata.
    #[error("a tensor cannot be named `__metadata__`, the format keeps this name; rename it")]
    ReservedKey,
}

fn list_dtypes() -> String {
    let names: Vec<&str> = DType::ALL.iter().map(|dtype| dtype.name()).collect();
    names.join(", ")
}
