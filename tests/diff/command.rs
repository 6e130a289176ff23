//! The command: exit codes, JSON, and what it refuses.

use std::path::Path;

use serde_json::Value;
use wgmerge::dtype::Float;

use crate::support::command::{prints, refuses, run, said};
use crate::support::models::family;

fn models(folder: &Path) -> [String; 2] {
    [1, 2].map(|model| {
        let path = family(folder, Float::F32, model);
        let name = path.file_name().and_then(|name| name.to_str());
        name.expect("a name").to_owned()
    })
}

#[test]
fn fail_above_has_an_exit_code_of_its_own_and_names_a_tensor() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = models(folder.path());
    let code = |arguments: &[&str]| {
        let output = run(folder.path(), &[&["diff"], arguments].concat());
        (output.status.code(), said(&output))
    };
    assert_eq!(code(&[&a, &a, "--fail-above", "0"]).0, Some(0));
    assert_eq!(code(&[&a, &b, "--fail-above", "100"]).0, Some(0));
    assert_eq!(code(&[&a, &b]).0, Some(0));
    let (status, text) = code(&[&a, &b, "--fail-above", "0.01", "-q"]);
    assert_eq!(status, Some(3));
    assert!(
        text.contains("--fail-above 0.01") && text.contains("`layer."),
        "{text}"
    );
    let text = refuses(folder.path(), &["diff", &a, &b, "--fail-above=-1"]);
    assert!(text.contains("from 0 on"), "{text}");
}

#[test]
fn json_on_standard_output_and_in_a_file_are_the_same_numbers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = models(folder.path());
    let arguments = ["diff", &a, &b, "--json", "-q", "--report", "all.json"];
    let printed: Value = serde_json::from_str(&prints(folder.path(), &arguments)).expect("JSON");
    let file = std::fs::read(folder.path().join("all.json")).expect("the report");
    let file: Value = serde_json::from_slice(&file).expect("JSON");
    assert_eq!(file, printed);
    assert_eq!(file["subjects"][1]["role"], "b");
    assert!(file["subjects"][0]["fingerprint"].is_string());
    let tensors = file["tensors"].as_array().expect("tensors");
    let sum: f64 = tensors
        .iter()
        .filter_map(|own| own["comparison"]["changed"].as_f64())
        .sum();
    assert_eq!(file["total"]["comparison"]["changed"].as_f64(), Some(sum));
    assert_eq!(file["blocks"][0]["block"], "layer.0");
}

#[test]
fn a_table_is_plain_text_where_nobody_watches() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = models(folder.path());
    let text = prints(folder.path(), &["diff", &a, &b]);
    assert!(
        text.contains("|b-a|/|a|") && text.contains("greatest change"),
        "{text}"
    );
    assert!(!text.contains(['█', '\u{1b}']), "{text}");
}

#[test]
fn a_report_replaces_no_model_and_has_a_form_and_a_folder() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = models(folder.path());
    std::fs::hard_link(folder.path().join(&a), folder.path().join("link.json")).expect("a link");
    for (report, why) in [
        ("link.json", "inputs are never written"),
        ("x.txt", "FILE.html, or JSON"),
        ("none/x.json", "there is no folder none"),
    ] {
        let text = refuses(folder.path(), &["diff", &a, &b, "--report", report]);
        assert!(text.contains(why), "{report}: {text}");
    }
}
