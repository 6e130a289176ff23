//! The recipes that sd-mecha wrote, and the results that it computed.

use std::path::{Path, PathBuf};

use super::{succeeds, wgmerge};
use crate::golden::close;
use crate::support::tensors::tensor;
use wgmerge::checkpoint::Checkpoint;

fn data(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/data")
        .join(folder)
}

/// The recipes of a folder.
fn recipes(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the data");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut recipes: Vec<PathBuf> = paths
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "mecha")
        })
        .collect();
    recipes.sort();
    recipes
}

/// Runs a recipe in its models' folder and compares every tensor with sd-mecha's.
fn compare(models: &Path, recipe: &Path, options: &[&str]) {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let output = scratch.path().join("out.safetensors");
    let name = recipe.display().to_string();
    let mut arguments = vec!["run", &name, "-o", output.to_str().expect("UTF-8")];
    arguments.extend(["--dtype", "f32"]);
    arguments.extend(options);
    succeeds(models, &arguments);
    let found = Checkpoint::open(&output).expect("sound");
    let expected = Checkpoint::open(&recipe.with_extension("safetensors")).expect("a tool's file");
    assert!(!expected.tensors().is_empty());
    assert_eq!(found.tensors().len(), expected.tensors().len(), "{name}");
    for key in expected.tensors().keys() {
        let what = format!("{name}: {key}");
        close(&what, &tensor(&found, key), &tensor(&expected, key), 1e-6);
    }
}

#[test]
fn recipes_of_real_networks() {
    let recipes = recipes(&data("mecha"));
    assert_eq!(recipes.len(), 13);
    for recipe in recipes {
        compare(&data("digits"), &recipe, &[]);
    }
}

/// The recipes of adapters whose base lacks a tensor that the adapter has: sd-mecha drops it.
const LACKING: &[&str] = &[
    "lora_blocks_default",
    "lora_blocks_partial",
    "lora_conv_base",
    "lora_conv_sgm",
    "lora_diffusers_sgm",
    "lora_ties",
    "lora_ties_vote",
];

#[test]
fn recipes_of_adapters() {
    let models = data("adapters/models");
    let recipes = recipes(&data("adapters"));
    assert_eq!(recipes.len(), 30);
    for recipe in recipes {
        let stem = recipe.file_stem().expect("a name").to_string_lossy();
        if !LACKING.contains(&&*stem) {
            compare(&models, &recipe, &[]);
            continue;
        }
        let path = recipe.display().to_string();
        let refused = wgmerge(&models, &["run", &path, "-o", "/dev/null/out.safetensors"]);
        let errors = String::from_utf8_lossy(&refused.stderr);
        let lacks = errors.contains("lacks 1 of") || errors.contains("has nothing for");
        assert!(!refused.status.success() && lacks, "{stem}: {errors}");
        compare(&models, &recipe, &["--missing", "skip"]);
    }
}

/// Recipes of sd-mecha 0.0.x, which has no EMA tensors in its results.
#[test]
fn recipes_of_the_old_form() {
    let models = stand_ins();
    for model in ["lora1", "lora2", "lora_xl1", "sd1_c"] {
        let name = format!("{model}.safetensors");
        let from = data("legacy/models").join(&name);
        std::fs::copy(from, models.path().join(&name)).expect("a copy");
    }
    let output = models.path().join("out.safetensors");
    let recipes = recipes(&data("legacy"));
    assert_eq!(recipes.len(), 13);
    for recipe in recipes {
        let (path, out) = (recipe.display().to_string(), output.display().to_string());
        let arguments = ["run", &path, "-o", &out, "--dtype", "f32", "--force", "-q"];
        succeeds(models.path(), &arguments);
        let found = Checkpoint::open(&output).expect("sound");
        let expected = Checkpoint::open(&recipe.with_extension("safetensors")).expect("golden");
        for key in found.tensors().keys() {
            let known = expected.get(key).is_some();
            assert!(known || key.starts_with("model_ema"), "{path}: {key}");
        }
        for key in expected.tensors().keys() {
            // Integers are copied here; sd-mecha makes floats of them.
            if found.tensors()[key].dtype.float().is_some() {
                let what = format!("{path}: {key}");
                close(&what, &tensor(&found, key), &tensor(&expected, key), 1e-6);
            }
        }
    }
}

/// Recipes that sd-mecha merges by dropping tensors without a word, and what is said here instead.
const REFUSED: &[(&str, &str)] = &[
    ("blocks_sd1_partial", "literal has nothing for `IN00`"),
    (
        "convert_blocks",
        "kohya_a.safetensors lacks 2 of the 204 tensors",
    ),
    (
        "convert_merge",
        "kohya_a.safetensors lacks 10 of the 214 tensors",
    ),
    ("add_difference_blocks", "is not finite"),
    ("non_finite_default", "is not finite"),
    ("non_finite_dropped", "is not finite"),
    ("dict_of_models", "has none of the models' tensors"),
];

/// Keys that sd-mecha adds to an SDXL result where no model has them.
const SYNTHESISED: &[&str] = &[
    "conditioner.embedders.0.transformer.text_model.embeddings.position_ids",
    "conditioner.embedders.0.transformer.text_model.encoder.layers.11.layer_norm1.bias",
    "conditioner.embedders.1.model.transformer.resblocks.31.attn.in_proj_bias",
];

/// How far a tensor's entries may be off, as a share of the largest.
fn tolerance(name: &str) -> f32 {
    match name {
        // Ratios of sums of three products, near a pole: sd-mecha's own rounding shows.
        _ if name.starts_with("model_stock") => 1e-4,
        // Computed in f32 and rounded after every merge, not after every operation.
        _ if name.ends_with("in_bfloat16") => 1.0 / 64.0,
        _ if name.ends_with("in_float16") => 1.0 / 512.0,
        _ => 1e-6,
    }
}

/// A folder with the models and the file whose name no repository should hold.
fn stand_ins() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for entry in std::fs::read_dir(data("recipes/models")).expect("the data") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name");
        std::fs::copy(&path, folder.path().join(name)).expect("a copy");
    }
    let odd = "sp ace \"quoted\" back\\slash ünï.safetensors";
    let from = data("recipes/models/s_c.safetensors");
    std::fs::copy(from, folder.path().join(odd)).expect("a copy");
    folder
}

#[test]
fn recipes_of_stand_ins() {
    let (models, scratch) = (
        stand_ins(),
        tempfile::tempdir().expect("a temporary folder"),
    );
    let output = scratch.path().join("out.safetensors");
    let recipes = recipes(&data("recipes"));
    assert!(recipes.len() > 150);
    for recipe in recipes {
        let stem = recipe
            .file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let (path, out) = (recipe.display().to_string(), output.display().to_string());
        let arguments = ["run", &path, "-o", &out, "--dtype", "f32", "--force", "-q"];
        if let Some((_, message)) = REFUSED.iter().find(|(name, _)| *name == stem) {
            let run = wgmerge(models.path(), &arguments);
            let errors = String::from_utf8_lossy(&run.stderr);
            assert!(
                !run.status.success() && errors.contains(message),
                "{stem}: {errors}"
            );
            continue;
        }
        succeeds(models.path(), &arguments);
        let found = Checkpoint::open(&output).expect("sound");
        let expected = Checkpoint::open(&recipe.with_extension("safetensors")).expect("golden");
        for (key, info) in expected.tensors() {
            // The output has the names of its reference, sd-mecha's those of the config.
            let bare = key.strip_prefix("model.diffusion_model.");
            let name = bare.filter(|_| stem.starts_with("flux_bare_"));
            let name = name.unwrap_or(key);
            let Some(own) = found.get(name) else {
                assert!(stem == "missing_keys_sdxl" && SYNTHESISED.contains(&key.as_str()));
                continue;
            };
            assert_eq!(own.shape, info.shape, "{stem}: {key}");
            // Integers are copied here; sd-mecha makes floats of them.
            if own.dtype.float().is_none() {
                continue;
            }
            let (found, expected) = (tensor(&found, name), tensor(&expected, key));
            let largest = expected
                .iter()
                .fold(0.0_f32, |largest, x| largest.max(x.abs()));
            for (a, b) in found.iter().zip(&expected) {
                let off = (a - b).abs();
                assert!(
                    off <= tolerance(&stem) * largest,
                    "{stem}: {key}: {a} and {b}"
                );
            }
        }
        // sd-mecha drops what its config does not have; here it is merged like the rest.
        let more = found
            .tensors()
            .keys()
            .filter(|key| expected.get(key).is_none())
            .filter(|key| {
                let long = format!("model.diffusion_model.{key}");
                expected.get(&long).is_none()
            });
        for key in more {
            let known = key == "unknown.extra.weight" || key.ends_with("attn.in_proj_bias");
            assert!(known, "{stem}: {key} is not in sd-mecha's result");
        }
    }
}

#[test]
fn the_result_is_the_same_however_the_work_is_cut() {
    for name in ["dare_ties", "model_stock", "geometric_median", "chain"] {
        let recipe = data("mecha").join(format!("{name}.mecha"));
        let scratch = tempfile::tempdir().expect("a temporary folder");
        let run = |options: &[&str], name: &str| {
            let output = scratch.path().join(name);
            let recipe = recipe.to_str().expect("UTF-8");
            let mut arguments = vec!["run", recipe, "-o", output.to_str().expect("UTF-8")];
            arguments.extend(options);
            succeeds(&data("digits"), &arguments);
            std::fs::read(output).expect("the output")
        };
        let whole = run(&["--threads", "1"], "whole.safetensors");
        let cut = run(&["--threads", "3", "--memory", "21MiB"], "cut.safetensors");
        assert!(whole == cut, "{name}");
    }
}
