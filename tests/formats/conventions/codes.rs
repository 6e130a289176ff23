//! What quantised checkpoints look like that are not read.

/// Names, types and shapes as the libraries write them; a part of what each is called; and the
/// tensor that is shown.
pub const REFUSED: &[(&str, &str, &str)] = &[
    (
        "b.weight I8 8x8; b.weight_s_rel F8_E4M3 8x1; b.weight_s_channel F32 8",
        "levels of ComfyUI",
        "b.weight",
    ),
    (
        "b.weight I8 8x8; b.weight_scale F32 8x1; b.weight_zero_point I8 8x1",
        "zero points",
        "b.weight",
    ),
    (
        "b.weight_packed I32 8x8; b.weight_scale F32 8x1; b.weight_g_idx I32 8",
        "mix columns",
        "b.weight_packed",
    ),
    (
        "b.weight F8_E4M3 8x8; b.scale_input F32",
        "fp8 with scales",
        "b.weight",
    ),
    (
        "l.qweight I32 4x8; l.qzeros I32 1x1; l.scales F32 1x8; l.g_idx I32 32",
        "GPTQ",
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
    ("s F8_E8M0 4", "powers of two", "s"),
    ("w F8_E4M3FNUZ 4", "FNUZ", "w"),
    ("freqs_cis C64 4", "complex numbers", "freqs_cis"),
];
