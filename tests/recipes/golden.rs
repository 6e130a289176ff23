//! The recipes that sd-mecha wrote, and the results that it computed.

use std::path::{Path, PathBuf};

use super::succeeds;
use crate::golden::{close, tensor};
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
