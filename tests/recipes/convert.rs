//! Conversions between key formats, through files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{refuses, succeeds};
use crate::support::models::{Tensor, floats, values, write};
use wgmerge::dtype::Float;
use wgmerge::keys::Configs;

/// Names, types, shapes and bytes of a file's tensors.
fn tensors(path: &Path) -> BTreeMap<String, (String, Vec<usize>, Vec<u8>)> {
    let bytes = std::fs::read(path).expect("a file");
    let all = safetensors::SafeTensors::deserialize(&bytes).expect("sound");
    let each = all.tensors().into_iter();
    each.map(|(name, tensor)| {
        let dtype = format!("{:?}", tensor.dtype());
        (
            name,
            (dtype, tensor.shape().to_vec(), tensor.data().to_vec()),
        )
    })
    .collect()
}

/// A model with every mandatory tensor of a config, each dimension as short as its kind allows:
/// what is joined or transposed keeps its proportions.
fn small(path: &Path, config: &str) {
    let configs = Configs::default();
    let config = configs.find(config).expect("a config");
    let short = |n: u64| match n {
        0..=3 => n,
        n if n % 3 == 0 => 6,
        _ => 2,
    };
    let tensors: Vec<Tensor> = config
        .keys()
        .filter(|(_, key)| !key.optional)
        .enumerate()
        .map(|(number, (name, key))| {
            let shape: Vec<u64> = key.shape.iter().map(|&n| short(n)).collect();
            let n = shape.iter().product::<u64>() as usize;
            floats(name, Float::F16, &shape, &values(n, number as u64, 1))
        })
        .collect();
    write(path, &tensors);
}

fn convert(from: &Path, config: &str, to: &Path) -> PathBuf {
    let folder = from.parent().expect("a folder");
    let (source, target) = (from.display().to_string(), to.display().to_string());
    succeeds(
        folder,
        &[
            "convert", &source, "--to", config, "-o", &target, "-q", "--force",
        ],
    );
    to.to_owned()
}

#[test]
fn every_way_there_and_back_gives_the_same_bytes() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    for (from, to) in [
        ("sd1-ldm", "sd1-kohya"),
        ("sd1-kohya", "sd1-ldm"),
        ("sdxl-sgm", "sdxl-kohya"),
        ("sdxl-sgm", "sdxl-kohya_but_diffusers"),
        ("sdxl-kohya", "sdxl-sgm"),
        ("sdxl-kohya_but_diffusers", "sdxl-sgm"),
        ("sdxl-diffusers_unet_only", "sdxl-sgm"),
        // Two steps.
        ("sdxl-kohya", "sdxl-kohya_but_diffusers"),
    ] {
        let source = path("source.safetensors");
        small(&source, from);
        let there = convert(&source, to, &path("there.safetensors"));
        let back = convert(&there, from, &path("back.safetensors"));
        let (source, there, back) = (tensors(&source), tensors(&there), tensors(&back));
        assert!(
            source.keys().ne(there.keys()),
            "{from} to {to} changes no name"
        );
        assert!(source == back, "{from} to {to} and back");
    }
}

#[test]
fn queries_keys_and_values_are_joined_row_by_row() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    small(&path("kohya.safetensors"), "sdxl-kohya");
    let sgm = convert(
        &path("kohya.safetensors"),
        "sdxl-sgm",
        &path("sgm.safetensors"),
    );
    let (parts, joined) = (tensors(&path("kohya.safetensors")), tensors(&sgm));
    for kind in ["weight", "bias"] {
        let block = "conditioner.embedders.1.model.transformer.resblocks.5.attn";
        let whole = &joined[&format!("{block}.in_proj_{kind}")];
        let mut rows: Vec<u8> = Vec::new();
        for part in ["q", "k", "v"] {
            let name = format!("te2.text_model.encoder.layers.5.self_attn.{part}_proj.{kind}");
            rows.extend(&parts[&name].2);
        }
        assert!(whole.2 == rows, "{kind}");
        assert_eq!(whole.1[0] % 3, 0);
    }
    let [from, to] = [
        "te2.text_projection.weight",
        "conditioner.embedders.1.model.text_projection",
    ];
    if let (Some(from), Some(to)) = (parts.get(from), joined.get(to)) {
        let reversed: Vec<usize> = from.1.iter().rev().copied().collect();
        assert_eq!(to.1, reversed);
    }
}

#[test]
fn a_dtype_can_change_on_the_way() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    small(&folder.path().join("a.safetensors"), "sd1-ldm");
    let line = [
        "convert",
        &path("a.safetensors"),
        "--dtype",
        "bf16",
        "-o",
        &path("b.safetensors"),
    ];
    succeeds(folder.path(), &[&line[..], &["-q"]].concat());
    let (a, b) = (
        tensors(Path::new(&path("a.safetensors"))),
        tensors(Path::new(&path("b.safetensors"))),
    );
    assert!(a.keys().eq(b.keys()));
    assert!(b.values().all(|(dtype, ..)| dtype == "BF16"));
}

#[test]
fn what_cannot_be_converted_is_explained() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    small(&folder.path().join("a.safetensors"), "sd1-ldm");
    let refused = |to: &str| {
        refuses(
            folder.path(),
            &[
                "convert",
                "a.safetensors",
                "--to",
                to,
                "-o",
                "b.safetensors",
            ],
        )
    };
    let errors = refused("flux-flux");
    assert!(
        errors.contains("from which no conversion leads to flux-flux"),
        "{errors}"
    );
    assert!(
        errors.contains("it can become sd1-diffusers, sd1-kohya"),
        "{errors}"
    );
    let errors = refused("sd1-koya");
    assert!(errors.contains("did you mean `sd1-kohya`?"), "{errors}");
    assert!(!folder.path().join("b.safetensors").exists());
}
