//! The built-in configs are what the lists say.

use std::collections::HashMap;
use std::fmt::Debug;

use sha2::{Digest, Sha256};
use wgmerge::keys::config::{ConfigKey, configs, find};

use super::{IDS, List, OWN};

/// The first differences of two lists of keys, each a line.
fn differences(expected: &[(String, ConfigKey)], found: &[(String, ConfigKey)]) -> Vec<String> {
    fn by_name(keys: &[(String, ConfigKey)]) -> HashMap<&str, &ConfigKey> {
        keys.iter()
            .map(|(name, key)| (name.as_str(), key))
            .collect()
    }
    let (expected, found) = (by_name(expected), by_name(found));
    let mut lines = Vec::new();
    for (name, key) in &expected {
        match found.get(name) {
            None => lines.push(format!("{name} is missing")),
            Some(other) if other != key => lines.push(format!("{name}: {other:?}, not {key:?}")),
            Some(_) => {}
        }
    }
    let more = found.keys().filter(|name| !expected.contains_key(*name));
    lines.extend(more.map(|name| format!("{name} is not in the list")));
    lines.sort_unstable();
    lines.truncate(10);
    lines
}

#[track_caller]
fn assert_same<T: PartialEq + Debug>(id: &str, found: T, expected: T) {
    assert!(found == expected, "{id}: {found:?}, not {expected:?}");
}

/// The adapters' configs: how many keys, and the SHA-256 of their sorted names, a line each, in
/// sd-mecha 1.1.8.
const ADAPTERS: [(&str, usize, &str); 6] = [
    (
        "sd1-kohya_kohya_lora",
        4708,
        "b0e95f1cf2ba90b344cfa9378a5aa3ef48eb65094fe553667d8e6974105d9a56",
    ),
    (
        "sdxl-kohya_kohya_lora",
        12485,
        "a274ecb4b814eb4755a60388071b4699101a3e2620ffe8b53cb353e6c178e5e8",
    ),
    (
        "sdxl-kohya_but_diffusers_kohya_lora",
        12485,
        "7face85d4f7c07b2049d1e0b8bce27b523af9dd618f424b08ad188890ad5e74d",
    ),
    (
        "sd1-kohya_lycoris_lora",
        4708,
        "bbf178eddd33063a6197ff39d9c824f884a43d8529fb4c5681ec00623c8f7b9f",
    ),
    (
        "sdxl-kohya_lycoris_lora",
        12485,
        "c0a73325901718c7a1d00e758fd96f32ec67a5aa35e410dd84b2d9daadbf6382",
    ),
    (
        "sdxl-kohya_but_diffusers_lycoris_lora",
        12485,
        "20acb76b221438fd6d3cde9160141d7ccddd26b671729b33b1e3ef33add06a1f",
    ),
];

#[test]
fn the_configs_of_adapters_have_the_names_of_sd_mecha() {
    let found: Vec<(&str, usize, String)> = configs()
        .filter(|config| config.is_adapter())
        .map(|config| {
            let mut names: Vec<&str> = config.keys().map(|(name, _)| name).collect();
            names.sort_unstable();
            let digest = Sha256::digest(names.join("\n"));
            let hex = digest.iter().map(|byte| format!("{byte:02x}"));
            (config.id(), names.len(), hex.collect())
        })
        .collect();
    let expected = ADAPTERS.map(|(id, keys, digest)| (id, keys, digest.to_owned()));
    assert_eq!(found, expected);
}

#[test]
fn every_config_is_its_list() {
    let listed = configs().filter(|config| !config.is_adapter() && !OWN.contains(&config.id()));
    let ids: Vec<&str> = listed.map(|config| config.id()).collect();
    assert_eq!(ids, IDS);
    for id in IDS {
        let list = List::of(id);
        let config = find(id).expect("a built-in config");
        assert_same(id, config.components(), &list.components);
        let found: Vec<(String, ConfigKey)> = config
            .keys()
            .map(|(name, key)| (name.to_owned(), key.clone()))
            .collect();
        let faults = differences(&list.keys, &found);
        assert!(faults.is_empty(), "{id}:\n{}", faults.join("\n"));
        assert_same(id, found.len(), list.keys.len());
        let mut sorted = list.keys;
        sorted.sort_by(|a, b| (a.1.component, &a.0).cmp(&(b.1.component, &b.0)));
        let names = |keys: &[(String, ConfigKey)]| -> Vec<String> {
            keys.iter().map(|(name, _)| name.clone()).collect()
        };
        assert_same(id, names(&found), names(&sorted));
    }
}

/// Names and shapes of a list under other beginnings, sorted.
fn renamed(list: &str, prefixes: &[(&str, &str)]) -> Vec<(String, Vec<u64>)> {
    let keys = List::of(list).keys;
    let renamed = keys.into_iter().filter_map(|(name, key)| {
        let mut renamed = prefixes.iter().filter_map(|(from, to)| {
            let rest = name.strip_prefix(from)?;
            Some(format!("{to}{rest}"))
        });
        Some((renamed.next()?, key.shape))
    });
    let mut renamed: Vec<(String, Vec<u64>)> = renamed.collect();
    renamed.sort();
    renamed
}

#[test]
fn pipelines_and_autoencoders_have_the_tensors_of_the_lists() {
    let folders = [
        ("te.", "text_encoder/"),
        ("unet.", "unet/"),
        ("vae.", "vae/"),
    ];
    let xl = [
        ("te1.", "text_encoder/"),
        ("te2.", "text_encoder_2/"),
        ("unet.", "unet/"),
    ];
    for (id, list, prefixes) in [
        ("sd1-diffusers", "sd1-kohya", &folders[..]),
        ("sdxl-diffusers", "sdxl-kohya_but_diffusers", &xl),
        ("vae-ldm", "sd1-ldm", &[("first_stage_model.", "")]),
        ("vae-diffusers", "sd1-kohya", &[("vae.", "")]),
        ("vae16-ldm", "flux-flux", &[("vae.", "")]),
    ] {
        let config = find(id).expect("a built-in config");
        let keys = config.keys().filter(|(name, _)| {
            let of_list = id != "sdxl-diffusers" || !name.starts_with("vae/");
            of_list && !name.ends_with("position_ids")
        });
        let keys = keys.map(|(name, key)| (name.to_owned(), key.shape.clone()));
        let mut found: Vec<(String, Vec<u64>)> = keys.collect();
        found.sort();
        let mut expected = renamed(list, prefixes);
        expected.retain(|(name, _)| !name.ends_with("position_ids"));
        assert!(found == expected, "{id}");
    }
    // As older releases of diffusers named the attention of the autoencoder.
    let vae = find("vae-diffusers").expect("a built-in config");
    let old = "decoder.mid_block.attentions.0.proj_attn.weight";
    let new = "decoder.mid_block.attentions.0.to_out.0.weight";
    assert_eq!(vae.canonical(old), Some(new));
}

#[test]
fn differences_are_found() {
    let list = List::of("sd1-supermerger_blocks");
    let mut other = List::of("sd1-supermerger_blocks").keys;
    assert_eq!(differences(&list.keys, &other), Vec::<String>::new());
    other[0].1.shape = vec![1];
    other[1].0 = "IN99".to_owned();
    let found = differences(&list.keys, &other);
    assert_eq!(found.len(), 3, "{found:?}");
    assert!(found[0].starts_with("BASE: ConfigKey"), "{found:?}");
    assert_eq!(found[1..], ["IN00 is missing", "IN99 is not in the list"]);
}

#[test]
fn a_name_leads_to_its_tensor() {
    let flux = find("flux-flux").expect("a built-in config");
    let own = "model.diffusion_model.img_in.weight";
    assert_eq!(flux.canonical(own), Some(own));
    assert_eq!(flux.canonical("img_in.weight"), Some(own));
    assert_eq!(flux.component_of("img_in.weight"), Some("diffuser"));
    assert_eq!(flux.component_of("vae.encoder.conv_in.bias"), Some("vae"));
    assert_eq!(
        flux.key(own).map(|key| &key.shape[..]),
        Some(&[3072, 64][..])
    );
    assert_eq!(flux.key("img_in.weight"), None);
    assert_eq!(flux.canonical("img_in"), None);
    assert_eq!(flux.component_of("img_in"), None);

    let sd1 = find("sd1-ldm").expect("a built-in config");
    let ema = "model_ema.diffusion_modelinput_blocks00weight";
    assert_eq!(sd1.canonical("model_ema.input_blocks00weight"), Some(ema));
    assert!(find("sd2-ldm").is_none());
}

#[test]
fn numbers_per_block_are_told_from_tensors() {
    let blocks: Vec<&str> = configs()
        .filter(|config| config.is_blocks())
        .map(|config| config.id())
        .collect();
    assert_eq!(blocks, IDS[8..]);
}

#[test]
fn components_are_counted() {
    let sgm = find("sdxl-sgm").expect("a built-in config");
    let list = List::of("sdxl-sgm");
    let none = sgm.component_counts(std::iter::empty());
    assert_eq!(
        none,
        [
            ("clip_l", 0, 178),
            ("clip_g", 0, 374),
            ("vae", 0, 248),
            ("diffuser", 0, 1680),
            ("scheduler", 0, 0)
        ]
    );
    let all = sgm.component_counts(list.keys.iter().map(|(name, _)| name.as_str()));
    let totals = [197, 390, 248, 1684, 12];
    let found = all.iter().map(|&(_, found, expected)| (found, expected));
    assert!(found.eq(totals.map(|total| (total, total))), "{all:?}");

    let sd1 = find("sd1-ldm").expect("a built-in config");
    let names = [
        "cond_stage_model.transformer.final_layer_norm.bias",
        "cond_stage_model.transformer.text_model.final_layer_norm.bias",
        "cond_stage_model.transformer.embeddings.position_ids",
        "something.else",
    ];
    let counts = sd1.component_counts(names.into_iter());
    assert_eq!(counts[0], ("clip_l", 2, 197));
}
