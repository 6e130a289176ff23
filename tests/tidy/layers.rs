//! The layers of the modules, as docs/ARCHITECTURE.md has them.

use super::{CRATES, SourceFile, assert_none, in_crate, root, sources};

/// Modules of one row are of one layer and do not use each other.
const LAYERS: &[&[&str]] = &[
    &[
        "wgsl", "fault", "figures", "files", "disk", "id", "level", "words",
    ],
    &["dtype"],
    &["format"],
    &["adapter"],
    &["checkpoint", "kernel", "loader"],
    &["adapters", "hub", "keys", "method", "vocabulary"],
    &["recipe", "report"],
    &["plan"],
    &["exec", "sink"],
    &["gpu"],
    &["merge"],
    &["cli"],
];

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|row| row.contains(&module))
}

/// The module that a file of `src` belongs to; None for the roots of the library and the binary.
fn module(path: &str) -> Option<&str> {
    let inside = in_crate(path)?;
    match inside.split_once('/') {
        Some((module, _)) => Some(module),
        None => inside
            .strip_suffix(".rs")
            .filter(|module| !["lib", "main"].contains(module)),
    }
}

/// What follows each `crate::` of a line, with the text before it.
fn uses(line: &str) -> Vec<(&str, &str)> {
    let marks = line.match_indices("crate::");
    marks
        .filter(|&(at, _)| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_'))
        .map(|(at, mark)| {
            let rest = &line[at + mark.len()..];
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_'));
            (&line[..at], &rest[..end.unwrap_or(rest.len())])
        })
        .collect()
}

/// How many modules lie around a file's items: 1 for `src/plan/mod.rs`, 2 for `src/plan/job.rs`.
fn depth(path: &str) -> usize {
    let names = in_crate(path).map_or(0, |inside| inside.split('/').count());
    names - usize::from(path.ends_with("/mod.rs"))
}

fn faults(file: &SourceFile) -> Vec<String> {
    let Some(user) = module(&file.path) else {
        return Vec::new();
    };
    let Some(user_layer) = layer(user) else {
        return vec![format!("{}: `{user}` has no layer", file.path)];
    };
    let out = "super::".repeat(depth(&file.path));
    let mut faults = Vec::new();
    for (number, line) in file.code() {
        let place = format!("{}:{number}", file.path);
        // An indented line may stand in a module inside the file.
        if !line.starts_with(' ') && line.contains(&out) {
            faults.push(format!("{place}: `{out}` hides a use of another module"));
        }
        for (_, used) in uses(line) {
            match layer(used) {
                Some(_) if used == user => {}
                Some(lower) if lower < user_layer => {}
                Some(_) => faults.push(format!("{place}: `{user}` may not use `{used}`")),
                None => faults.push(format!(
                    "{place}: `crate::{used}` is no module with a layer"
                )),
            }
        }
    }
    faults
}

#[test]
fn modules_use_lower_layers_only() {
    assert_none(sources().iter().flat_map(faults));
}

#[test]
fn every_layer_is_in_the_document() {
    let text = std::fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("the document");
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("| ") && line[2..].starts_with(char::is_numeric))
        .collect();
    let rank = |module: &str| {
        let name = format!("`{module}`");
        let row = rows.iter().find(|row| row.contains(&name));
        let number = row.and_then(|row| row[2..].split(' ').next()?.parse::<usize>().ok());
        number.unwrap_or_else(|| panic!("docs/ARCHITECTURE.md has no layer for {name}"))
    };
    for rows in LAYERS.windows(2) {
        for low in rows[0] {
            for high in rows[1] {
                assert!(rank(low) <= rank(high), "`{low}` lies below `{high}`");
            }
        }
    }
}

#[test]
fn every_folder_of_src_has_a_layer() {
    let roots = CRATES.map(|folder| {
        let path = root().join(folder).join("lib.rs");
        std::fs::read_to_string(path).expect("a library's root")
    });
    let mut declared: Vec<&str> = roots
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| {
            line.trim_start_matches("pub ")
                .strip_prefix("mod ")?
                .strip_suffix(';')
        })
        .collect();
    let mut known: Vec<&str> = LAYERS.concat();
    declared.sort_unstable();
    known.sort_unstable();
    assert_eq!(declared, known);
}

#[test]
fn the_rule_finds_what_it_forbids() {
    let count = |path: &str, text: &str| faults(&SourceFile::new(path, text)).len();
    assert_eq!(count("src/plan/job.rs", "use crate::exec::Batch;"), 1);
    assert_eq!(count("src/plan/job.rs", "use crate::kernel::Row;"), 0);
    assert_eq!(count("src/plan/job.rs", "use crate::plan::Plan;"), 0);
    assert_eq!(count("src/plan/job.rs", "    fault: crate::cli::Exit,"), 1);
    assert_eq!(count("src/plan/job.rs", "// As crate::cli does."), 0);
    assert_eq!(
        count("src/plan/job.rs", "use super::super::exec::Batch;"),
        1
    );
    assert_eq!(count("src/plan/mod.rs", "use super::exec::Batch;"), 1);
    assert_eq!(count("src/plan/mod.rs", "use crate::{exec, kernel};"), 1);
    assert_eq!(count("src/sink/mod.rs", "use crate::exec::Batch;"), 1);
    assert_eq!(count("src/exec/mod.rs", "use crate::sink::Sink;"), 1);
    assert_eq!(count("src/kernel/mod.rs", "use crate::checkpoint;"), 1);
    assert_eq!(count("src/new.rs", ""), 1);
    assert_eq!(count("src/lib.rs", "use crate::cli::run;"), 0);
}
