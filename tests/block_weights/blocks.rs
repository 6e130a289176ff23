//! Every tensor of every family lands in the block where its tool has it.

use std::collections::{HashMap, HashSet};

use super::{family, places, resolve};

/// The blocks of a UNet, with or without the VAE's at the end.
fn unet(levels: usize, vae: bool) -> Vec<String> {
    let numbered = |name: &'static str| (0..levels).map(move |n| format!("{name}{n:02}"));
    let mut names = vec!["BASE".to_owned()];
    names.extend(numbered("IN"));
    names.push("M00".to_owned());
    names.extend(numbered("OUT"));
    names.extend(vae.then(|| "VAE".to_owned()));
    names
}

fn flux() -> Vec<String> {
    let mut names: Vec<String> = ["CLIP", "T5", "IN"].map(str::to_owned).to_vec();
    names.extend((0..19).map(|n| format!("D{n:02}")));
    names.extend((0..38).map(|n| format!("S{n:02}")));
    names.push("OUT".to_owned());
    names
}

/// `BASE=0,IN00=1,…`: each block weighs its place.
fn dict(names: &[String]) -> String {
    let named = names.iter().enumerate();
    let named: Vec<String> = named.map(|(at, name)| format!("{name}={at}")).collect();
    named.join(",")
}

/// Checks that every tensor weighs the place of its block, and that every block is some tensor's.
#[track_caller]
fn check(text: &str, id: Option<&str>, expected: &HashMap<String, String>, names: &[String]) {
    let keys: Vec<&str> = expected.keys().map(String::as_str).collect();
    let resolved = resolve(text, &keys, id);
    assert_eq!(resolved.weights.len(), keys.len());
    assert!(resolved.unweighted.is_empty());
    let mut used = HashSet::new();
    for (key, block) in expected {
        let place = names.iter().position(|name| name == block);
        let weight = place.unwrap_or_else(|| panic!("a block {block}")) as f64;
        assert_eq!(resolved.weights[key], weight, "{key} in {block}");
        used.insert(block);
    }
    assert_eq!(used.len(), names.len());
}

/// sd-mecha's map with the few tensors moved that supermerger has elsewhere.
fn supermerger(mecha: &HashMap<String, String>, vae: &str) -> HashMap<String, String> {
    let moved = |key: &str, block: &str| match key {
        _ if key.starts_with("model.diffusion_model.time_embed.") => "IN00".to_owned(),
        _ if key.starts_with("model.diffusion_model.label_emb.") => "IN00".to_owned(),
        _ if key.starts_with("first_stage_model.") => vae.to_owned(),
        _ => block.to_owned(),
    };
    let moved = mecha
        .iter()
        .map(|(key, block)| (key.clone(), moved(key, block)));
    moved.collect()
}

#[test]
fn sd1_as_sd_mecha_has_it() {
    let names = unet(12, false);
    check(&dict(&names), Some("sd1-ldm"), &family("sd1-ldm"), &names);
}

#[test]
fn sdxl_as_sd_mecha_has_it() {
    let names = unet(9, true);
    check(&dict(&names), Some("sdxl-sgm"), &family("sdxl-sgm"), &names);
}

#[test]
fn averages_of_the_training_stay_with_base() {
    // Their names are those of the network without the dots.
    let network = family("sd1-ldm");
    let network = network.keys().filter_map(|key| key.strip_prefix("model."));
    let averages: Vec<String> = network
        .filter(|key| key.starts_with("diffusion_model."))
        .map(|key| format!("model_ema.{}", key.replace('.', "")))
        .collect();
    assert_eq!(averages.len(), 686);
    let keys: Vec<&str> = averages.iter().map(String::as_str).collect();
    for text in [dict(&unet(12, false)), places(26)] {
        let resolved = resolve(&text, &keys, Some("sd1-ldm"));
        assert!(resolved.weights.values().all(|&weight| weight == 0.0));
    }
}

#[test]
fn sd1_as_supermerger_has_it() {
    let expected = supermerger(&family("sd1-ldm"), "BASE");
    for id in [Some("sd1-ldm"), None] {
        check(&places(26), id, &expected, &unet(12, false));
    }
}

#[test]
fn sdxl_as_supermerger_has_it() {
    let mecha = family("sdxl-sgm");
    for id in [Some("sdxl-sgm"), None] {
        let expected = supermerger(&mecha, "BASE");
        check(&places(20), id, &expected, &unet(9, false));
        let expected = supermerger(&mecha, "VAE");
        check(&places(21), id, &expected, &unet(9, true));
    }
}

#[test]
fn a_list_for_sd1_is_cut_for_sdxl() {
    let mecha = family("sdxl-sgm");
    let keys: Vec<&str> = mecha.keys().map(String::as_str).collect();
    let kept = (0..10).chain(13..23).map(|n: usize| n.to_string());
    let cut: Vec<String> = kept.collect();
    let short = resolve(&cut.join(","), &keys, Some("sdxl-sgm"));
    let long = resolve(&places(26), &keys, Some("sdxl-sgm"));
    assert_eq!(short.weights, long.weights);
    assert_eq!(
        long.weights["model.diffusion_model.middle_block.1.norm.weight"],
        13.0
    );
    assert_eq!(long.weights["model.diffusion_model.out.2.bias"], 22.0);
    let note = "26 values on SDXL: IN09-IN11 and OUT09-OUT11 are not used";
    assert_eq!(long.notes, [note]);
}

/// Flux's tensors by block, and those of its VAE, which belong to none.
fn flux_tensors() -> (HashMap<String, String>, Vec<String>) {
    let (apart, placed): (HashMap<_, _>, HashMap<_, _>) = family("flux-flux")
        .into_iter()
        .partition(|(_, block)| block == "-");
    (placed, apart.into_keys().collect())
}

#[test]
fn flux_as_supermerger_has_it() {
    let (placed, vae) = flux_tensors();
    let bare = |key: &String| key.trim_start_matches("model.diffusion_model.").to_owned();
    let without: HashMap<String, String> = placed
        .iter()
        .map(|(key, block)| (bare(key), block.clone()))
        .collect();
    for text in [places(61), dict(&flux())] {
        for id in [Some("flux-flux"), None] {
            check(&text, id, &placed, &flux());
            check(&text, id, &without, &flux());
        }
    }
    let keys: Vec<&str> = vae.iter().map(String::as_str).collect();
    let ones = vec!["1"; 61].join(",");
    let resolved = resolve(&format!("{ones};::1"), &keys, Some("flux-flux"));
    assert!(resolved.weights.values().all(|&weight| weight == 0.0));
    assert_eq!(resolved.weights.len(), 244);
    let note = &resolved.notes[1];
    let wanted = "the weight 0 for 244 tensors of no block of Flux, as `vae.";
    assert!(note.starts_with(wanted), "{note}");
}

#[test]
fn flux_in_the_names_of_diffusers() {
    let keys = [
        ("x_embedder.weight", 2.0),
        ("context_embedder.bias", 2.0),
        ("time_text_embed.guidance_embedder.linear_1.weight", 2.0),
        ("transformer_blocks.0.attn.to_q.weight", 3.0),
        ("transformer_blocks.18.norm1.linear.bias", 21.0),
        ("single_transformer_blocks.0.attn.to_q.weight", 22.0),
        ("single_transformer_blocks.37.proj_out.weight", 59.0),
        ("norm_out.linear.weight", 60.0),
        ("proj_out.weight", 60.0),
    ];
    let names: Vec<&str> = keys.iter().map(|(key, _)| *key).collect();
    for id in [Some("flux-diffusers"), None] {
        let resolved = resolve(&places(61), &names, id);
        for (key, place) in keys {
            assert_eq!(resolved.weights[key], place, "{key}");
        }
    }
}

#[test]
fn a_unet_without_the_prefix_has_the_same_blocks() {
    let keys = [
        "input_blocks.3.0.op.weight",
        "time_embed.0.bias",
        "out.0.weight",
    ];
    let resolved = resolve(&places(26), &keys, Some("sd1-ldm"));
    assert_eq!(keys.map(|key| resolved.weights[key]), [4.0, 1.0, 25.0]);
}
