//! The card of a merge: its numbers are those of the JSON, licences are as the models state them.

use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use crate::support::command::{prints, refuses};
use crate::support::models::{Tensor, family, floats, values, write, write_with};

/// The rows of the table of blocks, cell by cell.
fn rows(card: &str) -> Vec<Vec<String>> {
    let lines = card
        .lines()
        .skip_while(|line| !line.starts_with("| block |"));
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect();
    lines
        .take_while(|line| line.starts_with('|'))
        .map(cells)
        .collect()
}

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("a file")
}

fn layers(seed: u64) -> Vec<Tensor> {
    let layers = 0..6;
    let tensor = |at: u64| {
        let name = format!("model.layers.{at}.mlp.up_proj.weight");
        floats(&name, Float::F32, &[40, 50], &values(2000, at, seed))
    };
    layers.map(tensor).collect()
}

/// Two folders with models that state a licence: one in its metadata, one in its card.
fn models(folder: &Path) {
    for name in ["a", "b"] {
        std::fs::create_dir(folder.join(name)).expect("a folder");
    }
    let licence = [("modelspec.license", "apache-2.0")];
    write_with(&folder.join("a/model.safetensors"), &layers(1), &licence);
    write(&folder.join("b/model.safetensors"), &layers(2));
    let card =
        "---\nlicense: other # see below\nlicense_name: \"gem|ma\"\ntags:\n- x\n---\nlicense: no\n";
    std::fs::write(folder.join("b/README.md"), card).expect("a file");
}

#[test]
fn a_card_has_the_numbers_of_the_json_and_the_licences_of_the_models() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    models(folder);
    let merge = [
        "merge",
        "-M",
        "weighted_sum",
        "-p",
        "alpha=0.25",
        "a",
        "b",
        "-o",
        "o",
    ];
    let more = ["--dtype", "bf16", "--report", "r.json"];
    prints(folder, &[&merge[..], &more].concat());
    let card = read(folder, "o/README.md");
    let report: Value = serde_json::from_str(&read(folder, "r.json")).expect("JSON");
    let rows = rows(&card);
    let column = |name: &str| rows[0].iter().position(|own| own == name).expect(name);
    let blocks = report["blocks"].as_array().expect("blocks");
    assert_eq!(rows.len(), 3 + blocks.len());
    let total = [("all", &report["total"])];
    let blocks = blocks
        .iter()
        .map(|own| (own["block"].as_str().expect("a name"), own));
    for (row, (name, own)) in rows[2..].iter().zip(total.into_iter().chain(blocks)) {
        assert_eq!(row[1], name);
        assert_eq!(row[2], own["tensors"].to_string());
        let number = |name: &str| own["survival"][name].as_f64().expect("a number");
        let told = |name: &str| {
            row[column(name)]
                .trim_end_matches('%')
                .parse::<f64>()
                .expect("a number")
        };
        for (name, written, step) in [
            ("intended", number("intended_norm"), 1e-4),
            ("kept", number("kept_norm"), 1e-4),
            ("survival", 100.0 * number("survival"), 1e-2),
            ("written change", 100.0 * number("changed_share"), 1e-2),
        ] {
            assert!(
                (told(name) - written).abs() <= 0.51 * step,
                "{name}: {row:?} {written}"
            );
        }
    }
    for line in [
        "| a | apache-2.0 |",
        "| b | gem\\|ma |",
        "|  | a, b | alpha 0.25 |",
    ] {
        assert!(card.contains(line), "{line}: {card}");
    }
    assert!(!card.contains("\nlicense:"), "of two none: {card}");
    // The same on one thread, in little memory.
    let other = "-o p --dtype bf16 --threads 1 --memory 64MiB";
    let other: Vec<&str> = other.split(' ').collect();
    prints(folder, &[&merge[..7], &other].concat());
    assert_eq!(read(folder, "p/README.md"), card);
}

#[test]
fn a_card_has_the_hash_of_the_recorded_recipe() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    models(folder);
    prints(folder, &["merge", "-M", "linear", "a", "b", "-o", "o"]);
    let output = Checkpoint::open(&folder.join("o")).expect("an output");
    let recorded = output.metadata().get("wgmerge_recipe").expect("a recipe");
    let bytes = Sha256::digest(recorded);
    let hash: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(read(folder, "o/README.md").contains(&hash), "{hash}");
}

#[test]
fn one_licence_of_all_is_in_the_head() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    models(folder);
    std::fs::write(
        folder.join("b/README.md"),
        "---\nlicense:\n- 'apache-2.0'\n---\n",
    )
    .expect("a file");
    prints(folder, &["merge", "-M", "linear", "a", "b", "-o", "o"]);
    let card = read(folder, "o/README.md");
    assert!(
        card.starts_with("---\nbase_model:\n- \"a\"\n- \"b\"\nlicense: \"apache-2.0\"\n"),
        "{card}"
    );
}

#[test]
fn who_wants_no_card_gets_none_and_a_file_has_one_beside_it_where_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    models(folder);
    let merge = ["merge", "-M", "linear", "a", "b", "-o"];
    for (output, more, card) in [
        ("none", &["--no-card"][..], false),
        ("bare", &["--metadata", "none"], false),
        ("asked", &["--metadata", "none", "--card"], true),
        ("not", &["--card", "--no-card"], false),
    ] {
        prints(folder, &[&merge[..], &[output], more].concat());
        assert_eq!(
            folder.join(output).join("README.md").exists(),
            card,
            "{output}"
        );
    }
    let [a, b] = [1, 2].map(|model| family(folder, Float::F32, model));
    let [a, b] = [&a, &b].map(|path| path.to_str().expect("UTF-8"));
    let file = ["merge", "-M", "linear", a, b, "-o", "o.safetensors"];
    prints(folder, &file);
    assert!(!folder.join("o.md").exists());
    prints(folder, &[&file[..], &["--force", "--card"]].concat());
    assert!(read(folder, "o.md").contains("| block | tensors |"));
    let text = refuses(folder, &[&file[..6], &["o.safetensors", "--card"]].concat());
    assert!(text.contains("already exists"), "{text}");
    std::fs::remove_file(folder.join("o.safetensors")).expect("a file");
    let text = refuses(folder, &[&file[..], &["--card"]].concat());
    assert!(text.contains("--card: o.md already exists"), "{text}");
}
