//! The types of tensors in files of GGUF.

use crate::dtype::DType;
use crate::format::Gguf;

/// A type of tensors.
#[derive(Debug)]
pub(super) struct Kind {
    /// The number that ggml gives it.
    id: u32,
    /// What ggml calls it.
    pub(super) name: &'static str,
    /// Elements of a block.
    pub(super) elements: u64,
    /// Bytes of a block.
    pub(super) bytes: u64,
    /// What blocks hold.
    pub(super) holds: Holds,
}

/// What the blocks of a type hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Holds {
    /// A number each.
    Numbers(DType),
    /// Codes and their scales.
    Blocks(Gguf),
    /// Codes that are not read.
    Unread,
}

use Holds::{Blocks, Numbers, Unread};

const fn kind(id: u32, name: &'static str, elements: u64, bytes: u64, holds: Holds) -> Kind {
    Kind {
        id,
        name,
        elements,
        bytes,
        holds,
    }
}

/// All of them, as `ggml_type` in ggml.h has them.
const KINDS: &[Kind] = &[
    kind(0, "F32", 1, 4, Numbers(DType::F32)),
    kind(1, "F16", 1, 2, Numbers(DType::F16)),
    kind(2, "Q4_0", 32, 18, Blocks(Gguf::Q4_0)),
    kind(3, "Q4_1", 32, 20, Blocks(Gguf::Q4_1)),
    kind(6, "Q5_0", 32, 22, Blocks(Gguf::Q5_0)),
    kind(7, "Q5_1", 32, 24, Blocks(Gguf::Q5_1)),
    kind(8, "Q8_0", 32, 34, Blocks(Gguf::Q8_0)),
    kind(9, "Q8_1", 32, 36, Unread),
    kind(10, "Q2_K", 256, 84, Blocks(Gguf::Q2K)),
    kind(11, "Q3_K", 256, 110, Blocks(Gguf::Q3K)),
    kind(12, "Q4_K", 256, 144, Blocks(Gguf::Q4K)),
    kind(13, "Q5_K", 256, 176, Blocks(Gguf::Q5K)),
    kind(14, "Q6_K", 256, 210, Blocks(Gguf::Q6K)),
    kind(15, "Q8_K", 256, 292, Unread),
    kind(16, "IQ2_XXS", 256, 66, Unread),
    kind(17, "IQ2_XS", 256, 74, Unread),
    kind(18, "IQ3_XXS", 256, 98, Unread),
    kind(19, "IQ1_S", 256, 50, Unread),
    kind(20, "IQ4_NL", 32, 18, Blocks(Gguf::Iq4Nl)),
    kind(21, "IQ3_S", 256, 110, Unread),
    kind(22, "IQ2_S", 256, 82, Unread),
    kind(23, "IQ4_XS", 256, 136, Blocks(Gguf::Iq4Xs)),
    kind(24, "I8", 1, 1, Numbers(DType::I8)),
    kind(25, "I16", 1, 2, Numbers(DType::I16)),
    kind(26, "I32", 1, 4, Numbers(DType::I32)),
    kind(27, "I64", 1, 8, Numbers(DType::I64)),
    kind(28, "F64", 1, 8, Numbers(DType::F64)),
    kind(29, "IQ1_M", 256, 56, Unread),
    kind(30, "BF16", 1, 2, Numbers(DType::BF16)),
    kind(34, "TQ1_0", 256, 54, Unread),
    kind(35, "TQ2_0", 256, 66, Unread),
    kind(39, "MXFP4", 32, 17, Blocks(Gguf::Mxfp4)),
    kind(40, "NVFP4", 64, 36, Unread),
    kind(41, "Q1_0", 128, 18, Unread),
];

impl Kind {
    /// The type of a number.
    pub(super) fn of(id: u32) -> Option<&'static Kind> {
        KINDS.iter().find(|kind| kind.id == id)
    }
}
