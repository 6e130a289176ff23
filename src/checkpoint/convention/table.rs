//! The conventions whose codes are not read, as one table.
//!
//! Names are those that the libraries write, read off files of theirs. A convention is told by
//! tensors that stand beside the codes: scales, zero points, tables, markers. Such a name alone
//! says little (`scale` is also a norm's weight), so that each sign also says what the tensor and
//! the one beside it are made of.

use crate::checkpoint::tensor::TensorInfo;
use crate::dtype::DType;

/// A way to store numbers as codes that is not read.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What it is called, as in "stored as NF4 of bitsandbytes".
    pub(super) name: &'static str,
    /// Where the numbers can be had.
    pub(super) way: &'static str,
    /// The tensors that tell it; one of them is enough.
    pub(super) signs: &'static [Sign],
}

/// A tensor that tells a convention.
#[derive(Debug)]
pub(super) struct Sign {
    /// What its name ends in; what is in front of that is the stem.
    pub(super) tail: &'static str,
    /// What it is made of.
    pub(super) is: Stored,
    /// What follows the stem in the name of the tensor beside it, and what that is made of.
    pub(super) beside: Option<(&'static str, Stored)>,
}

/// What a tensor is made of, as far as a sign needs it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stored {
    /// Whatever.
    Any,
    /// 8-bit floats.
    Float8,
    /// Integers, packed or not.
    Integer,
    /// What codes are kept in: 8-bit floats, integers, and types that have no arithmetic.
    Code,
    /// What scales of codes are kept in: anything but 8-bit floats with a mantissa.
    Scale,
}

impl Stored {
    pub(super) fn fits(self, info: &TensorInfo) -> bool {
        let dtype = info.dtype;
        match self {
            Stored::Any => true,
            Stored::Float8 => is_float8(dtype),
            Stored::Integer => dtype.is_integer(),
            Stored::Code => is_float8(dtype) || dtype.is_integer() || dtype.is_opaque(),
            Stored::Scale => !is_float8(dtype),
        }
    }
}

fn is_float8(dtype: DType) -> bool {
    matches!(dtype, DType::F8E4M3 | DType::F8E5M2)
}

/// A sign that needs no other tensor.
const fn alone(tail: &'static str, is: Stored) -> Sign {
    Sign {
        tail,
        is,
        beside: None,
    }
}

/// A sign beside what is made of something.
const fn beside(tail: &'static str, is: Stored, other: &'static str, made: Stored) -> Sign {
    Sign {
        tail,
        is,
        beside: Some((other, made)),
    }
}

const ORIGINAL: &str = "take the f16 or bf16 model that it was made from";
const SCALED: &str = "take the f16 or bf16 model that it was made from, or write one with Python: \
                      each weight as f32 times its scale";
const TRANSFORMERS: &str = "take the f16 or bf16 model that it was made from, or load this one \
                            with transformers, call `model.dequantize()` and save it";
const COMPRESSED: &str = "take the f16 or bf16 model that it was made from, or load this one with \
                          transformers and `CompressedTensorsConfig(run_compressed=False)` and \
                          save it";

use Stored::{Any, Code, Float8, Integer, Scale};

/// Every convention, the particular before the general.
pub(super) static REFUSALS: &[Refusal] = &[
    Refusal {
        name: "levels of ComfyUI, without the description `comfy_quant`",
        way: ORIGINAL,
        signs: &[beside(".weight_s_rel", Any, ".weight", Integer)],
    },
    Refusal {
        name: "packed codes of compressed-tensors",
        way: COMPRESSED,
        signs: &[beside(".weight_packed", Code, ".weight_scale", Any)],
    },
    Refusal {
        name: "scaled fp8 (`scaled_fp8`)",
        way: SCALED,
        signs: &[alone("scaled_fp8", Any)],
    },
    Refusal {
        name: "GPTQ",
        way: ORIGINAL,
        signs: &[beside(".qweight", Integer, ".g_idx", Integer)],
    },
    Refusal {
        name: "SVDQuant of Nunchaku",
        way: ORIGINAL,
        signs: &[beside(".qweight", Integer, ".wscales", Any)],
    },
    Refusal {
        name: "packed integers (`qweight`)",
        way: ORIGINAL,
        signs: &[
            alone(".qweight", Integer),
            beside(".B", Integer, ".s", Scale),
        ],
    },
    Refusal {
        name: "4-bit codes of bitsandbytes",
        way: TRANSFORMERS,
        signs: &[
            beside(".absmax", Any, "", Integer),
            beside(".quant_map", Any, "", Integer),
        ],
    },
    Refusal {
        name: "HQQ",
        way: ORIGINAL,
        signs: &[alone(".W_q", Integer), beside(".W_q", Any, ".zero", Any)],
    },
    Refusal {
        name: "a quantised tensor of torchao",
        way: ORIGINAL,
        signs: &[
            alone("_weight_qdata", Any),
            alone(".qdata", Any),
            alone(":qdata", Any),
        ],
    },
    Refusal {
        name: "a quantised tensor of Quanto",
        way: ORIGINAL,
        signs: &[beside("._data", Code, "._scale", Any)],
    },
    Refusal {
        name: "EXL2",
        way: ORIGINAL,
        signs: &[alone(".q_weight", Integer)],
    },
    Refusal {
        name: "EXL3",
        way: ORIGINAL,
        signs: &[alone(".trellis", Integer)],
    },
    Refusal {
        name: "AQLM",
        way: ORIGINAL,
        signs: &[beside(".codes", Integer, ".codebooks", Any)],
    },
    Refusal {
        name: "VPTQ",
        way: ORIGINAL,
        signs: &[beside(".indices", Integer, ".centroids.weight", Any)],
    },
    Refusal {
        name: "QuIP#",
        way: ORIGINAL,
        signs: &[alone(".Qidxs", Integer)],
    },
    Refusal {
        name: "codes of TensorRT-LLM",
        way: ORIGINAL,
        signs: &[beside(".weights_scaling_factor", Any, ".weight", Code)],
    },
    Refusal {
        name: "fp8 with scales (`weight_scale`)",
        way: SCALED,
        signs: &[
            beside("_scale", Scale, "", Float8),
            beside("_scales", Scale, "", Float8),
            beside(".scale_input", Any, ".weight", Float8),
        ],
    },
    Refusal {
        name: "integers with scales (`weight_scale`)",
        way: ORIGINAL,
        signs: &[
            beside("_scale", Any, "", Integer),
            beside("_scales", Any, "", Integer),
        ],
    },
];
