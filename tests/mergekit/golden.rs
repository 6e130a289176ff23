//! Every case of mergekit: it comes out as it did there, or it is known why not.

use std::collections::BTreeSet;

use super::cases::{Case, cases};
use super::compare::{Weights, differs, strays};
use super::{data, refuses, tokenizers, wgmerge};
use crate::support::command::said;

/// What is not there yet, or not so on purpose: cases by a part of the message that refuses them,
/// or of what is found wrong. A case that starts to work has to leave the list.
const NOT_YET: &[(&str, &[&str])] = &[
    // The result has the models' type, as `config.json` says.
    ("BF16, not F32", &["arcee_fusion_bf16_f32_leak"]),
    (
        "adapters in references",
        &[
            "lora_head_passthrough",
            "lora_merge_dtype",
            "lora_mlp_rs_ta",
            "lora_qv",
        ],
    ),
    (
        "gates of embeddings",
        &["moe_cheap_embed", "moe_deepseek", "moe_qwen_shared"],
    ),
    ("gates of hidden states", &["moe_hidden"]),
];

/// Programs of mergekit that have no counterpart here: cases of them, and what is said.
const OTHER_PROGRAMS: [(&str, &str); 2] = [
    (
        "mergekit-extract-lora",
        "there is nothing like mergekit-extract-lora here",
    ),
    (
        "mergekit-tokensurgeon",
        "there is nothing like mergekit-tokensurgeon here",
    ),
];

fn is_elsewhere(case: &Case) -> bool {
    let mut programs = OTHER_PROGRAMS.iter();
    programs.any(|(program, _)| *program == case.program())
}

fn not_yet(name: &str) -> Option<&'static str> {
    let mut all = NOT_YET.iter();
    let found = all.find(|(_, names)| names.contains(&name));
    found.map(|(message, _)| *message)
}

/// Runs a case and says what is wrong with it.
fn outcome(case: &Case) -> Result<(), String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("out");
    let arguments = case.arguments(&output);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = wgmerge(&data().join("models"), &arguments);
    if !run.status.success() {
        return Err(said(&run));
    }
    let expected = data().join(case.fields["output"].as_str().expect("an output"));
    let files = case.fields["files"].as_array().expect("files");
    let files = files.iter().filter_map(|file| file.as_str());
    let weights = files.filter(|file| file.ends_with(".safetensors"));
    let folders: BTreeSet<&str> = weights
        .map(|file| file.rsplit_once('/').map_or("", |(folder, _)| folder))
        .collect();
    let mut compared = 0;
    for folder in folders {
        let folders = (output.join(folder), expected.join(folder));
        let (mut found, expected) = (Weights::open(&folders.0), Weights::open(&folders.1));
        if case.topic == "tokenizer"
            && let Some(rows) = tokenizers::rows(case, &folders.0, &folders.1)?
        {
            found.reorder(rows);
        }
        differs(case, &found, &expected)?;
        let strays = strays(&found, &expected);
        if let Some(stray) = strays.first() {
            return Err(format!("{stray} should not be there"));
        }
        compared += 1;
    }
    match compared {
        0 => Err("nothing was compared".to_owned()),
        _ => Ok(()),
    }
}

/// Runs the cases of a topic.
fn topics(topics: &[&str]) {
    let mut faults = Vec::new();
    let mut count = 0;
    for case in cases().values() {
        if !topics.contains(&case.topic.as_str()) || is_elsewhere(case) {
            continue;
        }
        count += 1;
        match (outcome(case), not_yet(&case.name)) {
            (Ok(()), None) => {}
            (Ok(()), Some(_)) => faults.push(format!("{} works: say so in the list", case.name)),
            (Err(fault), Some(known)) if fault.contains(known) => {}
            (Err(fault), _) => faults.push(format!("{}: {fault}", case.name)),
        }
    }
    assert!(count > 0);
    assert!(
        faults.is_empty(),
        "{} of {count}:\n{}",
        faults.len(),
        faults.join("\n")
    );
}

#[test]
fn gradients_filters_levels_and_grammar() {
    topics(&["gradient", "filter", "level", "grammar", "yaml"]);
}

#[test]
fn stacks_and_modules() {
    topics(&["stack", "modules"]);
}

#[test]
fn types() {
    topics(&["dtype"]);
}

#[test]
fn methods() {
    topics(&["method"]);
}

#[test]
fn families_ties_and_files() {
    topics(&["tied", "files", "arch", "moe_arch", "lora"]);
}

#[test]
fn several_documents() {
    topics(&["multi"]);
}

#[test]
fn tokenizers_and_mixtures() {
    topics(&["tokenizer", "moe"]);
}

#[test]
fn files_without_a_configuration() {
    topics(&["pytorch"]);
}

/// A command line of another program of mergekit, with `wgmerge` before it: what to do instead.
#[test]
fn other_programs_are_told_apart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut counts = [0; OTHER_PROGRAMS.len()];
    for case in cases().values() {
        let mut programs = OTHER_PROGRAMS.iter().enumerate();
        if let Some((at, (_, message))) = programs.find(|(_, own)| own.0 == case.program()) {
            let line: Vec<&str> = case.command().split(' ').collect();
            let said = refuses(folder.path(), &line);
            assert!(said.contains(message), "{}: {said}", case.name);
            counts[at] += 1;
        }
    }
    assert_eq!(counts, [4, 4], "cases");
    let said = refuses(folder.path(), &["mergekit-yaml", "merge.yaml", "OUT"]);
    assert!(said.contains("wgmerge run RECIPE OUTPUT"), "{said}");
}

#[test]
fn every_topic_is_run() {
    let run = [
        "gradient",
        "filter",
        "level",
        "grammar",
        "yaml",
        "stack",
        "modules",
        "dtype",
        "method",
        "tied",
        "files",
        "arch",
        "moe_arch",
        "lora",
        "multi",
        "tokenizer",
        "moe",
        "pytorch",
        "random",
        "error",
    ];
    for case in cases().values() {
        let known = run.contains(&case.topic.as_str());
        assert!(known || is_elsewhere(case), "{}", case.name);
    }
    let all = cases();
    for (_, names) in NOT_YET {
        assert!(
            names.iter().all(|name| all.contains_key(*name)),
            "{names:?}"
        );
    }
}
