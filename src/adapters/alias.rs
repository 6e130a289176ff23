//! What other libraries call the modules of transformers and text encoders.

use super::place::Part::{self, All, Hidden, Swapped, SwappedInLast, Third};

/// Modules that stand together, with what their names begin with: `#` is a number.
struct Group {
    /// What the original names begin with.
    from: &'static str,
    /// What the other names begin with.
    to: &'static str,
    /// The rest of the original name of a module, of another name, and which of its rows are that
    /// module's.
    rows: &'static [(&'static str, &'static str, Part)],
}

/// In this order: Flux and Flux 2 (diffusers), HunyuanVideo, XLabs, Stable Diffusion 3, Wan, Z-Image,
/// Krea 2, and CLIP-G (transformers).
const GROUPS: [Group; 14] = [
    Group {
        from: "double_blocks.#.",
        to: "transformer_blocks.#.",
        rows: &[
            ("img_attn.qkv", "attn.to_q", Third(0)),
            ("img_attn.qkv", "attn.to_k", Third(1)),
            ("img_attn.qkv", "attn.to_v", Third(2)),
            ("txt_attn.qkv", "attn.add_q_proj", Third(0)),
            ("txt_attn.qkv", "attn.add_k_proj", Third(1)),
            ("txt_attn.qkv", "attn.add_v_proj", Third(2)),
            ("img_attn.proj", "attn.to_out.0", All),
            ("img_attn.norm.query_norm", "attn.norm_q", All),
            ("img_attn.norm.key_norm", "attn.norm_k", All),
            ("img_mlp.0", "ff.net.0.proj", All),
            ("img_mlp.2", "ff.net.2", All),
            ("img_mlp.0", "ff.linear_in", All),
            ("img_mlp.2", "ff.linear_out", All),
            ("img_mod.lin", "norm1.linear", All),
            ("txt_attn.proj", "attn.to_add_out", All),
            ("txt_attn.norm.query_norm", "attn.norm_added_q", All),
            ("txt_attn.norm.key_norm", "attn.norm_added_k", All),
            ("txt_mlp.0", "ff_context.net.0.proj", All),
            ("txt_mlp.2", "ff_context.net.2", All),
            ("txt_mlp.0", "ff_context.linear_in", All),
            ("txt_mlp.2", "ff_context.linear_out", All),
            ("txt_mod.lin", "norm1_context.linear", All),
        ],
    },
    Group {
        from: "double_blocks.#.",
        to: "double_blocks.#.",
        rows: &[
            ("img_attn.qkv", "img_attn_qkv", All),
            ("img_attn.proj", "img_attn_proj", All),
            ("img_mlp.0", "img_mlp.fc1", All),
            ("img_mlp.2", "img_mlp.fc2", All),
            ("img_mod.lin", "img_mod.linear", All),
            ("img_attn.qkv", "qkv_lora1", All),
            ("img_attn.proj", "proj_lora1", All),
            ("txt_attn.qkv", "txt_attn_qkv", All),
            ("txt_attn.proj", "txt_attn_proj", All),
            ("txt_mlp.0", "txt_mlp.fc1", All),
            ("txt_mlp.2", "txt_mlp.fc2", All),
            ("txt_mod.lin", "txt_mod.linear", All),
            ("txt_attn.qkv", "qkv_lora2", All),
            ("txt_attn.proj", "proj_lora2", All),
        ],
    },
    Group {
        from: "single_blocks.#.",
        to: "single_transformer_blocks.#.",
        rows: &[
            (
                "linear1",
                "attn.to_q",
                Hidden {
                    from: 0,
                    count: Some(1),
                },
            ),
            (
                "linear1",
                "attn.to_k",
                Hidden {
                    from: 1,
                    count: Some(1),
                },
            ),
            (
                "linear1",
                "attn.to_v",
                Hidden {
                    from: 2,
                    count: Some(1),
                },
            ),
            (
                "linear1",
                "proj_mlp",
                Hidden {
                    from: 3,
                    count: None,
                },
            ),
            ("linear1", "attn.to_qkv_mlp_proj", All),
            ("linear2", "proj_out", All),
            ("linear2", "attn.to_out", All),
            ("norm.query_norm", "attn.norm_q", All),
            ("norm.key_norm", "attn.norm_k", All),
            ("modulation.lin", "norm.linear", All),
        ],
    },
    Group {
        from: "single_blocks.#.",
        to: "single_blocks.#.",
        rows: &[
            (
                "linear1",
                "qkv",
                Hidden {
                    from: 0,
                    count: Some(3),
                },
            ),
            ("linear2", "proj", All),
            ("modulation.lin", "modulation.linear", All),
        ],
    },
    Group {
        from: "",
        to: "",
        rows: &[
            ("img_in", "x_embedder", All),
            ("txt_in", "context_embedder", All),
            (
                "time_in.in_layer",
                "time_text_embed.timestep_embedder.linear_1",
                All,
            ),
            (
                "time_in.out_layer",
                "time_text_embed.timestep_embedder.linear_2",
                All,
            ),
            (
                "time_in.in_layer",
                "time_guidance_embed.timestep_embedder.linear_1",
                All,
            ),
            (
                "time_in.out_layer",
                "time_guidance_embed.timestep_embedder.linear_2",
                All,
            ),
            (
                "vector_in.in_layer",
                "time_text_embed.text_embedder.linear_1",
                All,
            ),
            (
                "vector_in.out_layer",
                "time_text_embed.text_embedder.linear_2",
                All,
            ),
            (
                "guidance_in.in_layer",
                "time_text_embed.guidance_embedder.linear_1",
                All,
            ),
            (
                "guidance_in.out_layer",
                "time_text_embed.guidance_embedder.linear_2",
                All,
            ),
            (
                "guidance_in.in_layer",
                "time_guidance_embed.guidance_embedder.linear_1",
                All,
            ),
            (
                "guidance_in.out_layer",
                "time_guidance_embed.guidance_embedder.linear_2",
                All,
            ),
            ("final_layer.linear", "proj_out", All),
            ("final_layer.adaLN_modulation.1", "norm_out.linear", Swapped),
            (
                "double_stream_modulation_img.lin",
                "double_stream_modulation_img.linear",
                All,
            ),
            (
                "double_stream_modulation_txt.lin",
                "double_stream_modulation_txt.linear",
                All,
            ),
            (
                "single_stream_modulation.lin",
                "single_stream_modulation.linear",
                All,
            ),
            ("x_embedder.proj", "pos_embed.proj", All),
            (
                "y_embedder.mlp.0",
                "time_text_embed.text_embedder.linear_1",
                All,
            ),
            (
                "y_embedder.mlp.2",
                "time_text_embed.text_embedder.linear_2",
                All,
            ),
            (
                "t_embedder.mlp.0",
                "time_text_embed.timestep_embedder.linear_1",
                All,
            ),
            (
                "t_embedder.mlp.2",
                "time_text_embed.timestep_embedder.linear_2",
                All,
            ),
            ("head.modulation", "scale_shift_table", All),
            ("head.head", "proj_out", All),
            (
                "text_embedding.0",
                "condition_embedder.text_embedder.linear_1",
                All,
            ),
            (
                "time_embedding.0",
                "condition_embedder.time_embedder.linear_1",
                All,
            ),
            (
                "text_embedding.2",
                "condition_embedder.text_embedder.linear_2",
                All,
            ),
            (
                "time_embedding.2",
                "condition_embedder.time_embedder.linear_2",
                All,
            ),
            ("time_projection.1", "condition_embedder.time_proj", All),
            ("final_layer.linear", "all_final_layer.2-1.linear", All),
            (
                "final_layer.adaLN_modulation.1",
                "all_final_layer.2-1.adaLN_modulation.1",
                All,
            ),
            ("x_embedder", "all_x_embedder.2-1", All),
            ("txtfusion.projector", "text_fusion.projector", All),
            ("first", "img_in", All),
            ("last.linear", "final_layer.linear", All),
            ("tmlp.0", "time_embed.linear_1", All),
            ("tmlp.2", "time_embed.linear_2", All),
            ("tproj.1", "time_mod_proj", All),
            ("txtmlp.1", "txt_in.linear_1", All),
            ("txtmlp.3", "txt_in.linear_2", All),
            ("ln_final", "text_model.final_layer_norm", All),
            (
                "token_embedding",
                "text_model.embeddings.token_embedding",
                All,
            ),
        ],
    },
    Group {
        from: "joint_blocks.#.",
        to: "transformer_blocks.#.",
        rows: &[
            ("x_block.attn.qkv", "attn.to_q", Third(0)),
            ("x_block.attn.qkv", "attn.to_k", Third(1)),
            ("x_block.attn.qkv", "attn.to_v", Third(2)),
            ("context_block.attn.qkv", "attn.add_q_proj", Third(0)),
            ("context_block.attn.qkv", "attn.add_k_proj", Third(1)),
            ("context_block.attn.qkv", "attn.add_v_proj", Third(2)),
            ("x_block.attn2.qkv", "attn2.to_q", Third(0)),
            ("x_block.attn2.qkv", "attn2.to_k", Third(1)),
            ("x_block.attn2.qkv", "attn2.to_v", Third(2)),
            ("x_block.attn2.proj", "attn2.to_out.0", All),
            ("x_block.attn.proj", "attn.to_out.0", All),
            ("x_block.mlp.fc1", "ff.net.0.proj", All),
            ("x_block.mlp.fc2", "ff.net.2", All),
            ("x_block.adaLN_modulation.1", "norm1.linear", All),
            ("context_block.attn.proj", "attn.to_add_out", All),
            ("context_block.mlp.fc1", "ff_context.net.0.proj", All),
            ("context_block.mlp.fc2", "ff_context.net.2", All),
            (
                "context_block.adaLN_modulation.1",
                "norm1_context.linear",
                SwappedInLast,
            ),
        ],
    },
    Group {
        from: "blocks.#.",
        to: "blocks.#.",
        rows: &[
            ("self_attn.q", "attn1.to_q", All),
            ("self_attn.k", "attn1.to_k", All),
            ("self_attn.v", "attn1.to_v", All),
            ("self_attn.o", "attn1.to_out.0", All),
            ("self_attn.norm_q", "attn1.norm_q", All),
            ("self_attn.norm_k", "attn1.norm_k", All),
            ("cross_attn.q", "attn2.to_q", All),
            ("cross_attn.k", "attn2.to_k", All),
            ("cross_attn.v", "attn2.to_v", All),
            ("cross_attn.o", "attn2.to_out.0", All),
            ("cross_attn.norm_q", "attn2.norm_q", All),
            ("cross_attn.norm_k", "attn2.norm_k", All),
            ("cross_attn.k_img", "attn2.add_k_proj", All),
            ("cross_attn.v_img", "attn2.add_v_proj", All),
            ("ffn.0", "ffn.net.0.proj", All),
            ("ffn.2", "ffn.net.2", All),
            ("norm3", "norm2", All),
            ("modulation", "scale_shift_table", All),
        ],
    },
    Group {
        from: "layers.#.",
        to: "layers.#.",
        rows: &[
            ("attention.qkv", "attention.to_q", Third(0)),
            ("attention.qkv", "attention.to_k", Third(1)),
            ("attention.qkv", "attention.to_v", Third(2)),
            ("attention.out", "attention.to_out.0", All),
            ("attention.q_norm", "attention.norm_q", All),
            ("attention.k_norm", "attention.norm_k", All),
        ],
    },
    Group {
        from: "noise_refiner.#.",
        to: "noise_refiner.#.",
        rows: &[
            ("attention.qkv", "attention.to_q", Third(0)),
            ("attention.qkv", "attention.to_k", Third(1)),
            ("attention.qkv", "attention.to_v", Third(2)),
            ("attention.out", "attention.to_out.0", All),
            ("attention.q_norm", "attention.norm_q", All),
            ("attention.k_norm", "attention.norm_k", All),
        ],
    },
    Group {
        from: "context_refiner.#.",
        to: "context_refiner.#.",
        rows: &[
            ("attention.qkv", "attention.to_q", Third(0)),
            ("attention.qkv", "attention.to_k", Third(1)),
            ("attention.qkv", "attention.to_v", Third(2)),
            ("attention.out", "attention.to_out.0", All),
            ("attention.q_norm", "attention.norm_q", All),
            ("attention.k_norm", "attention.norm_k", All),
        ],
    },
    Group {
        from: "blocks.#.",
        to: "transformer_blocks.#.",
        rows: &[
            ("attn.wq", "attn.to_q", All),
            ("attn.wk", "attn.to_k", All),
            ("attn.wv", "attn.to_v", All),
            ("attn.wo", "attn.to_out.0", All),
            ("attn.gate", "attn.to_gate", All),
            ("mlp.up", "ff.up", All),
            ("mlp.down", "ff.down", All),
            ("mlp.gate", "ff.gate", All),
        ],
    },
    Group {
        from: "txtfusion.layerwise_blocks.#.",
        to: "text_fusion.layerwise_blocks.#.",
        rows: &[
            ("attn.wq", "attn.to_q", All),
            ("attn.wk", "attn.to_k", All),
            ("attn.wv", "attn.to_v", All),
            ("attn.wo", "attn.to_out.0", All),
            ("attn.gate", "attn.to_gate", All),
            ("mlp.up", "ff.up", All),
            ("mlp.down", "ff.down", All),
            ("mlp.gate", "ff.gate", All),
        ],
    },
    Group {
        from: "txtfusion.refiner_blocks.#.",
        to: "text_fusion.refiner_blocks.#.",
        rows: &[
            ("attn.wq", "attn.to_q", All),
            ("attn.wk", "attn.to_k", All),
            ("attn.wv", "attn.to_v", All),
            ("attn.wo", "attn.to_out.0", All),
            ("attn.gate", "attn.to_gate", All),
            ("mlp.up", "ff.up", All),
            ("mlp.down", "ff.down", All),
            ("mlp.gate", "ff.gate", All),
        ],
    },
    Group {
        from: "transformer.resblocks.#.",
        to: "text_model.encoder.layers.#.",
        rows: &[
            ("attn.in_proj", "self_attn.q_proj", Third(0)),
            ("attn.in_proj", "self_attn.k_proj", Third(1)),
            ("attn.in_proj", "self_attn.v_proj", Third(2)),
            ("attn.out_proj", "self_attn.out_proj", All),
            ("mlp.c_fc", "mlp.fc1", All),
            ("mlp.c_proj", "mlp.fc2", All),
            ("ln_1", "layer_norm1", All),
            ("ln_2", "layer_norm2", All),
        ],
    },
];

/// The other names of a module, with their rows.
pub(super) fn aliases(original: &str) -> Vec<(String, Part)> {
    let of_group = |group: &Group| {
        let (numbers, rest) = numbers(original, group.from)?;
        let found = group.rows.iter().filter(|(from, _, _)| *from == rest);
        let named = found.map(|(_, to, part)| (filled(group.to, &numbers) + to, *part));
        Some(named.collect::<Vec<(String, Part)>>())
    };
    GROUPS.iter().filter_map(of_group).flatten().collect()
}

/// The numbers that a name has where `pattern`, which it begins with, has `#`, and the rest of it.
fn numbers<'n>(mut name: &'n str, pattern: &str) -> Option<(Vec<&'n str>, &'n str)> {
    let mut numbers = Vec::new();
    for (at, words) in pattern.split('#').enumerate() {
        if at > 0 {
            let end = name
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(name.len());
            let (number, rest) = name.split_at(end);
            if number.is_empty() {
                return None;
            }
            numbers.push(number);
            name = rest;
        }
        name = name.strip_prefix(words)?;
    }
    Some((numbers, name))
}

/// `pattern` with numbers for `#`.
fn filled(pattern: &str, numbers: &[&str]) -> String {
    let mut filled = String::new();
    for (at, words) in pattern.split('#').enumerate() {
        if at > 0 {
            filled.push_str(numbers.get(at - 1).copied().unwrap_or_default());
        }
        filled.push_str(words);
    }
    filled
}
