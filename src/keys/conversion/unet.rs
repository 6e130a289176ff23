//! The UNet of Stable Diffusion: diffusers' names on the left, the original ones on the right.

use super::rule::{Kind, Rule};

/// Where a UNet has attention, and how deep it is.
pub(super) struct Unet {
    /// Resolutions.
    pub(super) levels: usize,
    /// Levels on the way up that have attention.
    pub(super) up_attention: &'static [usize],
}

/// Layers of a residual block.
const RESNET: &[(&str, &str)] = &[
    ("norm1", "in_layers.0"),
    ("conv1", "in_layers.2"),
    ("time_emb_proj", "emb_layers.1"),
    ("norm2", "out_layers.0"),
    ("conv2", "out_layers.3"),
    ("conv_shortcut", "skip_connection"),
];

/// Layers outside the blocks.
const OUTSIDE: [(&str, &str); 7] = [
    ("conv_in", "input_blocks.0.0"),
    ("conv_norm_out", "out.0"),
    ("conv_out", "out.2"),
    ("time_embedding.linear_1", "time_embed.0"),
    ("time_embedding.linear_2", "time_embed.2"),
    ("add_embedding.linear_1", "label_emb.0.0"),
    ("add_embedding.linear_2", "label_emb.0.2"),
];

impl Unet {
    /// The rules. `left` goes before diffusers' names, with its dot.
    pub(super) fn rules(&self, left: &str) -> Vec<Rule> {
        let right = "model.diffusion_model.";
        let prefix =
            |a: String, b: String| Rule::prefix(format!("{left}{a}"), format!("{right}{b}"));
        let resnet = |a: String, b: String| {
            let kind = Kind::Inner(RESNET);
            Rule::of(format!("{left}{a}"), format!("{right}{b}"), kind)
        };
        let mut rules: Vec<Rule> = OUTSIDE
            .iter()
            .map(|(a, b)| prefix((*a).to_owned(), (*b).to_owned()))
            .collect();
        for i in 0..self.levels {
            let (down, up) = (format!("down_blocks.{i}"), format!("up_blocks.{i}"));
            for j in 0..2 {
                let block = format!("input_blocks.{}", 3 * i + j + 1);
                rules.push(resnet(format!("{down}.resnets.{j}"), format!("{block}.0")));
                rules.push(prefix(
                    format!("{down}.attentions.{j}"),
                    format!("{block}.1"),
                ));
            }
            let sampler = format!("input_blocks.{}.0.op", 3 * i + 3);
            rules.push(prefix(format!("{down}.downsamplers.0.conv"), sampler));
            let attention = self.up_attention.contains(&i);
            for j in 0..3 {
                let block = format!("output_blocks.{}", 3 * i + j);
                rules.push(resnet(format!("{up}.resnets.{j}"), format!("{block}.0")));
                if attention {
                    rules.push(prefix(format!("{up}.attentions.{j}"), format!("{block}.1")));
                }
            }
            let place = 1 + usize::from(attention);
            let sampler = format!("output_blocks.{}.{place}", 3 * i + 2);
            rules.push(prefix(format!("{up}.upsamplers.0"), sampler));
        }
        for (block, layer) in [("resnets.0", 0), ("resnets.1", 2)] {
            let layer = format!("middle_block.{layer}");
            rules.push(resnet(format!("mid_block.{block}"), layer));
        }
        rules.push(prefix(
            "mid_block.attentions.0".to_owned(),
            "middle_block.1".to_owned(),
        ));
        rules
    }
}
