//! Tokenizers as files, and the rows of their tokens.

mod align;
mod files;
mod reading;
mod union;

use std::path::{Path, PathBuf};

use wgmerge::vocabulary::{Tokenizer, TokenizerContent};

/// A model's folder with these files.
fn folder(root: &Path, name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = root.join(name);
    std::fs::create_dir_all(&folder).expect("a writable folder");
    for (name, text) in files {
        std::fs::write(folder.join(name), text).expect("a writable folder");
    }
    folder
}

/// tokenizer.json of a BPE model with these tokens, and others that were added.
fn bpe(tokens: &[&str], added: &[(&str, u32)]) -> String {
    let vocab: serde_json::Map<String, serde_json::Value> = tokens
        .iter()
        .zip(0..)
        .map(|(token, number)| ((*token).to_owned(), number.into()))
        .collect();
    let added: Vec<serde_json::Value> = added
        .iter()
        .map(|(content, id)| {
            serde_json::json!({
                "id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true,
            })
        })
        .collect();
    serde_json::json!({
        "version": "1.0",
        "added_tokens": added,
        "model": {"type": "BPE", "vocab": vocab, "merges": [["a", "b"]]},
    })
    .to_string()
}

/// A tokenizer of a folder with one file.
fn tokenizer(root: &Path, name: &str, json: &str) -> Tokenizer {
    let folder = folder(root, name, &[("tokenizer.json", json)]);
    Tokenizer::read(&folder).expect("a sound tokenizer")
}

/// The tokens of a tokenizer in the order of their numbers.
fn tokens(tokenizer: &Tokenizer) -> Vec<&str> {
    let mut tokens: Vec<(u32, &str)> = tokenizer.tokens().map(|(t, n)| (n, t)).collect();
    tokens.sort_unstable();
    tokens.into_iter().map(|(_, token)| token).collect()
}

/// The text that a tokenizer's file would have; None where it is a copy or left out.
fn text(tokenizer: &Tokenizer, template: Option<&str>, name: &str) -> Option<String> {
    let files = tokenizer.files(template).expect("files that are there");
    let file = files.into_iter().find(|file| file.name == name)?;
    match file.content {
        TokenizerContent::Text(text) => {
            let mut bytes = Vec::new();
            text.write(&mut bytes).expect("memory takes it");
            assert_eq!(bytes.len() as u64, text.bytes());
            Some(String::from_utf8(bytes).expect("a text"))
        }
        TokenizerContent::Copy(_) => None,
    }
}
