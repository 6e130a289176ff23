//! A type has its methods where it lives: no room gives another room's type an inherent `impl`.
//!
//! Each folder of `src` is a room. What a room needs of another's type is a function, a trait, or
//! a type of its own around it; who reads the type's room has then read all that the type can do.

use std::collections::{BTreeMap, BTreeSet};

use super::{SourceFile, assert_none, sources};

/// The folder that a file lies in.
fn room(file: &SourceFile) -> &str {
    file.path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// A file's lines without comments.
fn code(file: &SourceFile) -> String {
    file.code().map(|(_, line)| format!("{line}\n")).collect()
}

/// The name that a text begins with.
fn name(text: &str) -> &str {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    &text[..end.unwrap_or(text.len())]
}

/// The types that a file declares.
fn declared(file: &SourceFile) -> Vec<String> {
    let code = code(file);
    let names = code.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        words.find(|word| ["struct", "enum", "union", "type"].contains(word))?;
        words.next().map(|word| name(word).to_owned())
    });
    names.filter(|name| !name.is_empty()).collect()
}

/// What follows generic parameters, if a text begins with some.
fn behind_generics(text: &str) -> &str {
    let mut depth = 0;
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        match c {
            '<' => depth += 1,
            '>' if before != '-' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return if at == 0 { text } else { &text[at + 1..] };
        }
        before = c;
    }
    text
}

/// The types that a file has inherent `impl`s for, by their last names.
fn extended(file: &SourceFile) -> Vec<String> {
    let code = code(file);
    let heads = code.match_indices("impl").filter_map(|(at, word)| {
        let (before, rest) = (&code[..at], &code[at + word.len()..]);
        let line = before.rsplit('\n').next().unwrap_or_default();
        let is_item = line.trim().is_empty() && rest.starts_with([' ', '<']);
        is_item.then(|| rest.split_once('{').map(|(head, _)| head))?
    });
    let types = heads.filter_map(|head| {
        let head = behind_generics(head.trim());
        let is_of_trait = head.split_whitespace().any(|word| word == "for");
        let path = head.trim().split(['<', ' ', '\n']).next()?;
        (!is_of_trait).then(|| path.rsplit("::").next().unwrap_or(path).to_owned())
    });
    types.filter(|name| !name.is_empty()).collect()
}

/// The inherent `impl`s for types that are declared in other folders only.
fn strays(all: &[SourceFile]) -> Vec<String> {
    let mut rooms: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for file in all {
        for name in declared(file) {
            rooms.entry(name).or_default().insert(room(file));
        }
    }
    let mut strays = Vec::new();
    for file in all {
        for name in extended(file) {
            // What no file declares by name is made by a macro, of a type of its own room.
            let known = rooms.get(&name);
            if known.is_some_and(|known| !known.contains(room(file))) {
                strays.push(format!("{} adds to `{name}` of another room", file.path));
            }
        }
    }
    strays
}

#[test]
fn types_have_their_methods_where_they_live() {
    assert_none(strays(&sources()));
}

#[test]
fn the_rule_finds_methods_of_other_rooms() {
    let found = |path: &str, text: &str| {
        let all = [
            ("src/plan/job.rs", "pub struct Job<'a> {\n}\n"),
            ("src/plan/deep/cut.rs", "pub(super) enum Cut {\n}\n"),
            (path, text),
        ];
        strays(&all.map(|(path, text)| SourceFile::new(path, text))).len()
    };
    let other = "src/merge/lane.rs";
    assert_eq!(found(other, "impl Job<'_> {\n}\n"), 1);
    assert_eq!(
        found(
            other,
            "impl<'a, F: Fn() -> u8> crate::plan::Job<'a>\n{\n}\n"
        ),
        1
    );
    assert_eq!(
        found(other, "mod inner {\n    impl Job<'_> {\n    }\n}\n"),
        1
    );
    assert_eq!(found("src/plan/task.rs", "impl Cut {\n}\n"), 1);
    assert_eq!(found("src/plan/task.rs", "impl<'a> Job<'a> {\n}\n"), 0);
    assert_eq!(found(other, "struct Job;\nimpl Job {\n}\n"), 0);
    assert_eq!(found(other, "impl<T> From<T> for Job<'_> {\n}\n"), 0);
    assert_eq!(found(other, "// impl Job {\nimpl $name {\n}\n"), 0);
    assert_eq!(
        found(other, "fn f(jobs: impl Iterator<Item = u8>) {\n}\n"),
        0
    );
}
