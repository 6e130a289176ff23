//! Blocks of two streams and of one: Flux and Flux 2 (diffusers), HunyuanVideo, XLabs.

use super::group::Group;
use crate::adapters::place::Part::{All, Hidden, Third};

/// The modules of the blocks.
pub(super) const STREAMS: [Group; 4] = [
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
            (
                "linear1",
                "linear1_qkv",
                Hidden {
                    from: 0,
                    count: Some(3),
                },
            ),
        ],
    },
];
