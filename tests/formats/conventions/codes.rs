//! What quantised checkpoints look like.

/// Names, types and shapes as the libraries write them; a part of what each is called; and the
/// tensor that is shown.
pub const CODED: &[(&str, &str, &str)] = &[
    (
        "b.weight F8_E4M3 8x8; b.scale_weight F32; scaled_fp8 F8_E4M3 0",
        "scaled fp8",
        "b.weight",
    ),
    (
        "b.weight F8_E5M2 8x8; d.scaled_fp8 F8_E5M2 2",
        "scaled fp8",
        "d.scaled_fp8",
    ),
    (
        "b.weight F8_E4M3 8x8; b.scale_weight BF16 8x1x1",
        "scaled fp8",
        "b.weight",
    ),
    (
        "b.weight F8_E4M3 8x8; b.weight_scale F32",
        "fp8 with scales",
        "b.weight",
    ),
    (
        "b.weight F8_E4M3 8x8; b.weight_scale BF16 8x1",
        "fp8 with scales",
        "b.weight",
    ),
    (
        "b.weight F8_E4M3 8x64; b.weight_scale U8 8x2",
        "fp8 with scales",
        "b.weight",
    ),
    (
        "b.weight F8_E4M3 8x8; b.scale_input F32",
        "fp8 with scales",
        "b.weight",
    ),
    (
        "e.weight_scale F8_E8M0 8x1; e.weight F8_E4M3 8x32",
        "fp8 with scales",
        "e.weight",
    ),
    (
        "n F32 4; b.comfy_quant U8 24; b.weight F8_E4M3 8x8",
        "ComfyUI",
        "b.weight",
    ),
    (
        "b.weight U8 16x8; b.weight_scale F8_E4M3 128x4; b.weight_scale_2 F32; b.comfy_quant U8 9",
        "ComfyUI",
        "b.weight",
    ),
    (
        "b.weight I8 8x8; b.weight_s_rel F8_E4M3 8x1; b.weight_s_channel F32 8",
        "ComfyUI",
        "b.weight",
    ),
    (
        "b.weight U8 16x8; b.weight_scale F8_E4M3 16x1; b.weight_scale_2 F32; b.input_scale F32",
        "NVFP4 of ModelOpt",
        "b.weight",
    ),
    (
        "b.weight_packed U8 4x8; b.weight_scale F8_E4M3 4x1; b.weight_global_scale F32 1",
        "NVFP4 of compressed-tensors",
        "b.weight_packed",
    ),
    (
        "b.weight_packed I32 4x8; b.weight_scale BF16 4x2; b.weight_shape I64 2",
        "packed codes of compressed-tensors",
        "b.weight_packed",
    ),
    (
        "norm.weight BF16 8; b.weight F8_E4M3 256x128; b.weight_scale_inv F32 2x1",
        "block fp8",
        "b.weight",
    ),
    (
        "w.scale F8_E8M0 1x1; w.weight F8_E4M3 128x128",
        "DeepSeek-V4",
        "w.weight",
    ),
    (
        "w.weight I8 8x16; w.scale F8_E8M0 8x1",
        "DeepSeek-V4",
        "w.weight",
    ),
    (
        "l.qweight I32 4x8; l.qzeros I32 1x1; l.scales F32 1x8; l.g_idx I32 32",
        "GPTQ",
        "l.qweight",
    ),
    (
        "l.qweight I32 64x4; l.qzeros I32 2x4; l.scales F16 2x32",
        "AWQ",
        "l.qweight",
    ),
    (
        "l.qweight I8 8x8; l.wscales BF16 1x8; l.smooth_factor BF16 8",
        "SVDQuant",
        "l.qweight",
    ),
    (
        "l.qweight I32 4x8; l.scales F16 1x8",
        "packed integers",
        "l.qweight",
    ),
    ("l.B I32 4x8; l.s F16 1x8", "packed integers", "l.B"),
    (
        "l.weight U8 32x1; l.weight.absmax F32 1; l.weight.quant_map F32 16; \
         l.weight.quant_state.bitsandbytes__nf4 U8 80",
        "NF4 of bitsandbytes",
        "l.weight",
    ),
    (
        "l.weight.quant_state.bitsandbytes__fp4 U8 80; l.weight U8 32x1",
        "FP4 of bitsandbytes",
        "l.weight",
    ),
    (
        "l.weight U8 32x1; l.weight.absmax U8 1",
        "4-bit codes of bitsandbytes",
        "l.weight",
    ),
    (
        "l.weight I8 8x8; l.SCB F32 8; l.weight_format U8",
        "int8 of bitsandbytes",
        "l.weight",
    ),
    (
        "e.down_proj_blocks U8 2x4x1x16; e.down_proj_scales U8 2x4x1; e.down_proj_bias BF16 2x4",
        "MXFP4 of gpt-oss",
        "e.down_proj_blocks",
    ),
    (
        "l.W_q U8 8x8; l.scale F16 8x1; l.zero F16 8x1",
        "HQQ",
        "l.W_q",
    ),
    (
        "l._weight_qdata I8 8x8; l._weight_scale F32 8",
        "torchao",
        "l._weight_qdata",
    ),
    ("w U8 8x8; w_scale U8 8x1", "integers with scales", "w"),
    ("w F8_E4M3 8x64; w_scale U8 8x2", "fp8 with scales", "w"),
    (
        "l.weight._data I8 8x8; l.weight._scale BF16 8x1",
        "Quanto",
        "l.weight._data",
    ),
    (
        "l.q_weight I32 8x8; l.q_scale I32 1x1",
        "EXL2",
        "l.q_weight",
    ),
    (
        "l.trellis I16 1x1x16; l.suh F16 8; l.svh F16 8",
        "EXL3",
        "l.trellis",
    ),
    (
        "l.codes I16 8x8x1; l.codebooks F16 1x9x1x8; l.scales F16 8x1x1x1",
        "AQLM",
        "l.codes",
    ),
    (
        "l.indices U16 1x8x8; l.centroids.weight F16 1x8",
        "VPTQ",
        "l.indices",
    ),
    (
        "l.Qidxs I64 8x8; l.SU F16 8; l.SV F16 8",
        "QuIP#",
        "l.Qidxs",
    ),
    (
        "l.weight I8 8x8; l.weight_scale F32 8x1",
        "integers with scales",
        "l.weight",
    ),
    (
        "l.weight I8 8x8; l.weight_scales F16 8",
        "integers with scales",
        "l.weight",
    ),
    (
        "l.weight I8 8x8; l.weights_scaling_factor F32 8",
        "TensorRT-LLM",
        "l.weight",
    ),
    (
        "l.weight I8 8x8; norm.weight F16 8",
        "does not know",
        "l.weight",
    ),
    ("a F32 4; q F4 4", "packed floats", "q"),
    ("a F32 4; q F6_E3M2 4", "packed floats", "q"),
    ("s F8_E8M0 4", "powers of two", "s"),
    ("w F8_E4M3FNUZ 4", "FNUZ", "w"),
    ("freqs_cis C64 4", "complex numbers", "freqs_cis"),
];
