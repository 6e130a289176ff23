//! The autoencoder of latent diffusion: diffusers' names on the left, the original ones on the
//! right.

use super::rule::{Kind, Rule};

/// Layers of a residual block of the VAE that have two names.
const RESNET: &[(&str, &str)] = &[
    ("norm1", "norm1"),
    ("conv1", "conv1"),
    ("norm2", "norm2"),
    ("conv2", "conv2"),
    ("conv_shortcut", "nin_shortcut"),
];

/// The attention in the middle of the VAE: linear layers on the left, convolutions on the right.
const ATTENTION: [(&str, &str); 4] = [
    ("to_q", "q"),
    ("to_k", "k"),
    ("to_v", "v"),
    ("to_out.0", "proj_out"),
];

/// Parts of an autoencoder, whose names agree but for what goes before them.
const PARTS: [&str; 4] = ["encoder", "decoder", "quant_conv", "post_quant_conv"];

/// The same names behind something else: nothing on the left.
pub(super) fn bare(right: &str) -> Vec<Rule> {
    let rule = |part| Rule::prefix(part, format!("{right}{part}"));
    PARTS.map(rule).into()
}

/// The rules. `left` and `right` go before the names of either side, with a separator.
pub(super) fn rules(left: &str, right: &str) -> Vec<Rule> {
    let left = |name: String| format!("{left}{name}");
    let right = |name: String| format!("{right}{name}");
    let prefix = |a: String, b: String| Rule::prefix(left(a), right(b));
    let resnet = |a: String, b: String| Rule::of(left(a), right(b), Kind::Inner(RESNET));
    let mut rules = Vec::new();
    for name in ["quant_conv", "post_quant_conv"] {
        rules.push(prefix(name.to_owned(), name.to_owned()));
    }
    for coder in ["encoder", "decoder"] {
        for (a, b) in [
            ("conv_in", "conv_in"),
            ("conv_out", "conv_out"),
            ("conv_norm_out", "norm_out"),
            ("mid_block.attentions.0.group_norm", "mid.attn_1.norm"),
        ] {
            rules.push(prefix(format!("{coder}.{a}"), format!("{coder}.{b}")));
        }
        for (a, b) in ATTENTION {
            let a = format!("{coder}.mid_block.attentions.0.{a}");
            let b = format!("{coder}.mid.attn_1.{b}");
            let weights = (left(format!("{a}.weight")), right(format!("{b}.weight")));
            rules.push(prefix(format!("{a}.bias"), format!("{b}.bias")));
            rules.push(Rule::of(weights.0, weights.1, Kind::Convolution));
        }
        for i in 0..2 {
            let block = format!("{coder}.mid.block_{}", i + 1);
            rules.push(resnet(format!("{coder}.mid_block.resnets.{i}"), block));
        }
    }
    for i in 0..4 {
        let (down, up) = (format!("encoder.down.{i}"), format!("decoder.up.{}", 3 - i));
        for j in 0..2 {
            let name = format!("encoder.down_blocks.{i}.resnets.{j}");
            rules.push(resnet(name, format!("{down}.block.{j}")));
        }
        // Up blocks are counted from the other end.
        for j in 0..3 {
            let name = format!("decoder.up_blocks.{i}.resnets.{j}");
            rules.push(resnet(name, format!("{up}.block.{j}")));
        }
        let name = format!("encoder.down_blocks.{i}.downsamplers.0");
        rules.push(prefix(name, format!("{down}.downsample")));
        let name = format!("decoder.up_blocks.{i}.upsamplers.0");
        rules.push(prefix(name, format!("{up}.upsample")));
    }
    rules
}
