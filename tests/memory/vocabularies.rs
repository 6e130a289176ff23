//! Vocabularies of hundreds of thousands of tokens, and configurations of any length.

use std::fmt::Write;
use std::path::Path;

use super::BESIDES_MIB;
use crate::support::command::wgmerge;
use crate::support::models::{floats, values, write};
use crate::support::process::watched;
use wgmerge::dtype::Float;

/// A model with so many tokens, numbered from the last on where `back`.
fn model(folder: &Path, tokens: usize, back: bool) {
    std::fs::create_dir(folder).expect("a folder");
    let config = format!("{{\"vocab_size\": {tokens}, \"hidden_size\": 1}}");
    std::fs::write(folder.join("config.json"), config).expect("written");
    let mut vocabulary = String::new();
    for row in 0..tokens {
        let comma = if row > 0 { "," } else { "" };
        let token = if back { tokens - 1 - row } else { row };
        write!(vocabulary, "{comma}\"{token:x}\":{row}").expect("a text");
    }
    let text = format!("{{\"model\":{{\"type\":\"WordLevel\",\"vocab\":{{{vocabulary}}}}}}}");
    std::fs::write(folder.join("tokenizer.json"), text).expect("written");
    let embedding = values(tokens, 1, 2);
    let shape = [tokens as u64, 1];
    let embedding = floats("model.embed_tokens.weight", Float::F32, &shape, &embedding);
    write(&folder.join("model.safetensors"), &[embedding]);
}

/// Merges two models in a budget: the exit status, the peak in MiB, and what is said.
fn merged(
    root: &Path,
    tokenizer: &str,
    models: [&str; 2],
    budget: &str,
) -> (Option<i32>, u64, String) {
    let [base, other] = models;
    let recipe = format!(
        "models: [{{model: {base}}}, {{model: {other}}}]\nmerge_method: linear\n\
         parameters: {{weight: 1}}\nbase_model: {base}\ntokenizer_source: {tokenizer}\n"
    );
    std::fs::write(root.join("r.yaml"), recipe).expect("written");
    let mut command = wgmerge();
    command.current_dir(root).args(["run", "r.yaml", "out"]);
    command.args(["--device", "cpu", "--quiet", "--force", "--memory", budget]);
    watched(&mut command)
}

/// The budget holds, or the merge is refused before it begins with a budget in which it works.
#[test]
fn tokens_are_in_the_budget() {
    let root = tempfile::tempdir().expect("a temporary folder");
    model(&root.path().join("small"), 6, false);
    model(&root.path().join("large"), 300_000, false);
    model(&root.path().join("back"), 300_000, true);
    for (tokenizer, models) in [
        ("union", ["small", "large"]),
        ("base", ["small", "large"]),
        ("union", ["large", "back"]),
    ] {
        let (code, peak, said) = merged(root.path(), tokenizer, models, "32MiB");
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("the tokenizers of 2 models"), "{said}");
        assert!(peak <= 32, "{tokenizer} of {models:?} held {peak} MiB");
        let advised = said.split("raise --memory to ").nth(1).expect("advice");
        let advised = advised.split_whitespace().next().expect("a budget");
        let (code, peak, said) = merged(root.path(), tokenizer, models, advised);
        println!("{tokenizer} of {models:?} in {advised}: {peak} MiB");
        assert_eq!(code, Some(0), "{said}");
        let budget: f64 = advised.trim_end_matches("MiB").parse().expect("MiB");
        assert!(peak > 4, "the peak was not seen");
        assert!(
            peak <= budget as u64 + BESIDES_MIB,
            "{tokenizer} of {models:?} in {advised} held {peak} MiB"
        );
        assert!(peak <= 100, "{tokenizer} of {models:?} held {peak} MiB");
    }
}

#[test]
fn a_configuration_without_end_is_none() {
    let root = tempfile::tempdir().expect("a temporary folder");
    model(&root.path().join("one"), 6, false);
    model(&root.path().join("two"), 6, true);
    let config = root.path().join("two/config.json");
    let text = std::fs::read_to_string(&config).expect("written");
    let blanks = " ".repeat(70 << 20);
    std::fs::write(&config, blanks + &text).expect("written");
    let (code, peak, said) = merged(root.path(), "union", ["one", "two"], "32MiB");
    assert_eq!(code, Some(2), "{said}");
    assert!(
        said.contains("config.json") && said.contains("more than"),
        "{said}"
    );
    assert!(peak <= 32, "{peak} MiB");
}
