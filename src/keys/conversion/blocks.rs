//! The block of weights that a tensor belongs to, as sd-mecha has it.
//!
//! The UNet is divided into its input, middle and output blocks; everything that is not part of a
//! block is BASE. (supermerger divides it a little differently: `blocks` among the keys' modules
//! has its map.)

const UNET: &str = "model.diffusion_model.";

/// A tensor's block in Stable Diffusion 1, of 26.
pub(super) fn sd1(name: &str) -> String {
    match name.strip_prefix(UNET) {
        Some(name) => unet(name, "OUT11"),
        None => "BASE".to_owned(),
    }
}

/// A tensor's block in Stable Diffusion XL, of 21: the VAE has one of its own.
pub(super) fn sdxl(name: &str) -> String {
    match name.strip_prefix(UNET) {
        Some(name) => unet(name, "OUT08"),
        None if name.starts_with("first_stage_model.") => "VAE".to_owned(),
        None => "BASE".to_owned(),
    }
}

fn unet(name: &str, last: &str) -> String {
    let mut segments = name.split('.');
    let (first, second) = (segments.next().unwrap_or(""), segments.next());
    let number = second.and_then(|number| number.parse::<u8>().ok());
    match (first, number) {
        ("time_embed" | "label_emb", _) => "BASE".to_owned(),
        ("input_blocks", Some(number)) => format!("IN{number:02}"),
        ("middle_block", _) => "M00".to_owned(),
        ("output_blocks", Some(number)) => format!("OUT{number:02}"),
        _ => last.to_owned(),
    }
}
