//! What a model's configuration says in the output's folder.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::{Value, json};
use wgmerge::dtype::Float;
use wgmerge::merge::{Merge, Settings, Silent};
use wgmerge::recipe::{
    FolderRequest, FolderText, NodeId, Options, RecipeNode, Renaming, Route, Rule, SourceLayer,
    Stack, Text, merge_of,
};

use super::World;
use crate::support::models::{floats, values, write};

/// A model's folder: tensors of four columns by name and rows, and a configuration.
fn model(world: &World, name: &str, tensors: &[(&str, u64)], config: &str) {
    let folder = world.path(name);
    std::fs::create_dir_all(&folder).expect("a folder");
    let tensors = tensors.iter().map(|(name, rows)| {
        let count = usize::try_from(rows * 4).expect("few");
        floats(name, Float::F32, &[*rows, 4], &values(count, 1, 1))
    });
    let tensors: Vec<_> = tensors.collect();
    write(&folder.join("model.safetensors"), &tensors);
    std::fs::write(folder.join("config.json"), config).expect("a file");
}

fn config(world: &World, output: &str) -> Value {
    let text = std::fs::read_to_string(world.path(output).join("config.json"));
    serde_json::from_str(&text.expect("a configuration")).expect("JSON")
}

const EMBEDDING: &str = "model.embed_tokens.weight";
const HEAD: &str = "lm_head.weight";

#[test]
fn a_head_of_its_own_is_not_said_to_be_the_embedding() {
    let world = World::new();
    let tied = r#"{"tie_word_embeddings": true, "eps": 1e-05}"#;
    model(&world, "tied", &[(EMBEDDING, 3)], tied);
    model(&world, "stored", &[(EMBEDDING, 3), (HEAD, 3)], tied);
    let untied = r#"{"tie_word_embeddings": false}"#;
    model(&world, "untied", &[(EMBEDDING, 3), (HEAD, 3)], untied);
    let merge = |models: [&str; 2], output: &str| {
        let line = ["-M", "linear", models[0], models[1], "--missing", "skip"];
        world.merges(&[&line[..], &["-o", output]].concat());
        config(&world, output)["tie_word_embeddings"].clone()
    };
    assert_eq!(merge(["tied", "untied"], "a"), false);
    assert_eq!(merge(["tied", "stored"], "b"), true);
    assert_eq!(merge(["untied", "tied"], "c"), false);
    // Without the head its embedding is what a loader has.
    let line = [
        "-M", "linear", "untied", "tied", "-o", "d", "--drop", "lm_head",
    ];
    world.merges(&line);
    assert_eq!(config(&world, "d")["tie_word_embeddings"], true);
    let line = [
        "-M", "linear", "untied", "untied", "-o", "e", "--drop", "lm_head",
    ];
    world.merges(&line);
    assert_eq!(config(&world, "e")["tie_word_embeddings"], false);
    let text = std::fs::read_to_string(world.path("a/config.json")).expect("a file");
    assert!(text.contains("\"eps\": 1e-05"), "{text}");
}

#[test]
fn the_vocabulary_is_that_of_the_embedding() {
    let world = World::new();
    let text = r#"{"text_config": {"vocab_size": 3}, "vision_config": {"vocab_size": 3}}"#;
    model(&world, "a", &[(EMBEDDING, 3)], text);
    model(&world, "b", &[(EMBEDDING, 5)], text);
    let line = ["-M", "linear", "a", "b", "--shape", "keep", "-o", "o"];
    world.merges(&line);
    let found = config(&world, "o");
    assert_eq!(found["text_config"]["vocab_size"], 5);
    assert_eq!(found["vision_config"]["vocab_size"], 3);
}

/// Layers 1, 0, 1 of a model of two.
#[derive(Debug)]
struct Swapped;

const SWAPPED: [usize; 3] = [1, 0, 1];

impl Renaming for Swapped {
    fn source(&self, name: &str) -> Option<String> {
        let number: usize = name.strip_prefix("layers.")?.parse().ok()?;
        SWAPPED.get(number).map(|source| format!("layers.{source}"))
    }

    fn targets(&self, name: &str) -> Vec<String> {
        let targets = (0..SWAPPED.len()).map(|target| format!("layers.{target}"));
        let targets = targets.filter(|target| self.source(target).as_deref() == Some(name));
        targets.collect()
    }
}

#[test]
fn a_stack_has_its_own_lists_texts_and_card() {
    let world = World::new();
    let text = r#"{"num_hidden_layers": 2, "layer_types": ["full", "sliding"],
        "mlp_only_layers": [0], "first_k_dense_replace": 1, "vision": {"num_layers": 2}}"#;
    model(&world, "m", &[("layers.0", 2), ("layers.1", 2)], text);
    std::fs::write(world.path("m/vocab.txt"), "old").expect("a file");
    std::fs::write(world.path("m/merges.txt"), "old").expect("a file");
    let options = Options::default();
    let merge = merge_of("linear", None, vec![world.path("m"); 2], &[], options);
    let mut recipe = merge.expect("sound");
    recipe.models.truncate(1);
    recipe.nodes.truncate(1);
    recipe.nodes.push(RecipeNode::Route {
        route: Route::Rename(Rule(Arc::new(Swapped))),
        inputs: vec![NodeId::new(0)],
    });
    recipe.text = Some(Arc::new(Text {
        dialect: "mergekit",
        text: "slices: ```".to_owned(),
        name: None,
        references: Vec::new(),
        truncates: false,
    }));
    let layers = SWAPPED.map(|layer| SourceLayer { model: 0, layer });
    recipe.folder = Some(Arc::new(FolderRequest {
        texts: vec![FolderText {
            name: "vocab.txt".into(),
            text: Arc::new("new".to_owned().into()),
        }],
        left_out: vec![PathBuf::from("merges.txt")],
        stacks: vec![Stack {
            name: "layers".to_owned(),
            layers: layers.to_vec(),
        }],
    }));
    let settings = Settings::new(world.path("o"));
    let merge = Merge::prepare(recipe, settings).expect("sound");
    merge
        .run(&Silent, &AtomicBool::new(false))
        .expect("a merge");
    let found = config(&world, "o");
    assert_eq!(found["num_hidden_layers"], 3);
    assert_eq!(found["layer_types"], json!(["sliding", "full", "sliding"]));
    assert_eq!(found["mlp_only_layers"], json!([1]));
    assert_eq!(found["first_k_dense_replace"], 0);
    assert_eq!(found["vision"]["num_layers"], 2);
    let read = |name: &str| std::fs::read_to_string(world.path("o").join(name));
    assert_eq!(read("vocab.txt").expect("a file"), "new");
    assert!(read("merges.txt").is_err());
    let card = read("README.md").expect("a card");
    assert!(card.contains("````\nslices: ```\n````"), "{card}");
}
