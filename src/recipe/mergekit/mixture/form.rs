//! The architectures of mixtures that are built of dense models.

use serde_json::{Value, json};

/// An architecture of mixtures.
#[derive(Debug)]
pub(super) struct Form {
    /// What mergekit calls it. `architecture` is the beginning of this name.
    pub name: &'static str,
    /// `architectures` of its configuration.
    pub class: &'static str,
    /// `model_type` of its configuration.
    pub model_type: &'static str,
    /// The types of the dense models that it is built of.
    pub dense: &'static [&'static str],
    /// The shared experts that it takes.
    pub shared: Shared,
    /// The names of its tensors.
    pub names: Naming,
    /// Whether attention needs biases of q, k and v.
    pub biases: bool,
}

/// Which experts all tokens go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shared {
    None,
    /// One may be, without a gate.
    Ungated,
    /// One has to be, with a gate of its own.
    Gated,
}

/// The parts of the names of a layer's tensors.
#[derive(Debug)]
pub(super) struct Naming {
    /// What stands for `mlp`.
    pub block: &'static str,
    /// What stands for gate_proj, up_proj and down_proj of an expert.
    pub parts: [&'static str; 3],
    /// What stands for `mlp` in the shared expert's names.
    pub shared: &'static str,
}

/// The matrices of a feed-forward layer of a dense model. The last one writes its result.
pub(super) const PARTS: [&str; 3] = ["gate_proj", "up_proj", "down_proj"];

/// The architectures, in the order in which mergekit tries them.
pub(super) static FORMS: [Form; 4] = [
    Form {
        name: "Mixtral",
        class: "MixtralForCausalLM",
        model_type: "mixtral",
        dense: &["llama", "mistral"],
        shared: Shared::None,
        names: Naming {
            block: "block_sparse_moe",
            parts: ["w1", "w3", "w2"],
            shared: "",
        },
        biases: false,
    },
    Form {
        name: "DeepSeek MoE",
        class: "DeepseekForCausalLM",
        model_type: "deepseek",
        dense: &["llama", "mistral"],
        shared: Shared::Ungated,
        names: Naming {
            block: "mlp",
            parts: PARTS,
            shared: "mlp.shared_experts",
        },
        biases: false,
    },
    Form {
        name: "Qwen MoE",
        class: "Qwen2MoeForCausalLM",
        model_type: "qwen2_moe",
        dense: &["llama", "mistral", "qwen2"],
        shared: Shared::Gated,
        names: Naming {
            block: "mlp",
            parts: PARTS,
            shared: "mlp.shared_expert",
        },
        biases: true,
    },
    Form {
        name: "Qwen3 MoE",
        class: "Qwen3MoeForCausalLM",
        model_type: "qwen3_moe",
        dense: &["qwen3"],
        shared: Shared::None,
        names: Naming {
            block: "mlp",
            parts: PARTS,
            shared: "",
        },
        biases: false,
    },
];

/// What a configuration says of the experts.
pub(super) struct Counts {
    pub experts: usize,
    pub shared: usize,
    pub per_token: usize,
}

impl Form {
    /// The fields that a configuration of the mixture has besides those of the base model.
    /// `intermediate` is the base's `intermediate_size`.
    pub fn fields(&self, counts: &Counts, intermediate: &Value) -> Vec<(&'static str, Value)> {
        let (experts, chosen) = (json!(counts.experts), json!(counts.per_token));
        let mut fields = vec![
            ("architectures", json!([self.class])),
            ("model_type", json!(self.model_type)),
        ];
        fields.extend(match self.model_type {
            "mixtral" => vec![
                ("num_local_experts", experts),
                ("num_experts_per_tok", chosen),
                ("sliding_window", Value::Null),
            ],
            "deepseek" => deepseek(counts, intermediate),
            "qwen2_moe" => vec![
                ("num_experts", experts),
                ("num_experts_per_tok", chosen),
                ("decoder_sparse_step", json!(1)),
                ("norm_topk_prob", json!(true)),
                ("sliding_window", Value::Null),
                ("use_sliding_window", json!(false)),
                ("shared_expert_intermediate_size", intermediate.clone()),
                ("moe_intermediate_size", intermediate.clone()),
            ],
            _ => vec![
                ("num_experts", experts),
                ("num_experts_per_tok", chosen),
                ("decoder_sparse_step", json!(1)),
                ("norm_topk_prob", json!(true)),
                ("moe_intermediate_size", intermediate.clone()),
            ],
        });
        fields
    }
}

/// Where the code of DeepSeek's first mixture lies, which transformers does not have itself.
const CODE: &str = "deepseek-ai/deepseek-moe-16b-base--";

fn deepseek(counts: &Counts, intermediate: &Value) -> Vec<(&'static str, Value)> {
    let shared = match counts.shared {
        0 => Value::Null,
        count => json!(count),
    };
    let code = |place: &str| format!("{CODE}{place}");
    vec![
        ("n_routed_experts", json!(counts.experts)),
        ("n_shared_experts", shared),
        ("num_experts_per_tok", json!(counts.per_token)),
        ("first_k_dense_replace", json!(0)),
        ("moe_layer_freq", json!(1)),
        ("scoring_func", json!("softmax")),
        ("norm_topk_prob", json!(true)),
        ("moe_intermediate_size", intermediate.clone()),
        (
            "auto_map",
            json!({
                "AutoConfig": code("configuration_deepseek.DeepseekConfig"),
                "AutoModel": code("modeling_deepseek.DeepseekModel"),
                "AutoModelForCausalLM": code("modeling_deepseek.DeepseekForCausalLM"),
            }),
        ),
    ]
}
