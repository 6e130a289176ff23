//! The commands besides `merge`: whole outputs, exit codes, and what must not reach a terminal.

mod figures;
mod inspect;
mod instructions;
mod streams;
mod tables;

use std::io::Write;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::command::{prints, run};

fn wgmerge(args: &[&str]) -> Output {
    run(Path::new(env!("CARGO_MANIFEST_DIR")), args)
}

#[track_caller]
fn succeeds(args: &[&str]) -> String {
    prints(Path::new(env!("CARGO_MANIFEST_DIR")), args)
}

#[track_caller]
fn refuses(args: &[&str]) -> String {
    let output = wgmerge(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    assert!(output.stdout.is_empty(), "{args:?} printed a result");
    String::from_utf8(output.stderr).expect("UTF-8")
}

#[track_caller]
fn json(args: &[&str]) -> Value {
    serde_json::from_str(&succeeds(args)).expect("nothing but JSON")
}

/// A file with a header and its data.
fn write_safetensors(path: &Path, header: &Value, data: &[u8]) {
    let header = header.to_string();
    let mut file = std::fs::File::create(path).expect("scratch");
    let len = header.len() as u64;
    for part in [&len.to_le_bytes(), header.as_bytes(), data] {
        file.write_all(part).expect("scratch");
    }
}

const BASE: &str = "tests/data/digits/base.safetensors";
const FLIP: &str = "tests/data/digits/flip.safetensors";
