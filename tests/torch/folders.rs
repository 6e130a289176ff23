//! PyTorch's files in folders: shards, components, and beside safetensors.

use std::path::Path;

use wgmerge::checkpoint::Checkpoint;

use super::{data, tensors, wgmerge};

/// A scratch folder with copies of the data.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn with(files: &[(&str, &str)]) -> Scratch {
        let scratch = Scratch(tempfile::tempdir().expect("scratch"));
        for (from, to) in files {
            scratch.copy(from, to);
        }
        scratch
    }

    fn copy(&self, from: &str, to: &str) {
        let to = self.path().join(to);
        std::fs::create_dir_all(to.parent().expect("a folder")).expect("scratch");
        std::fs::copy(data(from), to).expect("scratch");
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn open(&self) -> Checkpoint {
        Checkpoint::open(self.path()).unwrap_or_else(|fault| panic!("{fault}"))
    }
}

fn names(files: &[impl AsRef<Path>]) -> Vec<String> {
    let names = files.iter().map(|file| file.as_ref().display().to_string());
    names.map(|name| name.replace('\\', "/")).collect()
}

fn used(checkpoint: &Checkpoint) -> Vec<String> {
    let files: Vec<&Path> = checkpoint
        .files()
        .iter()
        .map(|file| &*file.relative)
        .collect();
    names(&files)
}

#[test]
fn safetensors_go_first() {
    let scratch = Scratch::with(&[
        ("small.pt", "pytorch_model.bin"),
        ("state.safetensors", "model.safetensors"),
        ("small.pt", "training_args.bin"),
        ("small.pt", "optimizer.pt"),
    ]);
    let checkpoint = scratch.open();
    assert_eq!(used(&checkpoint), ["model.safetensors"]);
    assert_eq!(names(checkpoint.left_out()), ["pytorch_model.bin"]);
}

#[test]
fn names_that_loaders_know_go_first() {
    let scratch = Scratch::with(&[
        ("small.pt", "pytorch_model.bin"),
        ("small.pt", "pytorch_model.fp16.bin"),
        ("state.safetensors", "consolidated.00.pth"),
        ("small.pt", "optimizer.pt"),
        ("small.pt", "rng_state_0.pth"),
        ("small.pt", "training_args.bin"),
    ]);
    let checkpoint = scratch.open();
    assert_eq!(used(&checkpoint), ["pytorch_model.bin"]);
    let left_out = ["consolidated.00.pth", "pytorch_model.fp16.bin"];
    assert_eq!(names(checkpoint.left_out()), left_out);
}

#[test]
fn other_names_are_joined() {
    let scratch = Scratch::with(&[("small.pt", "a.pt"), ("two_dicts.pt", "b.ckpt")]);
    let checkpoint = scratch.open();
    assert_eq!(used(&checkpoint), ["a.pt", "b.ckpt"]);
    assert_eq!(checkpoint.tensors().len(), 4);
}

#[test]
fn components_may_be_of_either_kind() {
    let scratch = Scratch::with(&[
        ("small.pt", "unet/diffusion_pytorch_model.bin"),
        (
            "small.safetensors",
            "vae/diffusion_pytorch_model.safetensors",
        ),
        ("small.pt", "vae/diffusion_pytorch_model.bin"),
        ("state.safetensors", "sd.ckpt"),
    ]);
    std::fs::write(scratch.path().join("model_index.json"), "{}").expect("scratch");
    let checkpoint = scratch.open();
    let keys: Vec<&String> = checkpoint.tensors().keys().collect();
    assert_eq!(keys, ["unet/a", "unet/b", "vae/a", "vae/b"]);
    let left_out = ["sd.ckpt", "vae/diffusion_pytorch_model.bin"];
    assert_eq!(names(checkpoint.left_out()), left_out);
}

#[test]
fn a_missing_shard_is_told() {
    let scratch = Scratch::with(&[("small.pt", "pytorch_model-00001-of-00002.bin")]);
    let fault = Checkpoint::open(scratch.path())
        .expect_err("it is refused")
        .to_string();
    assert!(
        fault.contains("shard 2 of 2 of `pytorch_model` is not there"),
        "{fault}"
    );
    scratch.copy(
        "shards/pytorch_model.bin.index.json",
        "pytorch_model.bin.index.json",
    );
    let fault = Checkpoint::open(scratch.path())
        .expect_err("it is refused")
        .to_string();
    assert!(
        fault.contains("`pytorch_model-00002-of-00002.bin` is not in the folder"),
        "{fault}"
    );
}

#[test]
fn an_index_must_agree_with_its_shards() {
    let scratch = Scratch::with(&[
        ("small.pt", "pytorch_model-00001-of-00002.bin"),
        (
            "shards/pytorch_model-00002-of-00002.bin",
            "pytorch_model-00002-of-00002.bin",
        ),
        (
            "shards/pytorch_model.bin.index.json",
            "pytorch_model.bin.index.json",
        ),
    ]);
    let fault = Checkpoint::open(scratch.path())
        .expect_err("it is refused")
        .to_string();
    let expected = "puts tensor `layer.0.weight` into `pytorch_model-00001-of-00002.bin`, which \
                    does not hold it";
    assert!(fault.contains(expected), "{fault}");
}

/// Converted, the names are those under which loaders look for safetensors.
#[test]
fn output_has_the_names_of_safetensors() {
    let folder = tempfile::tempdir().expect("scratch");
    let out = folder.path().join("out");
    let path = out.to_str().expect("UTF-8");
    let output = wgmerge(&["convert", "-q", "shards", "-o", path]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let entries = std::fs::read_dir(&out).expect("a folder");
    let entries = entries.map(|entry| entry.expect("an entry").file_name());
    let mut found: Vec<String> = entries
        .map(|name| name.into_string().expect("UTF-8"))
        .collect();
    found.sort();
    assert_eq!(
        found,
        [
            "README.md",
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
            "model.safetensors.index.json",
        ]
    );
    assert_eq!(tensors(&out), tensors(&data("shards.safetensors")));
}
