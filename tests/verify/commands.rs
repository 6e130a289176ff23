//! `wgmerge verify` as a user meets it.

use std::path::Path;

use serde_json::Value;

use wgmerge::dtype::Float;

use crate::support::command::{prints, refuses, run, said};
use crate::support::models::{floats, values, write, write_with};

/// A folder with a base and two models.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (number, name) in (0..).zip(["base", "a", "b"]) {
        let tensors = [
            floats(
                "one.weight",
                Float::F32,
                &[40, 30],
                &values(1200, 1, number),
            ),
            floats("two.bias", Float::F32, &[30], &values(30, 2, number)),
        ];
        write(&folder.path().join(format!("{name}.safetensors")), &tensors);
    }
    folder
}

fn merges(folder: &Path, more: &[&str]) {
    let line = "merge -M ties -b base.safetensors a.safetensors b.safetensors -q --force";
    let line: Vec<&str> = line.split(' ').chain(more.iter().copied()).collect();
    prints(folder, &line);
}

/// What is found of an output that is not what it should be, as JSON.
#[track_caller]
fn differs(folder: &Path, output: &str) -> Value {
    let done = run(folder, &["verify", output, "--json", "-q"]);
    assert_eq!(done.status.code(), Some(3), "{}", said(&done));
    serde_json::from_slice(&done.stdout).expect("JSON")
}

#[test]
fn inputs_are_known_by_what_they_hold() {
    let folder = folder();
    let folder = folder.path();
    merges(folder, &["-o", "out.safetensors"]);
    let text = prints(folder, &["verify", "out.safetensors"]);
    assert!(
        text.starts_with("out.safetensors: is what its inputs make: 2 tensors, "),
        "{text}"
    );
    let away = folder.join("away/deep");
    std::fs::create_dir_all(&away).expect("a folder");
    std::fs::rename(folder.join("a.safetensors"), away.join("other.sft")).expect("moved");
    let text = refuses(folder, &["verify", "out.safetensors"]);
    let parts = [
        "1 input of 3 not found",
        "--models DIR",
        "  a.safetensors (fingerprint ",
    ];
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    prints(folder, &["verify", "out.safetensors", "--models", "away"]);
    // Another file of the same name is no input.
    let other = [floats("one.weight", Float::F32, &[4], &[1.0; 4])];
    write(&folder.join("a.safetensors"), &other);
    prints(folder, &["verify", "out.safetensors", "--models", "away"]);
    let text = refuses(folder, &["verify", "out.safetensors"]);
    assert!(
        text.contains("a.safetensors is another one: its fingerprint is "),
        "{text}"
    );
    let text = refuses(
        folder,
        &["verify", "out.safetensors", "--models", "nowhere"],
    );
    assert!(text.contains("--models nowhere: is not there"), "{text}");
}

#[test]
fn what_is_lost_or_strange_or_of_another_form_is_named() {
    let folder = folder();
    let folder = folder.path();
    merges(folder, &["-o", "out.safetensors"]);
    let out = wgmerge::checkpoint::Checkpoint::open(&folder.join("out.safetensors"));
    let record = out.expect("an output").metadata()["wgmerge_recipe"].clone();
    let bad = [
        floats("one.weight", Float::F32, &[30, 40], &values(1200, 1, 0)),
        floats("three.bias", Float::F32, &[2], &[1.0, 2.0]),
    ];
    let metadata = [("wgmerge_recipe", record.as_str())];
    write_with(&folder.join("bad.safetensors"), &bad, &metadata);
    let found = differs(folder, "bad.safetensors");
    let told: Vec<&str> = found["differences"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|own| own["text"].as_str().expect("a text"))
        .collect();
    assert_eq!(
        told,
        [
            "bad.safetensors: tensor `one.weight` is F32 [30, 40], not F32 [40, 30]",
            "tensor `two.bias` is not there",
            "bad.safetensors: nothing makes tensor `three.bias`",
        ]
    );
    assert_eq!(found["verified"], false);
}

#[test]
fn a_changed_element_is_named() {
    let folder = folder();
    let folder = folder.path();
    merges(folder, &["-o", "out.safetensors"]);
    let path = folder.join("out.safetensors");
    let mut bytes = std::fs::read(&path).expect("an output");
    let last = bytes.len() - 1;
    bytes[last] ^= 0x80;
    std::fs::write(&path, bytes).expect("written");
    let done = run(folder, &["verify", "out.safetensors"]);
    assert_eq!(done.status.code(), Some(3));
    let (shown, text) = (String::from_utf8_lossy(&done.stdout), said(&done));
    let place = "out.safetensors: tensor `two.bias` holds ";
    assert!(
        shown.starts_with(place) && shown.contains(" at element 29 "),
        "{shown}"
    );
    assert!(
        text.contains("is not what its inputs make: 1 difference"),
        "{text}"
    );
}

#[test]
fn files_beside_weights_are_compared_too() {
    let folder = folder();
    let folder = folder.path();
    let base = folder.join("model");
    std::fs::create_dir(&base).expect("a folder");
    let from = folder.join("base.safetensors");
    std::fs::rename(from, base.join("model.safetensors")).expect("moved");
    std::fs::write(base.join("config.json"), "{\"torch_dtype\": \"float32\"}").expect("written");
    let line = "merge -M ties -b model a.safetensors b.safetensors --max-shard-size 2KB -o out/ -q";
    prints(folder, &line.split(' ').collect::<Vec<_>>());
    prints(folder, &["verify", "out"]);
    // A card is there to be written on.
    std::fs::write(folder.join("out/README.md"), "mine").expect("written");
    prints(folder, &["verify", "out/"]);
    std::fs::remove_file(folder.join("out/config.json")).expect("removed");
    let found = differs(folder, "out");
    assert_eq!(found["differences"][0]["kind"], "gone", "{found}");
    std::fs::write(folder.join("out/config.json"), "{}").expect("written");
    let found = differs(folder, "out");
    assert_eq!(found["differences"][0]["kind"], "beside", "{found}");
    // Loaders prefer this file to an index.
    prints(
        folder,
        &[&line.split(' ').collect::<Vec<_>>()[..], &["--force"]].concat(),
    );
    let model = folder.join("model/model.safetensors");
    std::fs::copy(model, folder.join("out/model.safetensors")).expect("copied");
    let found = differs(folder, "out");
    assert_eq!(found["differences"][0]["kind"], "extra", "{found}");
}

#[test]
fn without_a_sound_record_it_says_why() {
    let folder = folder();
    let folder = folder.path();
    merges(folder, &["-o", "out.safetensors", "--metadata", "none"]);
    let text = refuses(folder, &["verify", "out.safetensors"]);
    assert!(
        text.contains("has no record of a merge") && text.contains("--quick"),
        "{text}"
    );
    let inputs = r#""inputs":[{"name":"a.safetensors","fingerprint":"0"}]"#;
    for (record, wanted) in [
        ("{", "it is no JSON"),
        ("{}", "it has no `wgmerge`"),
        (r#"{"wgmerge":"0"}"#, "it has no `inputs`"),
        (
            &format!(r#"{{"wgmerge":"0",{inputs}}}"#),
            "1 input of 1 not found",
        ),
    ] {
        let tensors = [floats("one", Float::F32, &[1], &[1.0])];
        let metadata = [("wgmerge_recipe", record)];
        write_with(&folder.join("bad.safetensors"), &tensors, &metadata);
        let text = refuses(folder, &["verify", "bad.safetensors"]);
        assert!(text.contains(wanted), "{record}: {text}");
    }
}

#[cfg(unix)]
#[test]
fn links_that_lead_back_and_pipes_are_passed_over() {
    let folder = folder();
    let folder = folder.path();
    merges(folder, &["-o", "out.safetensors"]);
    let away = folder.join("away");
    std::fs::create_dir(&away).expect("a folder");
    let moved = std::fs::rename(folder.join("a.safetensors"), away.join("a.safetensors"));
    moved.expect("moved");
    for number in 0..12 {
        std::os::unix::fs::symlink(".", away.join(format!("l{number}"))).expect("a link");
    }
    let pipe = away.join("b.safetensors");
    let mode = rustix::fs::Mode::RWXU;
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, mode, 0)
        .expect("a pipe");
    prints(folder, &["verify", "out.safetensors", "--models", "away"]);
    let text = refuses(folder, &["verify", "--quick", "away/b.safetensors"]);
    assert!(text.contains("it is no file"), "{text}");
}

#[test]
fn reports_replace_reports_alone() {
    let folder = folder();
    let folder = folder.path();
    merges(folder, &["-o", "out.safetensors", "--report", "r.json"]);
    merges(folder, &["-o", "out.safetensors", "--report", "r.json"]);
    std::fs::write(folder.join("r.json"), "{\"mine\": 1}").expect("written");
    let line = "merge -M linear a.safetensors b.safetensors -o o.safetensors -q --report r.json";
    let text = refuses(folder, &line.split(' ').collect::<Vec<_>>());
    assert!(
        text.contains("--report r.json: something is there that is no report"),
        "{text}"
    );
    assert!(!folder.join("o.safetensors").exists());
}
