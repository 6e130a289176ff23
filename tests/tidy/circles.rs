//! Files of a room import downwards only: no two need each other, however long the way round.
//!
//! What a `mod.rs` declares and defines is common ground: it counts neither as one that uses nor as
//! one that is used. Beside each other stand files and the folders that hold more of them.

use std::collections::{BTreeMap, BTreeSet};

use super::{SourceFile, assert_none, in_crate, sources};

/// The names of the modules around a file's items: `merge`, `read` for `src/merge/read/mod.rs`.
fn module(path: &str) -> Option<Vec<String>> {
    let inside = in_crate(path)?.strip_suffix(".rs")?;
    let mut names: Vec<String> = inside.split('/').map(str::to_owned).collect();
    if names.last().is_some_and(|name| name == "mod") {
        names.pop();
    }
    (!["lib", "main"].contains(&names[0].as_str())).then_some(names)
}

/// The paths that begin with `crate` or `super` in a text, one per name that is imported.
fn paths(file: &SourceFile) -> Vec<Vec<String>> {
    let code: String = file.code().map(|(_, line)| format!("{line}\n")).collect();
    let mut found = Vec::new();
    for start in ["crate::", "super::"] {
        for (at, _) in code.match_indices(start) {
            let before = code[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                continue;
            }
            tree(&code[at..], &mut Vec::new(), &mut found);
        }
    }
    found
}

/// Reads a path or a tree of paths; returns what follows it.
fn tree<'t>(text: &'t str, above: &mut Vec<String>, found: &mut Vec<Vec<String>>) -> &'t str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start_matches([',', ' ', '\n']);
            if rest.is_empty() || rest.starts_with('}') {
                return rest.get(1..).unwrap_or_default();
            }
            let before = rest.len();
            rest = tree(rest, &mut above.clone(), found);
            if rest.len() == before {
                return rest;
            }
        }
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    above.push(name.to_owned());
    match rest.strip_prefix("::") {
        Some(rest) if !name.is_empty() => tree(rest, above, found),
        _ => {
            found.push(above.clone());
            rest
        }
    }
}

/// The modules of a tree, and which others each uses.
struct Rooms {
    modules: BTreeSet<Vec<String>>,
    /// Names that a module has from another, with the path as it is written.
    names: BTreeMap<(Vec<String>, String), Vec<String>>,
    uses: Vec<(Vec<String>, Vec<String>)>,
}

impl Rooms {
    fn of(files: &[SourceFile]) -> Rooms {
        let known = files.iter().filter_map(|file| module(&file.path));
        let mut rooms = Rooms {
            modules: known.collect(),
            names: BTreeMap::new(),
            uses: Vec::new(),
        };
        for file in files {
            let Some(own) = module(&file.path) else {
                continue;
            };
            let depth = own.len() - usize::from(!file.path.ends_with("/mod.rs"));
            if depth == own.len() {
                rooms.exported(&own, file);
            }
            for path in paths(file) {
                rooms.uses.push((own.clone(), path));
            }
        }
        rooms
    }

    /// What a `mod.rs` has from its files.
    fn exported(&mut self, own: &[String], file: &SourceFile) {
        let code: String = file.code().map(|(_, line)| format!("{line}\n")).collect();
        for (at, _) in code.match_indices("use ") {
            let mut found = Vec::new();
            tree(&code[at + 4..], &mut Vec::new(), &mut found);
            for mut path in found {
                if path[0] == "self" {
                    path.remove(0);
                }
                let child = [own, &path[..1]].concat();
                if let Some(name) = path.last().cloned()
                    && self.modules.contains(&child)
                {
                    self.names.insert((own.to_vec(), name), path);
                }
            }
        }
    }

    /// The module in which a path ends.
    fn end(&self, own: &[String], path: &[String]) -> Vec<String> {
        let mut at = own.to_vec();
        let mut rest = path;
        while let [name, more @ ..] = rest {
            let inner = [&at[..], std::slice::from_ref(name)].concat();
            match name.as_str() {
                "crate" => at.clear(),
                "super" => {
                    at.pop();
                }
                _ if self.modules.contains(&inner) => at = inner,
                _ => match self.names.get(&(at.clone(), name.clone())) {
                    Some(path) => return self.end(&at, path),
                    None => return at,
                },
            }
            rest = more;
        }
        at
    }

    /// For every folder which of its members uses which.
    fn edges(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for (own, path) in &self.uses {
            let end = self.end(own, path);
            let shared = own.iter().zip(&end).take_while(|(a, b)| a == b).count();
            if shared == 0 || shared == own.len() || shared == end.len() {
                continue;
            }
            let name = |module: &[String]| module[..=shared].join("/");
            edges.entry(name(own)).or_default().insert(name(&end));
        }
        edges
    }

    /// Members that reach themselves.
    fn circles(&self) -> Vec<String> {
        let edges = self.edges();
        let reaches_itself = |start: &String| {
            let mut seen: BTreeSet<&String> = BTreeSet::new();
            let mut open: Vec<&String> = edges[start].iter().collect();
            while let Some(next) = open.pop() {
                if next == start {
                    return true;
                }
                if seen.insert(next) {
                    open.extend(edges.get(next).into_iter().flatten());
                }
            }
            false
        };
        edges
            .keys()
            .filter(|start| reaches_itself(start))
            .cloned()
            .collect()
    }
}

#[test]
fn files_of_a_room_import_downwards_only() {
    let circles = Rooms::of(&sources()).circles();
    let faults = circles.into_iter();
    assert_none(faults.map(|file| format!("{file} is part of a circle of imports")));
}

#[test]
fn the_rule_finds_circles() {
    let circles = |files: &[(&str, &str)]| {
        let files: Vec<SourceFile> = files
            .iter()
            .map(|(path, text)| SourceFile::new(path, text))
            .collect();
        Rooms::of(&files).circles()
    };
    let door = (
        "src/a/mod.rs",
        "mod x;\nmod y;\npub use x::X;\npub use y::{Y, Z};\n",
    );
    let both = ["a/x", "a/y"];
    // By path, by what the room's door exports, and from inside an item.
    assert_eq!(
        circles(&[
            door,
            ("src/a/x.rs", "use super::y::Y;"),
            ("src/a/y.rs", "use super::X;")
        ]),
        both
    );
    assert_eq!(
        circles(&[
            door,
            (
                "src/a/x.rs",
                "use crate::a::{\n    Other,\n    y::{Y, Z},\n};"
            ),
            ("src/a/y.rs", "fn f() {\n    super::x::f();\n}"),
        ]),
        both
    );
    // A folder is one with all that is in it.
    assert_eq!(
        circles(&[
            door,
            ("src/a/x.rs", "use super::y::Y;"),
            ("src/a/y/mod.rs", "mod deep;"),
            ("src/a/y/deep.rs", "use crate::a::x::X;"),
        ]),
        both
    );
    assert!(
        circles(&[
            door,
            ("src/a/x.rs", "use super::Y;"),
            ("src/a/y.rs", "use super::Common;")
        ])
        .is_empty()
    );
    assert!(
        circles(&[
            door,
            ("src/a/x.rs", "// As super::y does."),
            ("src/a/y.rs", "use super::X;")
        ])
        .is_empty()
    );
}
