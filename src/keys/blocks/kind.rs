//! What a tensor does in its block, by its name: one table for all architectures.

use serde::Serialize;

/// Declares [`Kind`] from rows of variant and word.
macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident $word:literal,)*) => {
        /// What a tensor does in its block.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
        pub enum Kind {
            $($(#[$doc])* #[serde(rename = $word)] $variant,)*
        }

        impl Kind {
            /// Every kind, in the order in which they are shown.
            pub const ALL: &[Kind] = &[$(Kind::$variant,)*];

            /// The word for it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Kind::$variant => $word,)*
                }
            }
        }
    };
}

kinds! {
    /// The queries of an attention.
    Query "q",
    /// Its keys.
    Key "k",
    /// Its values.
    Value "v",
    /// Several of these in one.
    Joined "qkv",
    /// What comes out of it.
    Out "o",
    /// The layers between attentions.
    Mlp "mlp",
    /// What chooses experts.
    Router "router",
    /// Scales and shifts of normalisations.
    Norm "norm",
    /// What turns tokens, positions, times and patches into vectors, and vectors into tokens.
    Embedding "embedding",
    /// What scales and shifts by a condition.
    Modulation "modulation",
    /// Convolutions.
    Convolution "conv",
    /// Anything else.
    Other "other",
}

/// Parts of names that say what a tensor is wherever they stand. The last part of a name that is
/// here counts.
const PARTS: &[(Kind, &[&str])] = &[
    (
        Kind::Query,
        &[
            "q_proj",
            "to_q",
            "q",
            "query",
            "wq",
            "q_lin",
            "q_a_proj",
            "q_b_proj",
            "add_q_proj",
        ],
    ),
    (
        Kind::Key,
        &["k_proj", "to_k", "k", "key", "wk", "k_lin", "add_k_proj"],
    ),
    (
        Kind::Value,
        &["v_proj", "to_v", "v", "value", "wv", "v_lin", "add_v_proj"],
    ),
    (
        Kind::Joined,
        &[
            "qkv",
            "qkv_proj",
            "to_qkv",
            "in_proj",
            "in_proj_weight",
            "in_proj_bias",
            "c_attn",
            "query_key_value",
            "Wqkv",
            "W_pack",
            "kv_a_proj_with_mqa",
            "kv_b_proj",
            "to_kv",
            "in_proj_qkv",
            "in_proj_qkvz",
            "in_proj_ba",
        ],
    ),
    (
        Kind::Out,
        &["o_proj", "to_out", "to_add_out", "wo", "out_lin", "o"],
    ),
    (
        Kind::Mlp,
        &[
            "gate_proj",
            "up_proj",
            "down_proj",
            "gate_up_proj",
            "fc1",
            "fc2",
            "w1",
            "w2",
            "w3",
            "wi",
            "wi_0",
            "wi_1",
            "c_fc",
            "linear1",
            "linear2",
            "dense_h_to_4h",
            "dense_4h_to_h",
            "lin1",
            "lin2",
            "intermediate",
        ],
    ),
    (Kind::Router, &["router", "shared_expert_gate", "gate"]),
    (
        Kind::Embedding,
        &[
            "wte",
            "wpe",
            "lm_head",
            "shared",
            "time_in",
            "vector_in",
            "guidance_in",
            "img_in",
            "txt_in",
            "class_embedding",
            "positional_embedding",
            "token_embedding",
            "position_embedding",
            "text_projection",
            "logit_scale",
            "pos_embed",
        ],
    ),
    (
        Kind::Modulation,
        &[
            "img_mod",
            "txt_mod",
            "modulation",
            "adaLN_modulation",
            "scale_shift_table",
            "emb_layers",
        ],
    ),
    (
        Kind::Convolution,
        &[
            "in_layers",
            "out_layers",
            "skip_connection",
            "op",
            "conv",
            "conv_in",
            "conv_out",
        ],
    ),
];

/// Names that attentions give to what comes out of them.
const OUTS: &[&str] = &[
    "proj",
    "c_proj",
    "dense",
    "out_proj",
    "out",
    "linear_out",
    "proj_out",
];

impl Kind {
    /// The kind of a tensor of this name.
    pub fn of(key: &str) -> Kind {
        let parts = key.split('.').rev();
        let mut is_out = false;
        for part in parts {
            if is_norm(part) {
                return Kind::Norm;
            }
            if let Some((kind, _)) = PARTS.iter().find(|(_, parts)| parts.contains(&part)) {
                return *kind;
            }
            match part {
                part if is_out && is_attention(part) => return Kind::Out,
                // BERT has one in either.
                "output" if is_out && !key.contains("attention.output.") => return Kind::Mlp,
                part if is_attention(part) => return Kind::Other,
                part if is_mlp(part) => return Kind::Mlp,
                part if part.contains("embed") => return Kind::Embedding,
                part if part.starts_with("conv") => return Kind::Convolution,
                _ => is_out |= OUTS.contains(&part),
            }
        }
        Kind::Other
    }
}

fn is_norm(part: &str) -> bool {
    let starts = ["ln_", "ln1", "ln2"]
        .iter()
        .any(|start| part.starts_with(start));
    starts || part.to_ascii_lowercase().contains("norm")
}

fn is_attention(part: &str) -> bool {
    let last = part.trim_end_matches(|c: char| c.is_ascii_digit());
    ["attn", "attention", "SelfAttention", "EncDecAttention"]
        .iter()
        .any(|end| last.ends_with(end))
}

fn is_mlp(part: &str) -> bool {
    let ends = ["mlp", "ffn", "feed_forward", "experts"];
    ["ff", "ff_context", "DenseReluDense", "block_sparse_moe"].contains(&part)
        || ends.iter().any(|end| part.ends_with(end))
}

/// The number of the expert that a tensor belongs to, if its name says so.
pub fn expert(key: &str) -> Option<u64> {
    let mut parts = key.split('.').skip_while(|part| *part != "experts");
    parts.nth(1)?.parse().ok()
}
