//! A tensor that is stored as codes, as it is seen.

use crate::checkpoint::shape::Shape;
use crate::dtype::DType;
use crate::format::Format;

/// A tensor that is stored as codes, as it is seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coded {
    /// How its numbers are stored.
    pub format: Format,
    /// Its dimensions as they are seen: without padding where that is known, and transposed where
    /// [`Coded::transposed`] says so.
    pub shape: Shape,
    /// Whether the last two dimensions may count padding, as nothing in the file says how many
    /// rows and columns the tensor has.
    pub padded: bool,
    /// The keys of its stored entries, in the order of the format's parts.
    pub parts: Vec<String>,
    /// Keys of entries that belong to it and hold no numbers of it: markers, scales of inputs.
    pub beside: Vec<String>,
    /// Whether it is seen as the transpose of what is stored.
    pub transposed: bool,
    /// Who stores tensors so.
    pub convention: Convention,
    /// What is said of it besides.
    pub described: Described,
}

/// Who stores tensors as codes, and where the codes say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Convention {
    /// `comfy_quant`, or the header's `_quantization_metadata`.
    Comfy,
    /// `scale_weight`, with or without the marker `scaled_fp8`.
    ScaledFp8,
    /// `weight_scale_inv` of Hugging Face.
    BlockFp8,
    /// `scale` beside `weight`.
    DeepSeek,
    /// `weight_packed`, or what config.json says.
    Compressed,
    /// `weight_scale_2` without ComfyUI's marker, or what hf_quant_config.json says.
    ModelOpt,
    /// `_blocks` and `_scales`.
    GptOss,
    /// `quant_state`, or `SCB`.
    Bitsandbytes,
    /// `qweight`, `qzeros` and `scales`.
    Awq,
    /// A tensor and its `_scale`.
    Scaled,
    /// Narrow floats of safetensors that stand alone.
    Narrow,
    /// A file of GGUF.
    Gguf,
}

impl Convention {
    /// What it is called, as in "stored as NF4 of bitsandbytes".
    pub fn name(self) -> &'static str {
        match self {
            Convention::Comfy => "codes of ComfyUI (`comfy_quant`)",
            Convention::ScaledFp8 => "scaled fp8 (`scale_weight`)",
            Convention::BlockFp8 => "block fp8 (`weight_scale_inv`)",
            Convention::DeepSeek => "block codes of DeepSeek-V4 (`scale`)",
            Convention::Compressed => "codes of compressed-tensors",
            Convention::ModelOpt => "codes of ModelOpt",
            Convention::GptOss => "MXFP4 of gpt-oss (`_blocks` and `_scales`)",
            Convention::Bitsandbytes => "codes of bitsandbytes",
            Convention::Awq => "AWQ",
            Convention::Scaled => "codes with scales (`weight_scale`)",
            Convention::Narrow => "packed floats",
            Convention::Gguf => "blocks of GGUF",
        }
    }
}

/// What is said of a coded tensor besides, which is needed to write it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Described {
    /// Nothing.
    Nothing,
    /// The JSON that counts: ComfyUI's options of the layer, or the state of bitsandbytes.
    Json(String),
    /// The marker `scaled_fp8` of the tensor's model.
    Marker {
        /// Its key.
        key: String,
        /// Its element type.
        dtype: DType,
        /// Its number of elements: 0, or 2 for products in full precision.
        elements: u64,
    },
}
