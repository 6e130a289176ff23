//! Models that are in the cache already, put there as Python does.

use std::path::Path;

use super::{COMMIT, Home, model};
use crate::support::command::said;

/// Puts files into the cache as `huggingface_hub` lays them out.
fn cached(home: &Home, repository: &str, revision: Option<&str>, files: &[(&str, &[u8])]) {
    let folder = home.repository(repository);
    for (number, (name, bytes)) in files.iter().enumerate() {
        let blob = folder.join("blobs").join(format!("{number:040x}"));
        put(&blob, bytes);
        let link = folder.join("snapshots").join(COMMIT).join(name);
        std::fs::create_dir_all(link.parent().expect("a folder")).expect("a folder");
        let up = "../".repeat(2 + name.matches('/').count());
        let target = format!("{up}blobs/{number:040x}");
        std::os::unix::fs::symlink(target, link).expect("a link");
    }
    if let Some(revision) = revision {
        put(&folder.join("refs").join(revision), COMMIT.as_bytes());
    }
}

fn put(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, bytes).expect("a file");
}

/// Two repositories with a model each, and a merge of them.
fn two() -> Home {
    let home = Home::new();
    for (number, name) in [(1, "org/a"), (2, "org/b")] {
        let weights = model("x.weight", number);
        let files = [
            ("model.safetensors", weights.as_slice()),
            ("config.json", b"{\"model_type\": \"x\"}"),
            ("tokenizer.json", b"{}"),
        ];
        cached(&home, name, Some("main"), &files);
    }
    home
}

const MERGE: [&str; 5] = ["merge", "--device", "cpu", "-M", "linear"];

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).expect("a file")).into_owned()
}

#[test]
fn models_of_the_cache_are_merged_by_their_references() {
    let home = two();
    let out = ["-o", "out.safetensors"];
    home.succeeds(&[&MERGE[..], &["org/a", "hf:org/b@main"], &out].concat());
    let merged = read(&home.path("out.safetensors"));
    // The record names what can be found again anywhere.
    for name in ["org/a", "org/b"] {
        let called = format!("{name}@{COMMIT}");
        assert!(merged.contains(&called), "no {called} in the metadata");
    }
    assert!(!merged.contains(&home.path("").display().to_string()));
    // The same as by paths, and by references to the commit.
    let of = |name: &str| home.repository(name).join("snapshots").join(COMMIT);
    let paths = ["org/a", "org/b"].map(|name| of(name).display().to_string());
    let commits = ["org/a", "org/b"].map(|name| format!("{name}@{COMMIT}"));
    for [a, b] in [paths, commits] {
        let out = ["--force", "-o", "again.safetensors"];
        home.succeeds(&[&MERGE[..], &[&a, &b], &out].concat());
        assert_eq!(merged, read(&home.path("again.safetensors")), "{a}");
    }
}

#[test]
fn a_folder_gets_the_side_files_of_the_snapshot() {
    let home = two();
    home.succeeds(&[&MERGE[..], &["org/a", "org/b", "-o", "out"]].concat());
    let names = super::names(&home.path("out"));
    assert_eq!(
        names,
        [
            "README.md",
            "config.json",
            "model.safetensors",
            "tokenizer.json"
        ]
    );
}

#[test]
fn every_command_that_opens_models_takes_references() {
    let home = two();
    let text = "version 0.1.0\nmodel \"org/a\"\nmodel \"org/b\"\nmerge \"weighted_sum\" &0 &1 \
                alpha=0.5\n";
    std::fs::write(home.path("m.mecha"), text).expect("a recipe");
    home.succeeds(&["run", "m.mecha", "--device", "cpu", "-o", "run.safetensors"]);
    home.succeeds(&["plan", "-M", "linear", "org/a", "org/b", "--device", "cpu"]);
    home.succeeds(&["inspect", "org/a"]);
    home.succeeds(&["inspect", "org/a/model.safetensors"]);
    let to = ["--dtype", "bf16", "-o", "c.safetensors", "--device", "cpu"];
    home.succeeds(&[&["convert", "org/a"], &to[..]].concat());
    let flux = ["--models", "org/a", "org/b", "--output", "flux.safetensors"];
    home.succeeds(&[&["mergeflux"], &flux[..]].concat());
    home.succeeds(&["supermario", "org/a", "org/b", "super", "-p", "0"]);
}

#[test]
fn every_flag_that_names_a_model_takes_references() {
    let home = two();
    let out = ["-o", "out.safetensors", "--force"];
    let merge = ["merge", "--device", "cpu", "-M", "task_arithmetic"];
    home.succeeds(&[&merge[..], &["--base", "org/a", "org/b"], &out].concat());
    // The base plus what the other has beside it is the other.
    let merged = std::fs::read(home.path("out.safetensors")).expect("a file");
    let other = model("x.weight", 2);
    assert_eq!(merged[merged.len() - 8..], other[other.len() - 8..]);
    for flags in [
        &["--base", "org/none"][..],
        &["--base", "org/a", "--vae", "org/none"],
        &["--base", "org/a", "--lora", "org/none"],
        &["--base", "org/a", "--lora", "org/none/x.safetensors@v1:0.5"],
    ] {
        let parts = ["org/none", "is not in the cache", "HF_HUB_OFFLINE"];
        home.refuses(&[&merge[..], &["org/b"], flags, &out].concat(), &parts);
    }
}

#[test]
fn where_a_sweep_goes_is_looked_at_before_models_are_looked_for() {
    let home = two();
    put(&home.path("out-lambda-1.safetensors"), b"");
    let sweep = ["--sweep", "lambda=0.5,1", "-o", "out.safetensors"];
    let models = ["--base", "org/none", "org/a"];
    let merge = ["merge", "--device", "cpu", "-M", "task_arithmetic"];
    home.refuses(
        &[&merge[..], &models, &sweep].concat(),
        &["out-lambda-1.safetensors", "--force"],
    );
}

#[test]
fn a_recipe_shows_the_line_of_a_bad_reference() {
    let home = two();
    let text = "version 0.1.0\nmodel \"org/a\"\nmodel \"org/none\"\nmerge \"weighted_sum\" &0 &1 \
                alpha=0.5\n";
    std::fs::write(home.path("m.mecha"), text).expect("a recipe");
    let parts = ["m.mecha:3", "model \"org/none\"", "HF_HUB_OFFLINE"];
    home.refuses(&["run", "m.mecha", "-o", "x.safetensors"], &parts);
}

#[test]
fn a_path_wins_over_the_cache() {
    let home = two();
    std::fs::create_dir_all(home.path("org/a")).expect("a folder");
    let weights = model("of.the.path", 3);
    std::fs::write(home.path("org/a/model.safetensors"), weights).expect("a model");
    let listed = |name: &str| {
        let output = home.run(&["inspect", name]);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(listed("org/a").contains("of.the.path"));
    assert!(listed("hf:org/a").contains("x.weight"));
}

#[test]
fn what_is_nowhere_says_both_and_the_way_out() {
    let home = two();
    let hub = home.path("hf/hub").display().to_string();
    let parts = [
        "models/foo: there is no such file or folder",
        &hub,
        "HF_HUB_OFFLINE is set",
        "hf download models/foo",
    ];
    home.refuses(&["inspect", "models/foo"], &parts);
    let message = home.refuses(&["inspect", "hf:org/none@v1"], &["--revision v1"]);
    assert!(!message.contains("no such file"), "{message}");
    home.refuses(&["inspect", "org/a@v9"], &["org/a@v9", "HF_HUB_OFFLINE"]);
    // What is no reference is not taken for one.
    let message = home.refuses(&["inspect", "models/foo.safetensors"], &[]);
    assert!(!message.contains("Hugging Face"), "{message}");
}

#[test]
fn a_model_that_is_there_in_part_names_what_is_not() {
    let home = Home::new();
    let index = br#"{"weight_map": {"x.weight": "model-00001-of-00002.safetensors",
        "y.weight": "model-00002-of-00002.safetensors"}}"#;
    let files = [
        ("config.json", &b"{}"[..]),
        ("tokenizer.json", b"{}"),
        ("model.safetensors.index.json", index),
        ("model-00001-of-00002.safetensors", &model("x.weight", 1)),
    ];
    cached(&home, "org/a", Some("main"), &files);
    let parts = ["org/a: model-00002-of-00002.safetensors is not in", COMMIT];
    home.refuses(&["inspect", "org/a"], &parts);
    // Nothing but a configuration is there.
    cached(&home, "org/b", Some("main"), &[("config.json", b"{}")]);
    home.refuses(
        &["inspect", "org/b"],
        &["org/b", "weights", "HF_HUB_OFFLINE"],
    );
}

#[test]
fn the_folder_of_a_repository_leads_to_its_snapshot() {
    let home = two();
    let folder = home.repository("org/a").display().to_string();
    let output = home.run(&["inspect", &folder]);
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success() && listed.contains("x.weight"),
        "{listed}"
    );
    let note = said(&output);
    assert!(
        note.contains(&format!("read its snapshot {COMMIT}")),
        "{note}"
    );
    // Of several snapshots without a main one, none is guessed.
    std::fs::remove_dir_all(home.repository("org/a").join("refs")).expect("refs");
    let other = home
        .repository("org/a")
        .join("snapshots")
        .join("b".repeat(40));
    std::fs::create_dir_all(other).expect("a folder");
    home.refuses(
        &["inspect", &folder],
        &["name one of its 2 snapshots", "snapshots/0123"],
    );
}

#[test]
fn the_cache_is_where_the_variables_say() {
    let home = two();
    let moved = home.path("elsewhere");
    std::fs::rename(home.path("hf/hub"), &moved).expect("a move");
    home.refuses(&["inspect", "org/a"], &["is not in the cache"]);
    let home = home.with("HF_HUB_CACHE", &moved.display().to_string());
    home.succeeds(&["inspect", "org/a"]);
    let home = home.with("HF_HUB_CACHE", "~/elsewhere");
    home.succeeds(&["inspect", "org/a"]);
    std::fs::create_dir_all(home.path("cache/huggingface")).expect("a folder");
    std::fs::rename(moved, home.path("cache/huggingface/hub")).expect("a move");
    let home = home.with("HF_HUB_CACHE", "").with("HF_HOME", "");
    home.refuses(&["inspect", "org/a"], &["is not in the cache"]);
    let home = home.with("XDG_CACHE_HOME", "~/cache");
    home.succeeds(&["inspect", "org/a"]);
}
