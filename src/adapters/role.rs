//! What an entry of an adapter is of its module.

/// A part of what is done to a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// \[out, r, …\] of a LoRA.
    Up,
    /// \[r, in, …\] of a LoRA.
    Down,
    /// The core of a LoRA of a convolution.
    Mid,
    /// AdaLoRA's singular values.
    Values,
    /// What a LoRA adds to the bias.
    UpBias,
    /// \[dim, r\] of an embedding's LoRA.
    EmbeddingUp,
    /// \[r, tokens\] of an embedding's LoRA.
    EmbeddingDown,
    /// LoHa: the first left factor.
    Hada1A,
    /// LoHa: the first right factor.
    Hada1B,
    /// LoHa: the second left factor.
    Hada2A,
    /// LoHa: the second right factor.
    Hada2B,
    /// LoHa: the first core.
    Hada1T,
    /// LoHa: the second core.
    Hada2T,
    /// LoKr: the first matrix.
    Lokr1,
    /// LoKr: the left factor of the first matrix.
    Lokr1A,
    /// LoKr: the right factor of the first matrix.
    Lokr1B,
    /// LoKr: the second matrix.
    Lokr2,
    /// LoKr: the left factor of the second matrix.
    Lokr2A,
    /// LoKr: the right factor of the second matrix.
    Lokr2B,
    /// LoKr: the core of the second matrix.
    Lokr2T,
    /// A number that is divided by the rank.
    Alpha,
    /// Norms of a DoRA, as LyCORIS and kohya have them.
    DoraScale,
    /// Norms of a DoRA, as PEFT has them.
    Magnitude,
    /// A difference of the weight.
    Diff,
    /// A difference of the bias.
    DiffBias,
    /// GLoRA: \[in, r\] of what multiplies the weight.
    GloraA1,
    /// GLoRA: \[r, in\] of what multiplies the weight.
    GloraA2,
    /// GLoRA: \[out, r\] of what is added.
    GloraB1,
    /// GLoRA: \[r, in\] of what is added.
    GloraB2,
    /// IA3's numbers, as PEFT has them.
    Ia3,
    /// LyCORIS: whether IA3's numbers are of inputs.
    OnInput,
    /// Blocks of LyCORIS' OFT or BOFT.
    OftBlocks,
    /// What LyCORIS' OFT multiplies outputs with.
    Rescale,
    /// Entries of PEFT's OFT.
    OftR,
    /// Blocks of PEFT's BOFT.
    BoftR,
    /// What PEFT's BOFT multiplies outputs with.
    BoftS,
    /// Vectors of PEFT's HRA.
    HraU,
    /// Rows of an embedding that are replaced.
    Tokens,
    /// The weight itself; IA3's numbers where LyCORIS has [`Role::OnInput`] beside it.
    Weight,
    /// The bias itself.
    Bias,
}

/// What names of entries end in, behind a dot; a later row may be the end of an earlier one.
const ENDINGS: [(&str, Role); 58] = [
    ("lora_up.weight", Role::Up),
    ("lora_down.weight", Role::Down),
    ("lora_mid.weight", Role::Mid),
    ("lora_linear_layer.up.weight", Role::Up),
    ("lora_linear_layer.down.weight", Role::Down),
    ("lora.up.weight", Role::Up),
    ("lora.down.weight", Role::Down),
    ("lora_B.weight", Role::Up),
    ("lora_A.weight", Role::Down),
    ("lora_B.bias", Role::UpBias),
    ("lora_B", Role::Up),
    ("lora_A", Role::Down),
    ("lora_E", Role::Values),
    ("lora_embedding_B", Role::EmbeddingUp),
    ("lora_embedding_A", Role::EmbeddingDown),
    ("lora_magnitude_vector.weight", Role::Magnitude),
    ("lora_magnitude_vector", Role::Magnitude),
    ("dora_scale", Role::DoraScale),
    ("alpha", Role::Alpha),
    ("hada_w1_a", Role::Hada1A),
    ("hada_w1_b", Role::Hada1B),
    ("hada_w2_a", Role::Hada2A),
    ("hada_w2_b", Role::Hada2B),
    ("hada_t1", Role::Hada1T),
    ("hada_t2", Role::Hada2T),
    ("lokr_w1_a", Role::Lokr1A),
    ("lokr_w1_b", Role::Lokr1B),
    ("lokr_w1", Role::Lokr1),
    ("lokr_w2_a", Role::Lokr2A),
    ("lokr_w2_b", Role::Lokr2B),
    ("lokr_w2", Role::Lokr2),
    ("lokr_t2", Role::Lokr2T),
    ("diff", Role::Diff),
    ("diff_b", Role::DiffBias),
    ("w_norm", Role::Diff),
    ("b_norm", Role::DiffBias),
    ("a1.weight", Role::GloraA1),
    ("a2.weight", Role::GloraA2),
    ("b1.weight", Role::GloraB1),
    ("b2.weight", Role::GloraB2),
    ("ia3_l", Role::Ia3),
    ("on_input", Role::OnInput),
    ("oft_blocks", Role::OftBlocks),
    ("rescale", Role::Rescale),
    ("oft_R.weight", Role::OftR),
    ("oft_R", Role::OftR),
    ("boft_R", Role::BoftR),
    ("boft_s", Role::BoftS),
    ("hra_u", Role::HraU),
    ("token_adapter.trainable_tokens_delta", Role::Tokens),
    ("ln_tuning_layers.weight", Role::Weight),
    ("ln_tuning_layers.bias", Role::Bias),
    ("modules_to_save.weight", Role::Weight),
    ("modules_to_save.bias", Role::Bias),
    // Black Forest Labs' adapters replace the scales of norms.
    ("key_norm.scale", Role::Weight),
    ("query_norm.scale", Role::Weight),
    ("weight", Role::Weight),
    ("bias", Role::Bias),
];

/// Parts of names that PEFT puts the adapter's own name behind: `lora_A.default.weight`.
const NAMED: [&str; 13] = [
    "lora_A",
    "lora_B",
    "lora_E",
    "lora_embedding_A",
    "lora_embedding_B",
    "lora_magnitude_vector",
    "ia3_l",
    "oft_R",
    "boft_R",
    "boft_s",
    "hra_u",
    "modules_to_save",
    "ln_tuning_layers",
];

impl Role {
    /// The module that an entry is of, and what of it; None for names that say neither.
    pub(super) fn split(name: &str) -> Option<(String, Role)> {
        let name = without_adapter(name);
        // Of diffusers' former names: `to_q_lora.up.weight`; XLabs' have a number there.
        for (ending, role) in [(".up.weight", Role::Up), (".down.weight", Role::Down)] {
            let Some(stem) = name.strip_suffix(ending) else {
                continue;
            };
            if let Some(module) = stem.strip_suffix("_lora") {
                return Some((module.to_owned(), role));
            }
            if stem.ends_with("_lora1") || stem.ends_with("_lora2") {
                return Some((stem.to_owned(), role));
            }
        }
        let mut rows = ENDINGS.iter();
        rows.find_map(|(ending, role)| {
            let stem = name.strip_suffix(ending)?.strip_suffix('.')?;
            Some((
                match ending.strip_suffix(".scale") {
                    Some(norm) => format!("{stem}.{norm}"),
                    None => stem.to_owned(),
                },
                *role,
            ))
        })
    }
}

/// A name without the name that PEFT gives an adapter.
fn without_adapter(name: &str) -> String {
    let words: Vec<&str> = name.split('.').collect();
    let is_kept = |at: &usize| {
        let is_named = *at > 0 && NAMED.contains(&words[at - 1]);
        !is_named || ["weight", "bias"].contains(&words[*at])
    };
    let kept: Vec<&str> = (0..words.len())
        .filter(is_kept)
        .map(|at| words[at])
        .collect();
    kept.join(".")
}
