//! The models that a checkpoint holds, and whose names begin how.

/// A model of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Component {
    /// The UNet or transformer that removes noise.
    Denoiser,
    /// CLIP-L, or the one text encoder.
    ClipL,
    /// CLIP-G.
    ClipG,
    /// T5 or another large text encoder.
    Text,
    /// The only model of the checkpoint, its names without prefix.
    Only,
}

use Component::{ClipG, ClipL, Denoiser, Only, Text};

/// What names of a base begin with; longer ones first where one begins another.
const BASE: [(&str, Component); 19] = [
    ("model.diffusion_model.", Denoiser),
    ("diffusion_model.", Denoiser),
    ("cond_stage_model.transformer.", ClipL),
    ("cond_stage_model.model.", ClipL),
    ("conditioner.embedders.0.transformer.", ClipL),
    ("conditioner.embedders.0.model.", ClipG),
    ("conditioner.embedders.1.model.", ClipG),
    ("text_encoders.clip_l.transformer.", ClipL),
    ("text_encoders.clip_g.transformer.", ClipG),
    ("text_encoders.t5xxl.transformer.", Text),
    ("text_encoders.qwen25_7b.transformer.", Text),
    ("clip_l.transformer.", ClipL),
    ("clip_g.transformer.", ClipG),
    ("t5xxl.transformer.", Text),
    ("unet.", Denoiser),
    ("transformer.resblocks.", Only),
    ("transformer.h.", Only),
    ("text_encoder_2.", ClipG),
    ("text_encoder.", ClipL),
];

/// How an adapter writes the names of modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelling {
    /// As they are.
    Dots,
    /// With underscores for dots.
    Underscores,
}

use Spelling::{Dots, Underscores};

/// What names of modules begin with in adapters, how they are written, and of which models they
/// are; longer ones first where one begins another. But a name as it is goes before all.
const ADAPTER: [(&str, Spelling, &[Component]); 24] = [
    ("", Dots, &[Denoiser, Only, ClipL, ClipG, Text]),
    ("lora_unet__", Underscores, &[Denoiser, Only]),
    ("lora_unet_", Underscores, &[Denoiser, Only]),
    ("oft_unet_", Underscores, &[Denoiser, Only]),
    ("lora_transformer_", Underscores, &[Denoiser, Only]),
    ("lora_prior_unet_", Underscores, &[Denoiser, Only]),
    ("lora_prior_", Underscores, &[Denoiser, Only]),
    ("lora_te1_", Underscores, &[ClipL, Only]),
    ("lora_te2_", Underscores, &[ClipG, Text, Only]),
    ("lora_te3_", Underscores, &[Text, Only]),
    ("lora_te_", Underscores, &[ClipL, ClipG, Text, Only]),
    ("lycoris_", Underscores, &[Denoiser, ClipL, Only]),
    ("text_encoders.clip_l.transformer.", Dots, &[ClipL, Only]),
    ("text_encoders.clip_g.transformer.", Dots, &[ClipG, Only]),
    ("text_encoders.t5xxl.transformer.", Dots, &[Text, Only]),
    ("text_encoder_3.", Dots, &[Text, Only]),
    ("text_encoder_2.", Dots, &[ClipG, Text, Only]),
    ("text_encoder.", Dots, &[ClipL, ClipG, Text, Only]),
    ("model.diffusion_model.", Dots, &[Denoiser, Only]),
    ("diffusion_model.", Dots, &[Denoiser, Only]),
    ("transformer.", Dots, &[Denoiser, Only]),
    ("unet.", Dots, &[Denoiser, Only]),
    (
        "base_model.model.",
        Dots,
        &[Denoiser, Only, ClipL, ClipG, Text],
    ),
    ("model.", Dots, &[Only, Denoiser]),
];

/// Another way to read the name of an adapter's module.
pub(super) struct Read<'a> {
    pub(super) name: &'a str,
    pub(super) spelling: Spelling,
    pub(super) components: &'static [Component],
}

impl Component {
    /// The model that a tensor of a base is of, and the rest of its name.
    pub(super) fn of(name: &str) -> (Component, &str) {
        let found = BASE.iter().find_map(|(prefix, component)| {
            let rest = name.strip_prefix(prefix)?;
            Some((*component, if *component == Only { name } else { rest }))
        });
        found.unwrap_or((Only, name))
    }

    /// The ways to read the name of an adapter's module, the likeliest first. What begins a name
    /// may be the adapter's, or the module's own.
    pub(super) fn reads(name: &str) -> impl Iterator<Item = Read<'_>> {
        let inner = name.strip_prefix("base_model.model.");
        let names = inner.into_iter().chain([name]);
        names.flat_map(|name| {
            ADAPTER
                .iter()
                .filter_map(move |(prefix, spelling, components)| {
                    Some(Read {
                        name: name.strip_prefix(prefix)?,
                        spelling: *spelling,
                        components,
                    })
                })
        })
    }
}
