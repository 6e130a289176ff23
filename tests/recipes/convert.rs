//! Conversions between key formats, through files.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::{refuses, succeeds};
use crate::support::models::{Tensor, floats, short, values, write};
use crate::support::tensors::stored;
use wgmerge::dtype::{DType, Float};
use wgmerge::exec::cpu::Level;
use wgmerge::keys::Configs;
use wgmerge::merge::{Merge, Progress, Settings};
use wgmerge::recipe::Options;
use wgmerge::recipe::compose::model;

/// A model with every mandatory tensor of a config, each dimension as short as its kind allows:
/// what is joined or transposed keeps its proportions.
fn small(path: &Path, config: &str) {
    sized(path, config, |_| None);
}

/// The same, with sides that some square matrices have instead.
fn sized(path: &Path, config: &str, side: impl Fn(&str) -> Option<u64>) {
    let configs = Configs::default();
    let config = configs.find(config).expect("a config");
    let tensors: Vec<Tensor> = config
        .keys()
        .filter(|(_, key)| !key.optional)
        .enumerate()
        .map(|(number, (name, key))| {
            let side = side(name);
            let shape = key.shape.iter().map(|&n| side.unwrap_or_else(|| short(n)));
            let shape: Vec<u64> = shape.collect();
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
        let (source, there, back) = (stored(&source), stored(&there), stored(&back));
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
    let (parts, joined) = (stored(&path("kohya.safetensors")), stored(&sgm));
    for kind in ["weight", "bias"] {
        let block = "conditioner.embedders.1.model.transformer.resblocks.5.attn";
        let whole = &joined[&format!("{block}.in_proj_{kind}")];
        let mut rows: Vec<u8> = Vec::new();
        for part in ["q", "k", "v"] {
            let name = format!("te2.text_model.encoder.layers.5.self_attn.{part}_proj.{kind}");
            rows.extend(&parts[&name].bytes);
        }
        assert!(whole.bytes == rows, "{kind}");
        assert_eq!(whole.shape[0] % 3, 0);
    }
    let [from, to] = [
        "te2.text_projection.weight",
        "conditioner.embedders.1.model.text_projection",
    ];
    if let (Some(from), Some(to)) = (parts.get(from), joined.get(to)) {
        let reversed: Vec<u64> = from.shape.iter().rev().copied().collect();
        assert_eq!(to.shape, reversed);
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
        stored(Path::new(&path("a.safetensors"))),
        stored(Path::new(&path("b.safetensors"))),
    );
    assert!(a.keys().eq(b.keys()));
    assert!(b.values().all(|tensor| tensor.dtype == DType::BF16));
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

/// Counts the reads and writes of a merge.
#[derive(Default)]
struct Steps(AtomicU64);

impl Progress for Steps {
    fn begin(&self, _pass: &str, _bytes: u64) {}

    fn advance(&self, _bytes: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn warn(&self, _message: &str) {}
}

#[test]
fn a_transposed_matrix_is_read_in_bands() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let source = folder.path().join("kohya.safetensors");
    let side = 1024;
    sized(&source, "sdxl-kohya", |name| {
        name.ends_with("text_projection.weight").then_some(side)
    });
    let run = |memory: u64| {
        let recipe = model(&source).convert("sdxl-kohya", "sdxl-sgm");
        let recipe = recipe.into_recipe(Options::default()).expect("a recipe");
        let output = folder.path().join("sgm.safetensors");
        let settings = Settings {
            output: output.clone(),
            overwrite: true,
            memory,
            threads: 1,
            device: None,
            level: Level::detect(),
            proof: wgmerge::merge::Proof::Full,
            min_survival: None,
            reads: Vec::new(),
        };
        let steps = Steps::default();
        let merge = Merge::prepare(recipe, settings).expect("a sound merge");
        merge.run(&steps, &AtomicBool::new(false)).expect("a merge");
        (stored(&output), steps.0.into_inner())
    };
    let before = stored(&source);
    let before = &before["te2.text_projection.weight"].bytes;
    // In little memory there are more bands, and no fewer bytes.
    for (memory, most) in [(48 << 20, 40_000), (128 << 20, 6000)] {
        let (found, steps) = run(memory);
        let turned = found
            .iter()
            .find(|(name, _)| name.ends_with("text_projection"));
        let (_, turned) = turned.expect("a matrix");
        assert_eq!(turned.shape, [side; 2]);
        for (place, element) in turned.bytes.chunks_exact(2).enumerate() {
            let (row, column) = (place % side as usize, place / side as usize);
            assert_eq!(element, &before[(row * side as usize + column) * 2..][..2]);
        }
        assert!(steps < most, "{steps} reads and writes");
    }
}
