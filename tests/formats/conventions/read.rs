//! What quantised checkpoints look like that are read, and what is wrong with some.

/// A checkpoint whose codes are read.
pub struct Read {
    /// Names, types and shapes as the libraries write them.
    pub entries: &'static str,
    /// What every small entry holds.
    pub text: &'static str,
    /// The name that a tensor is seen by.
    pub name: &'static str,
    /// Its dimensions.
    pub shape: &'static [u64],
    /// A part of what its convention is called.
    pub convention: &'static str,
}

const fn read(
    entries: &'static str,
    text: &'static str,
    name: &'static str,
    shape: &'static [u64],
    convention: &'static str,
) -> Read {
    Read {
        entries,
        text,
        name,
        shape,
        convention,
    }
}

/// A checkpoint of each kind.
pub const READ: &[Read] = &[
    read(
        "b.weight F8_E4M3 8x8; b.comfy_quant U8 27; b.weight_scale F32",
        r#"{"format":"float8_e4m3fn"}"#,
        "b.weight",
        &[8, 8],
        "ComfyUI",
    ),
    read(
        "b.weight F8_E5M2 8x8; b.comfy_quant U8 27",
        r#"{"format":"float8_e5m2"}"#,
        "b.weight",
        &[8, 8],
        "ComfyUI",
    ),
    read(
        "b.weight U8 16x8; b.weight_scale F8_E4M3 128x4; b.weight_scale_2 F32; b.comfy_quant U8 9",
        r#"{"format":"nvfp4","params":{"orig_shape":[9,15]}}"#,
        "b.weight",
        &[9, 15],
        "ComfyUI",
    ),
    read(
        "b.weight U8 16x8; b.weight_scale F8_E4M3 128x4; b.weight_scale_2 F32; b.comfy_quant U8 9; \
         b.bias F32 10",
        r#"{"format":"nvfp4"}"#,
        "b.weight",
        &[10, 16],
        "ComfyUI",
    ),
    read(
        "b.weight I8 8x8; b.weight_scale F32 8; b.comfy_quant U8 9",
        r#"{"format":"convrot_w4a4","convrot_groupsize":16}"#,
        "b.weight",
        &[8, 16],
        "ComfyUI",
    ),
    read(
        "b.weight F8_E4M3 3x8x8; b.weight_scale F32 3; b.comfy_quant U8 9",
        r#"{"format":"float8_e4m3fn","num_experts":3}"#,
        "b.weight",
        &[3, 8, 8],
        "ComfyUI",
    ),
    read(
        "b.weight F8_E4M3 8x8; b.scale_weight F32; scaled_fp8 F8_E4M3 0; f.weight BF16 8x8; \
         f.scale_weight F32",
        "",
        "b.weight",
        &[8, 8],
        "scaled fp8",
    ),
    read(
        "b.weight F8_E4M3 8x64; b.scale_weight BF16 8x2x1",
        "",
        "b.weight",
        &[8, 64],
        "scaled fp8",
    ),
    read(
        "norm.weight BF16 8; b.weight F8_E4M3 130x140; b.weight_scale_inv F32 2x2",
        "",
        "b.weight",
        &[130, 140],
        "block fp8",
    ),
    read(
        "w.scale F8_E8M0 1x1; w.weight F8_E4M3 128x128",
        "",
        "w.weight",
        &[128, 128],
        "DeepSeek-V4",
    ),
    read(
        "w.weight I8 8x16; w.scale F8_E8M0 8x1",
        "",
        "w.weight",
        &[8, 32],
        "DeepSeek-V4",
    ),
    read(
        "b.weight_packed U8 4x8; b.weight_scale F8_E4M3 4x1; b.weight_global_scale F32 1",
        "",
        "b.weight",
        &[4, 16],
        "compressed-tensors",
    ),
    read(
        "b.weight_packed U8 4x24; b.weight_scale U8 4x1",
        "",
        "b.weight",
        &[4, 32],
        "compressed-tensors",
    ),
    read(
        "b.weight_packed I32 4x5; b.weight_scale BF16 4x1; b.weight_shape I64 2",
        "\x04\0\0\0\0\0\0\0\x25\0\0\0\0\0\0\0",
        "b.weight",
        &[4, 37],
        "compressed-tensors",
    ),
    read(
        "b.weight U8 16x8; b.weight_scale F8_E4M3 16x1; b.weight_scale_2 F32; b.input_scale F32",
        "",
        "b.weight",
        &[16, 16],
        "ModelOpt",
    ),
    read(
        "e.down_proj_blocks U8 2x4x1x16; e.down_proj_scales U8 2x4x1; e.down_proj_bias BF16 2x4",
        "",
        "e.down_proj",
        &[2, 32, 4],
        "gpt-oss",
    ),
    read(
        "l.weight U8 32x1; l.weight.absmax F32 1; l.weight.quant_map F32 16; \
         l.weight.quant_state.bitsandbytes__nf4 U8 80",
        r#"{"quant_type":"nf4","blocksize":64,"dtype":"bfloat16","shape":[7,9]}"#,
        "l.weight",
        &[7, 9],
        "bitsandbytes",
    ),
    read(
        "l.weight I8 8x8; l.SCB F32 8; l.weight_format U8",
        "\0",
        "l.weight",
        &[8, 8],
        "bitsandbytes",
    ),
    read(
        "l.qweight I32 64x4; l.qzeros I32 2x4; l.scales F16 2x32",
        "",
        "l.weight",
        &[32, 64],
        "AWQ",
    ),
    read(
        "b.weight F8_E4M3 8x8; b.weight_scale BF16 8x1",
        "",
        "b.weight",
        &[8, 8],
        "codes with scales",
    ),
    read(
        "l.weight I8 8x8; l.weight_scale F32 8x1",
        "",
        "l.weight",
        &[8, 8],
        "codes with scales",
    ),
    read(
        "w U8 32x48; w_scale U8 32x3",
        "",
        "w",
        &[32, 96],
        "codes with scales",
    ),
    read("a F32 4; q F4 4", "", "q", &[4], "packed floats"),
    read("a F32 4; q F6_E3M2 4", "", "q", &[4], "packed floats"),
];

/// Checkpoints that are half a convention, or two: what every small entry holds, and a part of the
/// message.
pub const FAULTY: &[(&str, &str, &str)] = &[
    (
        "b.comfy_quant U8 27",
        r#"{"format":"float8_e4m3fn"}"#,
        "`b.weight`, which belongs to it, is not there",
    ),
    (
        "b.weight F8_E4M3 8x8; b.comfy_quant U8 27",
        r#"{"format":"float9"}"#,
        "names the format `float9`",
    ),
    (
        "b.weight F8_E4M3 8x8; b.comfy_quant U8 27",
        "{",
        "it is no JSON",
    ),
    (
        "b.weight I8 8x8; b.comfy_quant U8 27",
        r#"{"format":"int8_tensorwise"}"#,
        "`b.weight_scale`, which belongs to it, is not there",
    ),
    (
        "b.weight I8 8x8; b.weight_scale F32 7x1; b.comfy_quant U8 27",
        r#"{"format":"int8_tensorwise"}"#,
        "`b.weight_scale` is F32 [7, 1]",
    ),
    // ModelOpt's scales under ComfyUI's description.
    (
        "b.weight U8 16x8; b.weight_scale F8_E4M3 16x1; b.weight_scale_2 F32; b.comfy_quant U8 9",
        r#"{"format":"nvfp4"}"#,
        "512 elements of F8_E4M3",
    ),
    (
        "b.weight U8 16x8; b.weight_scale F8_E4M3 128x4; b.weight_scale_2 F32",
        "",
        "must have F8_E4M3 [16, 1]",
    ),
    (
        "b.weight F8_E4M3 8x8; b.weight_scale F32; b.scale_weight F32; b.comfy_quant U8 27",
        r#"{"format":"float8_e4m3fn"}"#,
        "it cannot be both",
    ),
    (
        "b.weight F8_E5M2 8x8; d.scaled_fp8 F8_E5M2 2; d.c.weight F8_E5M2 8x8",
        "",
        "`d.c.scale_weight`, which belongs to it, is not there",
    ),
    (
        "b.weight F8_E4M3 256x256; b.weight_scale_inv F32 3x2",
        "",
        "one for each tile",
    ),
    (
        "l.weight U8 32x1; l.weight.absmax U8 1",
        "",
        "`l.weight.quant_state.bitsandbytes__nf4`, which belongs to it, is not there",
    ),
    (
        "l.weight U8 32x1; l.weight.absmax F32 1; l.weight.quant_map F32 16; \
         l.weight.quant_state.bitsandbytes__nf4 U8 80",
        r#"{"blocksize":64,"shape":[8,9]}"#,
        "36 elements of U8",
    ),
    (
        "b.weight_packed U8 8x8; b.weight_scale F8_E4M3 8x1",
        "",
        "`b.weight_global_scale`, which belongs to it, is not there",
    ),
    (
        "e.w_blocks U8 2x4x1x16",
        "",
        "`e.w_scales`, which belongs to it, is not there",
    ),
];
