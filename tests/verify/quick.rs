//! `wgmerge verify --quick`: outputs as loaders open them.

use std::path::Path;

use serde_json::Value;

use wgmerge::dtype::Float;

use crate::support::command::{prints, refuses, run, said};
use crate::support::models::{Tensor, floats, values, write, write_with};

/// A small network of two layers: 12 tokens, 8 wide, 16 within.
fn network() -> Vec<Tensor> {
    let mut tensors = vec![
        floats(
            "model.embed_tokens.weight",
            Float::BF16,
            &[12, 8],
            &values(96, 1, 0),
        ),
        floats("lm_head.weight", Float::BF16, &[12, 8], &values(96, 2, 0)),
    ];
    for layer in 0..2 {
        let name = |rest: &str| format!("model.layers.{layer}.{rest}.weight");
        let gate = values(128, 3, 0);
        tensors.push(floats(&name("mlp.gate_proj"), Float::BF16, &[16, 8], &gate));
        tensors.push(floats(
            &name("input_layernorm"),
            Float::BF16,
            &[8],
            &values(8, 4, 0),
        ));
    }
    tensors
}

const CONFIG: &str = r#"{"torch_dtype": "bfloat16", "vocab_size": 12, "hidden_size": 8,
    "intermediate_size": 16, "num_hidden_layers": 2}"#;

/// A folder of a network in two files with an index.
fn folder() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let base = scratch.path().join("base");
    std::fs::create_dir(&base).expect("a folder");
    write(&base.join("model.safetensors"), &network());
    std::fs::write(base.join("config.json"), CONFIG).expect("written");
    let line = "convert base -o model/ --max-shard-size 300B -q";
    prints(scratch.path(), &line.split(' ').collect::<Vec<_>>());
    scratch
}

/// What is found wrong with an output.
#[track_caller]
fn flaws(folder: &Path, output: &str, more: &[&str]) -> Vec<String> {
    let line = [&["verify", output, "--quick", "--json", "-q"], more].concat();
    let done = run(folder, &line);
    let told: Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let flaws = told["flaws"].as_array().expect("a list").iter();
    let flaws: Vec<String> = flaws
        .map(|own| own.as_str().expect("a text").to_owned())
        .collect();
    let code = if flaws.is_empty() { 0 } else { 3 };
    assert_eq!(done.status.code(), Some(code), "{}", said(&done));
    flaws
}

#[test]
fn a_sound_folder_is_said_to_be() {
    let scratch = folder();
    let sums = prints(
        scratch.path(),
        &["convert", "base", "-o", "own/", "--hash", "-q"],
    );
    std::fs::write(scratch.path().join("sums"), sums).expect("written");
    let text = prints(
        scratch.path(),
        &["verify", "own", "--quick", "--hashes", "sums"],
    );
    let wanted = "own: can be loaded: 6 tensors in 1 file, 928 B, all finite, as config.json says, \
        1 hash right\n";
    assert_eq!(text, wanted);
    assert!(flaws(scratch.path(), "model", &[]).is_empty());
}

#[test]
fn files_that_are_cut_short_or_changed_are_named() {
    let scratch = folder();
    let path = scratch.path();
    let sums = prints(path, &["convert", "base", "-o", "own/", "--hash", "-q"]);
    std::fs::write(path.join("sums"), &sums).expect("written");
    let file = path.join("own/model.safetensors");
    let sound = std::fs::read(&file).expect("weights");
    let mut changed = sound.clone();
    changed[sound.len() - 1] ^= 1;
    std::fs::write(&file, changed).expect("written");
    let found = flaws(path, "own", &["--hashes", "sums"]);
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("its SHA-256 is ") && found[0].contains("the hash given is "));
    std::fs::write(&file, &sound[..sound.len() - 1]).expect("written");
    let found = flaws(path, "own", &[]);
    assert!(found[0].starts_with("own/model.safetensors: "), "{found:?}");
    std::fs::write(path.join("sums"), sums.replace("model", "other")).expect("written");
    std::fs::write(&file, sound).expect("written");
    let found = flaws(path, "own", &["--hashes", "sums"]);
    let wanted = [
        "own/model.safetensors: no hash of it is given",
        "own/other.safetensors: is not there, though a hash of it is given",
    ];
    assert_eq!(found, wanted);
    std::fs::write(path.join("sums"), "nothing\n").expect("written");
    let text = refuses(path, &["verify", "own", "--quick", "--hashes", "sums"]);
    assert!(
        text.contains("sums: `nothing` is no line of `sha256sum`"),
        "{text}"
    );
    let text = refuses(path, &["verify", "nowhere.safetensors", "--quick"]);
    assert!(text.contains("nowhere.safetensors: "), "{text}");
}

#[test]
fn an_index_that_says_something_else_is_named() {
    let scratch = folder();
    let path = scratch.path();
    let index = path.join("model/model.safetensors.index.json");
    let text = std::fs::read_to_string(&index).expect("an index");
    let other = text.replace("lm_head.weight", "lm_head.bias");
    std::fs::write(&index, other).expect("written");
    let found = flaws(path, "model", &[]);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].contains("says that `lm_head.bias` is in model-0000"),
        "{found:?}"
    );
    assert!(
        found[1].contains("holds tensor `lm_head.weight`, which the index "),
        "{found:?}"
    );
    std::fs::write(&index, text).expect("written");
    std::fs::remove_file(path.join("model/model-00001-of-00004.safetensors")).expect("removed");
    let found = flaws(path, "model", &[]);
    assert!(found[0].contains("names model-00001-of-00004.safetensors for "));
}

#[test]
fn what_no_loader_can_read_is_named() {
    let scratch = folder();
    let path = scratch.path();
    let (index, config) = ("model/model.safetensors.index.json", "model/config.json");
    let text = std::fs::read_to_string(path.join(index)).expect("an index");
    std::fs::remove_file(path.join(index)).expect("removed");
    let found = flaws(path, "model", &[]);
    assert!(
        found[0].contains("model: its weights are in 4 files, and no index"),
        "{found:?}"
    );
    let (from, _) = text.split_once("\"total_size\": ").expect("a size");
    let (_, behind) = text.split_once("}").expect("an end");
    let wrong = format!("{from}\"total_size\": 5}}{behind}");
    std::fs::write(path.join(index), wrong).expect("written");
    let found = flaws(path, "model", &[]);
    assert!(
        found[0].contains("says that tensors have 5 bytes, they have 928"),
        "{found:?}"
    );
    std::fs::write(path.join(index), text).expect("written");
    for broken in ["{bad", "[]", "", "null"] {
        std::fs::write(path.join(config), broken).expect("written");
        let found = flaws(path, "model", &[]);
        assert!(
            found[0].contains("config.json: is no JSON object: "),
            "{broken}: {found:?}"
        );
    }
    let nested = r#"{"text_config": [], "dtype": "bfloat16"}"#;
    std::fs::write(path.join(config), nested).expect("written");
    assert!(flaws(path, "model", &[]).is_empty());
    // A file that no tensor is looked for in is left alone.
    let (from, to) = (
        "model/model-00001-of-00004.safetensors",
        "model/other.safetensors",
    );
    std::fs::copy(path.join(from), path.join(to)).expect("copied");
    assert!(flaws(path, "model", &[]).is_empty());
}

#[test]
fn hashes_of_the_metadata_are_compared() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let path = scratch.path();
    // The SHA-256 of four zero bytes.
    let hash = "df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119";
    for (recorded, count) in [(format!("0x{hash}"), 0), (hash.replace('d', "e"), 1)] {
        let metadata = [("modelspec.hash_sha256", recorded.as_str())];
        let tensors = [floats("w", Float::F32, &[1], &[0.0])];
        write_with(&path.join("a.safetensors"), &tensors, &metadata);
        let found = flaws(path, "a.safetensors", &[]);
        assert_eq!(found.len(), count, "{found:?}");
    }
    // What is made of it has another one, and does not carry it.
    prints(
        path,
        &[
            "convert",
            "a.safetensors",
            "-o",
            "b.safetensors",
            "--dtype",
            "f16",
            "-q",
        ],
    );
    assert!(flaws(path, "b.safetensors", &[]).is_empty());
}

#[test]
fn infinities_and_nan_are_found_in_every_type() {
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let path = scratch.path();
    for float in Float::ALL {
        for value in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut own = values(70_000, 1, 0);
            own[41_000] = value;
            own[69_999] = value;
            write(
                &path.join("a.safetensors"),
                &[floats("w", *float, &[70_000], &own)],
            );
            let found = flaws(path, "a.safetensors", &[]);
            let wanted = "a.safetensors: tensor `w` is not finite at element 41000, of 2 elements \
                that are not";
            assert_eq!(found, [wanted], "{float} {value}");
        }
        let largest = [0.0, 448.0, -448.0, 1e-3];
        write(
            &path.join("a.safetensors"),
            &[floats("w", *float, &[4], &largest)],
        );
        assert!(flaws(path, "a.safetensors", &[]).is_empty(), "{float}");
    }
    // What was meant to stay is no fault.
    write(
        &path.join("a.safetensors"),
        &[floats("w", Float::F32, &[1], &[f32::NAN])],
    );
    let line = "merge -M linear a.safetensors a.safetensors -o c.safetensors --on-nan keep -q";
    prints(path, &line.split(' ').collect::<Vec<_>>());
    let done = run(path, &["verify", "c.safetensors", "--quick"]);
    assert!(done.status.success());
    assert!(
        said(&done).contains("its record says that such values were kept"),
        "{}",
        said(&done)
    );
}

#[test]
fn shapes_and_types_are_compared_with_the_configuration() {
    let scratch = folder();
    let path = scratch.path();
    for (from, to, wanted) in [
        (
            "\"vocab_size\": 12",
            "\"vocab_size\": 13",
            "vocab_size 13, but tensor `",
        ),
        (
            "\"hidden_size\": 8",
            "\"hidden_size\": 9",
            "hidden_size 9, but tensor `",
        ),
        (
            "\"intermediate_size\": 16",
            "\"intermediate_size\": 8",
            "mlp.gate_proj.weight` is [16",
        ),
        (
            "\"num_hidden_layers\": 2",
            "\"num_hidden_layers\": 3",
            "layers 3, but 2 are there",
        ),
        (
            "bfloat16",
            "float32",
            "torch_dtype float32, but most elements are of another type",
        ),
    ] {
        let config = CONFIG.replace(from, to);
        std::fs::write(path.join("model/config.json"), config).expect("written");
        let found = flaws(path, "model", &[]);
        assert!(
            found.iter().any(|own| own.contains(wanted)),
            "{to}: {found:?}"
        );
    }
    let nested = format!("{{\"text_config\": {CONFIG}, \"vocab_size\": 99}}");
    std::fs::write(path.join("model/config.json"), nested).expect("written");
    assert!(flaws(path, "model", &[]).is_empty());
}
