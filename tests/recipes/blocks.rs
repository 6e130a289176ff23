//! Block weights and the user's configs, through the command line.

use std::path::Path;

use super::{refuses, succeeds};
use crate::support::models::{floats, write};
use crate::support::tensors::tensor;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/recipes/models");
const DIGITS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/digits");

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}

/// Merges two models of a folder by `weighted_sum` with block weights.
fn merge(folder: &str, models: &str, weights: &str) -> (tempfile::TempDir, Checkpoint) {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let output = scratch.path().join("out.safetensors");
    let line = format!("merge -M weighted_sum {models} -q -o {}", output.display());
    let options = ["--metadata", "none", "--block-weights", weights];
    succeeds(Path::new(folder), &[&words(&line)[..], &options].concat());
    let found = Checkpoint::open(&output).expect("sound");
    (scratch, found)
}

/// The ratio of the second model in each entry of a tensor, from the entries that differ most.
fn ratio(found: &Checkpoint, folder: &str, models: [&str; 2], key: &str) -> f32 {
    let open = |name: &str| Checkpoint::open(&Path::new(folder).join(name)).expect("sound");
    let [a, b] = models.map(|name| tensor(&open(name), key));
    let out = tensor(found, key);
    let at = (0..a.len()).max_by(|&i, &j| (a[i] - b[i]).abs().total_cmp(&(a[j] - b[j]).abs()));
    let at = at.expect("an entry");
    (out[at] - a[at]) / (b[at] - a[at])
}

#[test]
fn a_ratio_for_each_block_of_sd1() {
    let models = ["sd1_a.safetensors", "sd1_b.safetensors"];
    let weights = "BASE=0.25,IN04=0.75,M00=1,*=0.5";
    let (_scratch, found) = merge(MODELS, &models.join(" "), weights);
    let unet = "model.diffusion_model";
    for (start, expected) in [
        (
            "cond_stage_model.transformer.text_model.embeddings.token",
            0.25,
        ),
        (&format!("{unet}.input_blocks.4."), 0.75),
        (&format!("{unet}.middle_block."), 1.0),
        (&format!("{unet}.output_blocks.3."), 0.5),
    ] {
        let key = found.tensors().keys().find(|key| key.starts_with(start));
        let key = key.unwrap_or_else(|| panic!("{start}"));
        let ratio = ratio(&found, MODELS, models, key);
        assert!(
            (ratio - expected).abs() < 1e-4,
            "{key}: {ratio}, not {expected}"
        );
    }
}

#[test]
fn a_gradient_over_the_layers_of_any_network() {
    let models = ["rot180.safetensors", "flip.safetensors"];
    let weights = r"'^(\d+)\.weight': 0..1; *: 0.25";
    let (_scratch, found) = merge(DIGITS, &models.join(" "), weights);
    for (key, expected) in [
        ("0.weight", 0.0),
        ("2.weight", 0.5),
        ("4.weight", 1.0),
        ("2.bias", 0.25),
    ] {
        let ratio = ratio(&found, DIGITS, models, key);
        assert!(
            (ratio - expected).abs() < 1e-4,
            "{key}: {ratio}, not {expected}"
        );
    }
}

#[test]
fn weights_that_reach_nothing_are_refused() {
    let refused = |weights: &str| {
        let line = words("merge -M weighted_sum rot180.safetensors flip.safetensors -o x");
        refuses(
            Path::new(DIGITS),
            &[&line[..], &["--block-weights", weights]].concat(),
        )
    };
    let errors = refused(r"'nothing\.(\d+)': 0..1; *: 0.5");
    assert!(errors.contains("nothing"), "{errors}");
    let errors = refused("IN04=0.5,*=0.3");
    assert!(
        errors.contains("IN04") || errors.contains("blocks"),
        "{errors}"
    );
    let errors = refused("0..x");
    assert!(errors.contains("0..x"), "{errors}");
}

#[test]
fn a_file_holds_weights_as_well() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let file = scratch.path().join("weights.txt");
    std::fs::write(&file, "'^0\\.': 1\n'^2\\.': 0\n*: 0.5\n").expect("written");
    let models = ["rot180.safetensors", "flip.safetensors"];
    let (_scratch, found) = merge(DIGITS, &models.join(" "), &format!("@{}", file.display()));
    assert!((ratio(&found, DIGITS, models, "0.weight") - 1.0).abs() < 1e-4);
    assert!((ratio(&found, DIGITS, models, "4.weight") - 0.5).abs() < 1e-4);
}

#[test]
fn a_config_of_the_user_is_recognised_and_has_components() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    let yaml = "identifier: tiny-mine\ncomponents:\n  body:\n    \
        body.weight: {shape: [4], dtype: float32}\n  head:\n    \
        head.weight: {shape: [4], dtype: float32, aliases: [classifier.weight]}\n";
    std::fs::write(path("tiny-mine.yaml"), yaml).expect("written");
    let model = |name: &str, head: &str, value: f32| {
        let tensors = [
            floats("body.weight", Float::F32, &[4], &[value; 4]),
            floats(head, Float::F32, &[4], &[value; 4]),
        ];
        write(&path(name), &tensors);
    };
    model("a.safetensors", "head.weight", 1.0);
    model("b.safetensors", "classifier.weight", 3.0);
    // The head of B, which has another name for it, on the body of A.
    let recipe = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n\
        merge \"pick_component\" &1 \"head\"\nmerge \"fallback\" &2 &0\n";
    std::fs::write(path("r.mecha"), recipe).expect("written");
    let config = ["--config", "tiny-mine.yaml"];
    let run = "run r.mecha -q --force -o out.safetensors";
    succeeds(folder.path(), &[&words(run)[..], &config].concat());
    let found = Checkpoint::open(&path("out.safetensors")).expect("sound");
    assert_eq!(tensor(&found, "body.weight"), [1.0; 4]);
    assert_eq!(tensor(&found, "head.weight"), [3.0; 4]);
    // Without the config nobody knows what a head is.
    let errors = refuses(folder.path(), &words(run));
    assert!(
        errors.contains("needs to know the model config"),
        "{errors}"
    );
    let shown = succeeds(
        folder.path(),
        &[&["inspect", "b.safetensors"], &config[..]].concat(),
    );
    assert!(shown.contains("model config tiny-mine"), "{shown}");
    let listed = succeeds(
        folder.path(),
        &[&["configs", "tiny-mine"], &config[..]].concat(),
    );
    assert!(listed.contains("classifier.weight"), "{listed}");
}
