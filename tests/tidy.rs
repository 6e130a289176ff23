//! The rules of the house that no compiler holds: who may use whom, how long things are, and what
//! does not belong in a source file.
//!
//! Every rule is a function from a file to its faults, so that the rules themselves are tested with
//! files that break them.

mod circles;
mod impls;
mod layers;
mod lines;
mod reach;

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// A source file.
struct SourceFile {
    /// Its path from the root of the package, with `/` on every system.
    path: String,
    text: String,
}

impl SourceFile {
    fn new(path: &str, text: &str) -> SourceFile {
        SourceFile {
            path: path.to_owned(),
            text: text.to_owned(),
        }
    }

    /// Its lines with their numbers, comments and the text behind them left out.
    fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        let lines = self.text.lines().enumerate();
        lines.map(|(number, line)| {
            let comment = if line.trim_start().starts_with("//") {
                Some(0)
            } else {
                line.find(" // ")
            };
            (number + 1, &line[..comment.unwrap_or(line.len())])
        })
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The files below some folders whose names end so, in the order of their paths.
fn files(folders: &[&str], extension: &str) -> Vec<SourceFile> {
    let mut found = Vec::new();
    for folder in folders {
        collect(&root(), Path::new(folder), extension, &mut found);
    }
    assert!(!found.is_empty(), "no {extension} files in {folders:?}");
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn collect(root: &Path, folder: &Path, extension: &str, found: &mut Vec<SourceFile>) {
    for entry in std::fs::read_dir(root.join(folder)).expect("a folder of the package") {
        let entry = entry.expect("an entry of the folder");
        let path = folder.join(entry.file_name());
        if entry.file_type().expect("its type").is_dir() {
            collect(root, &path, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            let text = std::fs::read_to_string(root.join(&path)).expect("a text");
            let names: Vec<_> = path.iter().map(|name| name.to_string_lossy()).collect();
            let path = names.join("/");
            found.push(SourceFile { path, text });
        }
    }
}

/// The folders of the crates, the one below first.
const CRATES: [&str; 2] = ["compute/src", "src"];

/// A path inside the folder of its crate; None for what is in neither.
fn in_crate(path: &str) -> Option<&str> {
    let inside = |folder: &&str| path.strip_prefix(*folder)?.strip_prefix('/');
    CRATES.iter().find_map(inside)
}

/// The Rust files of the crates.
fn sources() -> Vec<SourceFile> {
    files(&CRATES, "rs")
}

/// Every Rust file.
fn rust() -> Vec<SourceFile> {
    let mut all = sources();
    all.extend(files(&["tests", "benches", "examples"], "rs"));
    all
}

/// Fails with all faults of all files.
#[track_caller]
fn assert_none(faults: impl IntoIterator<Item = String>) {
    let mut text = String::new();
    for fault in faults {
        writeln!(text, "  {fault}").expect("a String takes all text");
    }
    assert!(text.is_empty(), "\n{text}");
}
