//! What kind of adapter a file is, and who named its factors.
//!
//! Trainers and libraries agree on few names. A factor is told by a part of its name between dots
//! that no model has, or by a first part that only trainers write. What a file is called follows
//! from two tables: kinds by such parts, dialects by what names begin with.

use std::fmt;

/// Parts of names that only factors have, with the kind of adapter they are of. A later row goes
/// before an earlier one, as a DoRA also has the factors of a LoRA.
const PARTS: [(&str, &str); 29] = [
    ("lora_up", "LoRA"),
    ("lora_down", "LoRA"),
    ("lora_mid", "LoRA"),
    ("lora_A", "LoRA"),
    ("lora_B", "LoRA"),
    ("lora_embedding_A", "LoRA"),
    ("lora_embedding_B", "LoRA"),
    ("lora_linear_layer", "LoRA"),
    ("lokr_w1", "LoKr"),
    ("lokr_w1_a", "LoKr"),
    ("lokr_w1_b", "LoKr"),
    ("lokr_w2", "LoKr"),
    ("lokr_w2_a", "LoKr"),
    ("lokr_w2_b", "LoKr"),
    ("lokr_t2", "LoKr"),
    ("hada_w1_a", "LoHa"),
    ("hada_w2_a", "LoHa"),
    ("oft_blocks", "OFT or BOFT"),
    ("oft_diag", "OFT"),
    ("oft_R", "OFT"),
    ("boft_R", "BOFT"),
    ("hra_u", "HRA"),
    ("ln_tuning_layers", "LN tuning"),
    ("ia3_l", "IA3"),
    ("on_input", "IA3"),
    ("vera_lambda_b", "VeRA"),
    ("lora_E", "AdaLoRA"),
    ("dora_scale", "DoRA"),
    ("lora_magnitude_vector", "DoRA"),
];

/// Parts that say something in a name that begins as trainers' names do.
const TRAINED_PARTS: [(&str, &str); 8] = [
    ("a1", "GLoRA"),
    ("a2", "GLoRA"),
    ("b1", "GLoRA"),
    ("b2", "GLoRA"),
    ("diff", "differences"),
    ("diff_b", "differences"),
    ("w_norm", "differences"),
    ("b_norm", "differences"),
];

/// What names begin with that no model's names begin with, and whose names they are.
const TRAINED: [(&str, &str); 6] = [
    ("lycoris_", "LyCORIS"),
    ("lora_transformer_", "OneTrainer"),
    ("lora_prior_", "OneTrainer"),
    ("lora_unet_", "kohya"),
    ("lora_te", "kohya"),
    ("oft_unet_", "kohya"),
];

/// What names of factors begin with besides.
const DIALECTS: [(&str, &str); 6] = [
    ("base_model.model.", "PEFT"),
    ("diffusion_model.", "ComfyUI and ai-toolkit"),
    ("transformer.", "diffusers"),
    ("unet.", "diffusers"),
    ("text_encoder", "diffusers"),
    ("transformer_blocks.", "diffusers"),
];

/// An adapter, as its names show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Adapter<'a> {
    /// What it is: `LoRA`, `LoHa`, `DoRA` …
    pub kind: &'static str,
    /// Whose names its factors have.
    pub dialect: &'static str,
    /// A factor.
    pub example: &'a str,
    /// How many tensors are factors.
    pub factors: usize,
}

impl fmt::Display for Adapter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Adapter {
            kind,
            dialect,
            example,
            ..
        } = self;
        write!(
            f,
            "an adapter ({kind} in the names of {dialect}, such as `{example}`)"
        )
    }
}

impl<'a> Adapter<'a> {
    /// The adapter that tensors of these names are factors of; None where none is a factor.
    pub fn of(names: impl Iterator<Item = &'a str>) -> Option<Adapter<'a>> {
        let mut adapter: Option<Adapter<'a>> = None;
        let mut rank = 0;
        for name in names {
            let Some((found, kind)) = kind(name) else {
                continue;
            };
            let adapter = adapter.get_or_insert_with(|| Adapter {
                kind,
                dialect: dialect(name),
                example: name,
                factors: 0,
            });
            adapter.factors += 1;
            if found > rank {
                (rank, adapter.kind, adapter.example) = (found, kind, name);
            }
        }
        adapter
    }
}

/// The kind of adapter that a name is a factor of, with its rank among the kinds; None where it is
/// no factor's.
fn kind(name: &str) -> Option<(usize, &'static str)> {
    let trained = TRAINED.iter().any(|(prefix, _)| name.starts_with(prefix));
    let own: &[(&str, &str)] = if trained { &TRAINED_PARTS } else { &[] };
    let row_of = |part: &str| {
        let mut rows = PARTS.iter().chain(own).enumerate();
        rows.find(|(_, (known, _))| *known == part)
    };
    let found = name.split('.').skip(1).filter_map(row_of);
    let found = found.max_by_key(|(row, _)| *row);
    if let Some((row, (_, kind))) = found {
        return Some((row + 1, kind));
    }
    // Of diffusers' former names: `to_q_lora.up.weight`, `to_q.lora.down.weight`.
    let former = [".up.weight", ".down.weight"];
    let stem = former.iter().find_map(|tail| name.strip_suffix(tail));
    if stem.is_some_and(|stem| stem.ends_with("_lora") || stem.ends_with(".lora")) {
        return Some((1, "LoRA"));
    }
    // Without a part of its own a name is that of a delta, ready to be added.
    let is_part_of = trained && name.contains('.');
    is_part_of.then_some((0, "unknown kind"))
}

/// Whose names begin like this.
fn dialect(name: &str) -> &'static str {
    let mut table = TRAINED.iter().chain(&DIALECTS);
    table
        .find(|(prefix, _)| name.starts_with(prefix))
        .map_or("its model", |(_, dialect)| dialect)
}
