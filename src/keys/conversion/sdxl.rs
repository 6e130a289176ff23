//! Stable Diffusion XL: other names on the left, the original ones on the right.

use super::rule::{Kind, Rule};
use super::text::clip;
use super::unet::Unet;
use super::vae;

const UNET: Unet = Unet {
    levels: 3,
    up_attention: &[0, 1],
};

/// Layers of the second text encoder, with their names in OpenCLIP.
const CLIP_G: &[(&str, &str)] = &[
    ("layer_norm1", "ln_1"),
    ("layer_norm2", "ln_2"),
    ("mlp.fc1", "mlp.c_fc"),
    ("mlp.fc2", "mlp.c_proj"),
    ("self_attn.out_proj", "attn.out_proj"),
];
const CLIP_G_LAYERS: usize = 32;

/// kohya's names with the UNet's original ones.
pub(super) fn kohya() -> Vec<Rule> {
    let mut rules = text_encoders("te1.", "te2.");
    rules.push(Rule::prefix("first_stage_model", "first_stage_model"));
    rules.push(Rule::prefix("unet", "model.diffusion_model"));
    rules
}

/// kohya's names with diffusers' in the UNet.
pub(super) fn kohya_but_diffusers() -> Vec<Rule> {
    let mut rules = text_encoders("te1.", "te2.");
    rules.push(Rule::prefix("first_stage_model", "first_stage_model"));
    rules.extend(UNET.rules("unet."));
    rules
}

/// The folders of a diffusers pipeline.
pub(super) fn diffusers() -> Vec<Rule> {
    let mut rules = text_encoders("text_encoder/", "text_encoder_2/");
    rules.extend(vae::rules("vae/", "first_stage_model."));
    rules.extend(UNET.rules("unet/"));
    rules
}

/// A UNet alone, with diffusers' names.
pub(super) fn diffusers_unet() -> Vec<Rule> {
    UNET.rules("")
}

/// The text encoders; what goes before their names on the left.
fn text_encoders(te1: &str, te2: &str) -> Vec<Rule> {
    let mut rules = clip(te1, "conditioner.embedders.0.transformer.");
    rules.push(Rule::prefix(
        format!("{te1}text_model.embeddings.position_ids"),
        "conditioner.embedders.0.transformer.text_model.embeddings.position_ids",
    ));
    let left = |name: &str| format!("{te2}{name}");
    let right = |name: &str| format!("conditioner.embedders.1.model.{name}");
    for (a, b) in [
        ("text_model.final_layer_norm", "ln_final"),
        ("text_model.embeddings.token_embedding", "token_embedding"),
        (
            "text_model.embeddings.position_embedding.weight",
            "positional_embedding",
        ),
        ("logit_scale", "logit_scale"),
    ] {
        rules.push(Rule::prefix(left(a), right(b)));
    }
    rules.push(Rule::of(
        left("text_projection.weight"),
        right("text_projection"),
        Kind::Transposed,
    ));
    for i in 0..CLIP_G_LAYERS {
        let a = left(&format!("text_model.encoder.layers.{i}"));
        let b = right(&format!("transformer.resblocks.{i}"));
        rules.push(Rule::of(&a, &b, Kind::Inner(CLIP_G)));
        for part in ["weight", "bias"] {
            let fused = ["q", "k", "v"].map(|x| format!("{a}.self_attn.{x}_proj.{part}"));
            rules.push(Rule {
                left: fused.to_vec(),
                right: format!("{b}.attn.in_proj_{part}"),
                kind: Kind::Fused,
            });
        }
    }
    rules
}
