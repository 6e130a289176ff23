//! Embeddings that are stored column by column, whose rows are brought into another order.

use std::fmt::Write;
use std::path::Path;

use super::hostile::{dict, tensor, with_pickle};
use crate::support::models::{floats, values, write};
use wgmerge::dtype::Float;

const ROWS: usize = 9000;
const COLUMNS: usize = 5;
const EMBEDDING: &str = "model.embed_tokens.weight";

/// A model's folder without weights. Its tokens are every `step`-th in turn.
fn folder(folder: &Path, step: usize) {
    std::fs::create_dir(folder).expect("a folder");
    let config = format!("{{\"vocab_size\": {ROWS}}}");
    std::fs::write(folder.join("config.json"), config).expect("written");
    let mut vocabulary = String::new();
    for row in 0..ROWS {
        let comma = if row > 0 { "," } else { "" };
        write!(vocabulary, "{comma}\"t{}\":{row}", row * step % ROWS).expect("a text");
    }
    let text = format!("{{\"model\":{{\"type\":\"WordLevel\",\"vocab\":{{{vocabulary}}}}}}}");
    std::fs::write(folder.join("tokenizer.json"), text).expect("written");
}

#[test]
fn rows_of_a_transposed_embedding_are_those_of_a_plain_one() {
    let root = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| root.path().join(name);
    let all = values(ROWS * COLUMNS, 3, 1);
    let shape = [ROWS as u64, COLUMNS as u64];
    for (name, step) in [("base", 1), ("plain", 7), ("transposed", 7)] {
        folder(&path(name), step);
    }
    let base = values(ROWS * COLUMNS, 4, 2);
    for (name, values) in [("base", &base), ("plain", &all)] {
        let embedding = floats(EMBEDDING, Float::F32, &shape, values);
        write(&path(name).join("model.safetensors"), &[embedding]);
    }
    let by_column = (0..COLUMNS).flat_map(|column| all.iter().skip(column).step_by(COLUMNS));
    let storage: Vec<u8> = by_column.flat_map(|value| value.to_le_bytes()).collect();
    let (rows, columns) = (ROWS as i64, COLUMNS as i64);
    let stored = tensor(rows * columns, 0, &[rows, columns], &[1, rows]);
    let file = with_pickle(&dict(EMBEDDING, &stored), &storage);
    std::fs::write(path("transposed").join("pytorch_model.bin"), file).expect("written");
    let merged = |model: &str, dtype: &str| {
        let recipe = format!(
            "models: [{{model: base}}, {{model: {model}}}]\nmerge_method: linear\n\
             parameters: {{weight: 1}}\nbase_model: base\ntokenizer_source: base\n\
             dtype: {dtype}\n"
        );
        std::fs::write(path("r.yaml"), recipe).expect("written");
        let line = ["run", "r.yaml", "out", "--force", "--device", "cpu", "-q"];
        let output = crate::support::command::run(root.path(), &line);
        assert!(output.status.success(), "{output:?}");
        let found = super::tensors(&path("out").join("model.safetensors"));
        assert_eq!(found.len(), 1);
        found
    };
    for dtype in ["float32", "bfloat16"] {
        let found = merged("transposed", dtype);
        assert!(found == merged("plain", dtype), "{dtype}");
    }
}
