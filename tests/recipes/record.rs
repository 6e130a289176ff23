//! What an output says about how it came about.

use std::path::Path;

use super::succeeds;
use crate::support::models::{floats, values, write_with};
use indexmap::IndexMap;
use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

/// Writes a model with metadata.
fn model(path: &Path, number: u64, metadata: &[(&str, &str)]) {
    let tensor = floats("w", Float::F32, &[4, 4], &values(16, 1, number));
    write_with(path, &[tensor], metadata);
}

/// A folder with two models that say much about themselves.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let common = [
        ("modelspec.architecture", "stable-diffusion-xl-v1-base"),
        ("modelspec.sai_model_spec", "1.0.0"),
        ("ss_learning_rate", "1e-4"),
    ];
    let a = [
        ("modelspec.title", "A"),
        ("modelspec.author", "one"),
        ("modelspec.license", "OpenRAIL++-M"),
    ];
    let b = [
        ("modelspec.title", "B"),
        ("modelspec.license", "CC-BY-NC-4.0"),
    ];
    model(
        &folder.path().join("a.safetensors"),
        1,
        &[&common[..], &a].concat(),
    );
    model(
        &folder.path().join("b.safetensors"),
        2,
        &[&common[..], &b].concat(),
    );
    folder
}

fn merged(folder: &Path, options: &[&str]) -> IndexMap<String, String> {
    let text = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n\
        merge \"weighted_sum\" &0 &1 alpha=0.25\n";
    std::fs::write(folder.join("r.mecha"), text).expect("written");
    let line = ["run", "r.mecha", "-o", "out.safetensors", "-q", "--force"];
    succeeds(folder, &[&line[..], options].concat());
    let output = Checkpoint::open(&folder.join("out.safetensors")).expect("sound");
    output.metadata().clone()
}

#[test]
fn the_recipe_is_kept_for_us_and_for_sd_mecha() {
    let folder = folder();
    let metadata = merged(folder.path(), &[]);
    assert_eq!(
        metadata["mecha_recipe"],
        "version 0.1.0\nmodel \"a.safetensors\" model_config=null merge_space=\"weight\"\n\
         model \"b.safetensors\" model_config=null merge_space=\"weight\"\ndict key=0.25\n\
         literal &2 model_config=\"singleton-mecha\" merge_space=null\n\
         merge \"convert_singleton\" &3\nmerge \"weighted_sum\" &0 &1 &4"
    );
    let own: Value = serde_json::from_str(&metadata["wgmerge_recipe"]).expect("JSON");
    assert_eq!(own["nodes"][2]["merge"], "weighted_sum");
    assert_eq!(own["nodes"][2]["parameters"]["alpha"], 0.25);
    let inputs = own["inputs"].as_array().expect("a list");
    let prints: Vec<&str> = inputs
        .iter()
        .map(|input| input["fingerprint"].as_str().expect("a text"))
        .collect();
    assert_eq!(inputs[0]["name"], "a.safetensors");
    assert!(prints.len() == 2 && prints[0] != prints[1], "{prints:?}");
    // What is kept runs again, and gives the same tensors.
    let before = std::fs::read(folder.path().join("out.safetensors")).expect("an output");
    std::fs::write(folder.path().join("kept.mecha"), &metadata["mecha_recipe"]).expect("written");
    let line = [
        "run",
        "kept.mecha",
        "-o",
        "out.safetensors",
        "-q",
        "--force",
    ];
    succeeds(folder.path(), &line);
    assert!(std::fs::read(folder.path().join("out.safetensors")).expect("an output") == before);
}

#[test]
fn a_fingerprint_changes_with_any_tensor() {
    let folder = folder();
    let print = |metadata: &IndexMap<String, String>| {
        let own: Value = serde_json::from_str(&metadata["wgmerge_recipe"]).expect("JSON");
        own["inputs"][1]["fingerprint"].clone()
    };
    let before = print(&merged(folder.path(), &[]));
    assert_eq!(print(&merged(folder.path(), &[])), before);
    let path = folder.path().join("b.safetensors");
    let mut bytes = std::fs::read(&path).expect("a model");
    *bytes.last_mut().expect("a byte") ^= 1;
    std::fs::write(&path, bytes).expect("written");
    assert_ne!(print(&merged(folder.path(), &[])), before);
}

#[test]
fn the_family_is_carried_and_every_licence_named() {
    let folder = folder();
    let metadata = merged(folder.path(), &[]);
    let names: Vec<&str> = metadata.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "format",
            "wgmerge_recipe",
            "mecha_recipe",
            "modelspec.architecture",
            "modelspec.sai_model_spec",
            "modelspec.license",
            "modelspec.merged_from",
        ]
    );
    assert_eq!(
        metadata["modelspec.license"],
        "OpenRAIL++-M AND CC-BY-NC-4.0"
    );
    assert_eq!(
        metadata["modelspec.merged_from"],
        "a.safetensors, b.safetensors"
    );
    let full = merged(folder.path(), &["--metadata", "full"]);
    assert_eq!(full["modelspec.title"], "A");
    assert_eq!(full["ss_learning_rate"], "1e-4");
    let none = merged(folder.path(), &["--metadata", "none"]);
    assert_eq!(none.keys().collect::<Vec<_>>(), ["format"]);
}

#[test]
fn models_of_one_name_are_told_apart_wherever_they_lie() {
    let folder = folder();
    for (name, number) in [("x", 1), ("y", 2)] {
        std::fs::create_dir(folder.path().join(name)).expect("a folder");
        model(
            &folder.path().join(name).join("model.safetensors"),
            number,
            &[],
        );
    }
    let merged = |from: &str, [a, b]: [&str; 2]| {
        let from = folder.path().join(from);
        let text = format!(
            "version 0.1.0\nmodel \"{a}model.safetensors\"\nmodel \"{b}model.safetensors\"\n\
             merge \"weighted_sum\" &0 &1 alpha=0.25\n"
        );
        let output = folder.path().join("out.safetensors");
        std::fs::write(folder.path().join("r.mecha"), text).expect("written");
        let line = ["run", "-q", "--force", "-o"].map(str::to_owned).to_vec();
        let paths = [&output, &folder.path().join("r.mecha")];
        let line = line
            .into_iter()
            .chain(paths.map(|path| path.display().to_string()));
        let line: Vec<String> = line.collect();
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        succeeds(&from, &line);
        let recipe = Checkpoint::open(&output).expect("sound").metadata()["mecha_recipe"].clone();
        let bytes = std::fs::read(&output).expect("an output");
        (recipe, bytes)
    };
    let (recipe, bytes) = merged("", ["x/", "y/"]);
    assert!(
        recipe.contains("\"1/model.safetensors\"") && recipe.contains("\"2/model.safetensors\"")
    );
    let (_, again) = merged("x", ["", "../y/"]);
    assert!(bytes == again, "the bytes depend on the working folder");
}

#[test]
fn only_the_block_weights_are_recorded_as_such() {
    let folder = folder();
    let text = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n\
        dict w=0.5\nliteral &2 model_config=\"structural\"\nmerge \"weighted_sum\" &0 &1 &3\n\
        merge \"weighted_sum\" &4 &1 alpha=0.25\n";
    std::fs::write(folder.path().join("r.mecha"), text).expect("written");
    let line = ["run", "r.mecha", "-o", "o.safetensors", "-q"];
    let weights = ["--block-weights", "w: 0.75"];
    succeeds(folder.path(), &[&line[..], &weights].concat());
    let output = Checkpoint::open(&folder.path().join("o.safetensors")).expect("sound");
    let record: Value = serde_json::from_str(&output.metadata()["wgmerge_recipe"]).expect("JSON");
    let nodes = record["nodes"].as_array().expect("nodes");
    let literals: Vec<&Value> = nodes
        .iter()
        .filter_map(|node| node.get("literal"))
        .collect();
    assert_eq!(literals.len(), 1);
    assert_eq!(literals[0]["w"], 0.5);
    assert_eq!(record["block_weights"], "w: 0.75");
}
