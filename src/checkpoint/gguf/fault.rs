//! What can be wrong with a file of GGUF. The file is named by the error around it.

use crate::checkpoint::file::FileError;
use crate::checkpoint::header::{DIMENSIONS_MAX, HEADER_BYTES_MAX};
use crate::figures::counted;

/// What is wrong with a file of GGUF.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the messages say it")]
pub enum GgufError {
    #[error(
        "is GGUF of version {version}, of which 2 and 3 are read; {}",
        other_version(*.version)
    )]
    Version { version: u32 },
    #[error(
        "has {}, the limit is {max}; the file is damaged",
        counted(*.count, "tensor")
    )]
    TooManyTensors { count: u64, max: usize },
    #[error(
        "the header counts {count} {what}, and {} that are left do not hold as many; the file is \
         damaged or truncated, download it again",
        counted(*.left, "byte")
    )]
    Room {
        what: &'static str,
        count: u64,
        left: u64,
    },
    #[error(
        "the header goes on at byte {at}, and the file has {}; it is truncated, download it again",
        counted(*.len, "byte")
    )]
    Truncated { at: u64, len: u64 },
    #[error(
        "the header goes on at byte {at} for more than {HEADER_BYTES_MAX} bytes in all, the limit; \
         the file is damaged"
    )]
    TooLong { at: u64 },
    #[error(
        "{what} at byte {at} has {}, the limit is {max}; the file is damaged",
        counted(*.bytes, "byte")
    )]
    Text {
        what: &'static str,
        at: u64,
        bytes: u64,
        max: u64,
    },
    #[error("{what} at byte {at} is not UTF-8; the file is damaged")]
    NotUtf8 { what: &'static str, at: u64 },
    #[error(
        "field `{field}` is of type {kind}, which the format does not have; the file is damaged"
    )]
    Field { field: String, kind: u32 },
    #[error("field `{field}` is no list of at most {DIMENSIONS_MAX} sizes; the file is damaged")]
    Sizes { field: String },
    #[error(
        "`general.alignment` is {alignment}, not a power of two up to 65536; the file is damaged"
    )]
    Alignment { alignment: u64 },
    #[error("tensor `{key}` is there twice; the file is damaged")]
    Twice { key: String },
    #[error("tensor `{key}` has the name of safetensors' metadata; rename it")]
    Reserved { key: String },
    #[error("tensor `{key}` has {dimensions} dimensions, the limit is {DIMENSIONS_MAX}")]
    Dimensions { key: String, dimensions: u32 },
    #[error(
        "tensor `{key}` is of type {id}, which wgmerge does not know; take the f16 or bf16 model \
         that it was made from, or a file of another type such as Q8_0 or Q4_K"
    )]
    Kind { key: String, id: u32 },
    #[error(
        "tensor `{key}` is of type {kind}, which wgmerge does not decode; take the f16 or bf16 \
         model that it was made from, or a file of another type such as Q8_0 or Q4_K"
    )]
    Unread { key: String, kind: &'static str },
    #[error(
        "tensor `{key}` has rows of {row} elements, which blocks of {elements} of its type {kind} \
         do not fill; the file is damaged"
    )]
    Blocks {
        key: String,
        kind: &'static str,
        row: u64,
        elements: u64,
    },
    #[error(
        "tensor `{key}` begins at {offset}, which is no multiple of the file's alignment, \
         {alignment}; the file is damaged"
    )]
    Offset {
        key: String,
        offset: u64,
        alignment: u64,
    },
    #[error(
        "tensor `{key}` ({kind} {shape:?}) at offset {offset} behind byte {data} ends behind the \
         end of the file, which has {}; it is truncated, download it again",
        counted(*.len, "byte")
    )]
    Beyond {
        key: String,
        kind: &'static str,
        shape: Vec<u64>,
        offset: u64,
        data: u64,
        len: u64,
    },
    #[error("tensors `{first}` and `{second}` share bytes; the file is damaged")]
    Overlap { first: String, second: String },
    #[error(
        "tensor `{key}` is stored as {stored:?}, and `comfy.gguf.orig_shape.{key}` says {shape:?}, \
         which has another number of elements; the file is damaged"
    )]
    Original {
        key: String,
        shape: Vec<u64>,
        stored: Vec<u64>,
    },
}

/// What can be done about a version that is not read.
fn other_version(version: u32) -> &'static str {
    match version {
        1 => "convert it with a llama.cpp of 2023 to 2025, or download a newer file",
        // Its bytes in the other order.
        _ if version & 0xffff == 0 && version != 0 => {
            "it is in big-endian order: take a file for other processors"
        }
        _ => "the file is damaged, or newer than this wgmerge",
    }
}

/// Why reading stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// The file could not be read.
    File(FileError),
    /// The file was read, and is wrong.
    Gguf(GgufError),
}

impl From<FileError> for Stop {
    fn from(fault: FileError) -> Stop {
        Stop::File(fault)
    }
}

impl From<GgufError> for Stop {
    fn from(fault: GgufError) -> Stop {
        Stop::Gguf(fault)
    }
}
