//! Texts that lead elsewhere, join what does not fit, or are long.

use std::time::{Duration, Instant};

use super::scratch::Scratch;
use crate::support::command::run;

#[test]
fn a_name_is_that_of_a_folder_inside() {
    for name in [
        "../victim",
        "/tmp/victim",
        "a/../../b",
        ".",
        "./x",
        "x/",
        "\"x\\ny\"",
        "\"\"",
    ] {
        let scratch = Scratch::new(&format!(
            "name: {name}\nmodels: [{{model: MODELS/mini/a, parameters: {{weight: 1}}}}]\n\
             merge_method: linear\n"
        ));
        let said = scratch.refuses(&["-I", "inter"]);
        assert!(said.contains("is no name of a merge"), "{name}: {said}");
        assert!(said.contains("merge.yaml:1:7"), "{name}: {said}");
        assert!(!scratch.path().join("inter").exists(), "{name}");
    }
}

#[test]
fn different_architectures_are_told_under_any_policy() {
    let scratch = Scratch::new(
        "models:\n- model: MODELS/mini/a\n- model: other\nmerge_method: linear\n\
         parameters: {weight: 1}\n",
    );
    let tensors = ["h.0.attn.weight", "h.1.attn.weight", "ln.weight"].map(|name| {
        let values = [1.0, 2.0, 3.0, 4.0];
        crate::support::models::floats(name, wgmerge::dtype::Float::F32, &[2, 2], &values)
    });
    scratch.model("other", &tensors);
    for flags in [&[][..], &["--missing", "skip"], &["--missing", "base"]] {
        let said = scratch.refuses(flags);
        let parts = ["different architectures", "share 0 of 3 tensors", ":3:10"];
        for part in parts {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

/// What took the square of it would take minutes.
#[test]
fn long_texts_are_read_in_proportion() {
    let slice = "- sources: [{model: MODELS/llama/a, layer_range: [0, 2]}]\n";
    let slices = format!("slices:\n{}merge_method: passthrough\n", slice.repeat(1500));
    let keys: String = (0..60_000).map(|at| format!("k{at}: {at}\n")).collect();
    let models = "models: [{model: MODELS/mini/a}, {model: MODELS/mini/b}]\n";
    let keys = format!("{keys}{models}merge_method: linear\nparameters: {{weight: 1}}\n");
    let filters: String = (0..20_000)
        .map(|at| format!("  - {{filter: none{at}, value: 0.5}}\n"))
        .collect();
    let filters =
        format!("{models}merge_method: linear\nparameters:\n  weight:\n{filters}  - value: 1\n");
    for text in [slices, keys, filters] {
        let scratch = Scratch::new(&text);
        let begin = Instant::now();
        let line = [
            "plan",
            "merge.yaml",
            "OUT",
            "--device",
            "cpu",
            "--lenient",
            "--json",
        ];
        let output = run(scratch.path(), &line);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}", &said[..said.len().min(2000)]);
        let taken = begin.elapsed();
        assert!(
            taken < Duration::from_secs(30),
            "{taken:?}: {}",
            &text[..60]
        );
    }
}
