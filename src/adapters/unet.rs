//! The UNet of Stable Diffusion 1, 2 and XL: the original names of its modules, and diffusers'.

/// Parts of a block of convolutions: original, diffusers.
const CONVOLUTIONS: [(&str, &str); 6] = [
    ("in_layers.0", "norm1"),
    ("in_layers.2", "conv1"),
    ("out_layers.0", "norm2"),
    ("out_layers.3", "conv2"),
    ("emb_layers.1", "time_emb_proj"),
    ("skip_connection", "conv_shortcut"),
];

/// Modules outside of blocks: original, diffusers.
const OUTSIDE: [(&str, &str); 11] = [
    ("input_blocks.0.0", "conv_in"),
    ("time_embed.0", "time_embedding.linear_1"),
    ("time_embed.2", "time_embedding.linear_2"),
    ("label_emb.0.0", "add_embedding.linear_1"),
    ("label_emb.0.2", "add_embedding.linear_2"),
    ("label_emb.0.0", "class_embedding.linear_1"),
    ("label_emb.0.2", "class_embedding.linear_2"),
    ("out.0", "conv_norm_out"),
    ("out.2", "conv_out"),
    ("middle_block.0", "mid_block.resnets.0"),
    ("middle_block.2", "mid_block.resnets.1"),
];

/// What diffusers calls a module of the original UNet.
pub(super) fn diffusers(original: &str) -> Vec<String> {
    let outside = OUTSIDE.iter().filter_map(|(from, to)| {
        let rest = original.strip_prefix(from)?;
        match rest.strip_prefix('.') {
            Some(rest) => Some(format!("{to}.{}", convolution(rest)?)),
            None => rest.is_empty().then(|| (*to).to_owned()),
        }
    });
    outside.chain(block(original)).collect()
}

/// What the original UNet calls a module of diffusers'.
pub(super) fn originals(diffusers: &str) -> Vec<String> {
    let outside = OUTSIDE.iter().filter_map(|(to, from)| {
        let rest = diffusers.strip_prefix(from)?;
        match rest.strip_prefix('.') {
            Some(rest) => Some(format!("{to}.{}", original_convolution(rest)?)),
            None => rest.is_empty().then(|| (*to).to_owned()),
        }
    });
    outside.chain(original_block(diffusers)).collect()
}

fn original_convolution(rest: &str) -> Option<&'static str> {
    let mut rows = CONVOLUTIONS.iter();
    rows.find(|(_, from)| *from == rest).map(|(to, _)| *to)
}

fn original_block(diffusers: &str) -> Vec<String> {
    let found = in_block(diffusers).into_iter();
    // An upsampler stands behind a block's attention, if it has one.
    found
        .flat_map(|name| match name.strip_suffix(".2.conv") {
            Some(block) => vec![format!("{block}.1.conv"), format!("{block}.2.conv")],
            None => vec![name],
        })
        .collect()
}

fn in_block(diffusers: &str) -> Option<String> {
    if let Some(rest) = diffusers.strip_prefix("mid_block.attentions.0.") {
        return Some(format!("middle_block.1.{rest}"));
    }
    let mut words = diffusers.splitn(5, '.');
    let side = words.next()?;
    let block: usize = words.next()?.parse().ok()?;
    let (kind, layer) = (words.next()?, words.next()?.parse::<usize>().ok()?);
    let rest = words.next()?;
    let (side, number) = match side {
        "down_blocks" => ("input_blocks", 3 * block + layer + 1),
        "up_blocks" => ("output_blocks", 3 * block + layer),
        _ => return None,
    };
    match (kind, side) {
        ("resnets", _) => Some(format!("{side}.{number}.0.{}", original_convolution(rest)?)),
        ("attentions", _) => Some(format!("{side}.{number}.1.{rest}")),
        ("downsamplers", "input_blocks") => Some(format!("{side}.{}.0.op", number + 2)),
        ("upsamplers", "output_blocks") => Some(format!("{side}.{}.2.conv", number + 2)),
        _ => None,
    }
}

fn convolution(rest: &str) -> Option<&'static str> {
    let mut rows = CONVOLUTIONS.iter();
    rows.find(|(from, _)| *from == rest).map(|(_, to)| *to)
}

fn block(original: &str) -> Option<String> {
    if let Some(rest) = original.strip_prefix("middle_block.1.") {
        return Some(format!("mid_block.attentions.0.{rest}"));
    }
    let mut words = original.splitn(4, '.');
    let side = words.next()?;
    let number: usize = words.next()?.parse().ok()?;
    let (place, rest) = (words.next()?, words.next()?);
    let (side, block, layer) = match side {
        "input_blocks" => {
            let number = number.checked_sub(1)?;
            ("down", number / 3, number % 3)
        }
        "output_blocks" => ("up", number / 3, number % 3),
        _ => return None,
    };
    match (side, place, rest) {
        ("down", "0", "op") => Some(format!("down_blocks.{block}.downsamplers.0.conv")),
        ("up", _, "conv") => Some(format!("up_blocks.{block}.upsamplers.0.conv")),
        (_, "0", rest) => {
            let rest = convolution(rest)?;
            Some(format!("{side}_blocks.{block}.resnets.{layer}.{rest}"))
        }
        (_, "1", rest) => Some(format!("{side}_blocks.{block}.attentions.{layer}.{rest}")),
        _ => None,
    }
}
