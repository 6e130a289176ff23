//! Stable Diffusion 1: kohya's names or diffusers' on the left, the original ones on the right.

use super::rule::Rule;
use super::text::clip;
use super::unet::Unet;
use super::vae;

const UNET: Unet = Unet {
    levels: 4,
    up_attention: &[1, 2, 3],
};

/// kohya's names.
pub(super) fn kohya() -> Vec<Rule> {
    rules("te.", "unet.", "vae.")
}

/// The folders of a diffusers pipeline.
pub(super) fn diffusers() -> Vec<Rule> {
    let mut rules = rules("text_encoder/", "unet/", "vae/");
    rules.push(Rule::prefix(
        "text_encoder/text_model.embeddings.position_ids",
        format!("{TEXT}text_model.embeddings.position_ids"),
    ));
    rules
}

const TEXT: &str = "cond_stage_model.transformer.";

/// What goes before the names of each component on the left.
fn rules(text: &str, unet: &str, vae: &str) -> Vec<Rule> {
    let mut rules = UNET.rules(unet);
    rules.extend(clip(text, TEXT));
    rules.extend(vae::rules(vae, "first_stage_model."));
    rules
}
