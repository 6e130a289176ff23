//! Recipes of any size: what is long, deep or wide is read in time, or refused at its place.

use std::fmt::Write;
use std::time::{Duration, Instant};

use std::sync::Arc;

use wgmerge::recipe::mecha::{Fault, parse, read, write};
use wgmerge::recipe::{Options, Recipe, Sweep, SweepError, draw};

const HEAD: &str = "version 0.1.0\nmodel \"x.safetensors\"\nmodel \"y.safetensors\"\n";

/// Far more than any of these takes, and far less than what grows with the square.
const SOON: Duration = Duration::from_secs(10);

fn recipe(text: &str) -> Result<Recipe, Fault> {
    read(&parse(text)?, Options::default(), Arc::default())
}

/// A chain of merges, each of the one before and the first model.
pub fn chain(merges: usize) -> String {
    let mut text = HEAD.to_owned();
    for number in 0..merges {
        let _ = writeln!(text, "merge \"weighted_sum\" &{} &0 alpha=0.5", number + 1);
    }
    text
}

#[test]
fn long_texts_are_read_in_time() {
    let begun = Instant::now();
    let lines = format!("version 0.1.0\n{}model \"a\"", "\n".repeat(300_000));
    let script = parse(&lines).expect("blank lines");
    let first = script.instructions().next().expect("a model");
    assert_eq!(first.line, 300_002);
    let mut models = "version 0.1.0\n".to_owned();
    for number in 0..50_000 {
        let _ = writeln!(models, "model \"{number}\"");
    }
    let last = recipe(&models).expect("models");
    assert_eq!(last.models[0].as_os_str(), "49999");
    let mut entries = "version 0.1.0\ndict".to_owned();
    for number in 0..50_000 {
        let _ = write!(entries, " k{number}=1");
    }
    parse(&entries).expect("a dict");
    let deep = recipe(&chain(20_000)).expect("merges");
    let text = write(&deep).expect("words").to_string();
    assert_eq!(recipe(&text).expect("the same").nodes, deep.nodes);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn equal_nodes_are_shared() {
    let text = format!(
        "{HEAD}dict a=1 b=0.0\nliteral &2\ndict b=-0.0 a=1\nliteral &4\n\
         merge \"weighted_sum\" &0 &1 &3\nmerge \"weighted_sum\" &0 &1 &5\n\
         merge \"n_average\" &6 &7"
    );
    let nodes = recipe(&text).expect("a recipe").nodes.len();
    assert_eq!(nodes, 5, "two models, a literal, a merge and their average");
}

#[test]
fn copies_of_dicts_have_an_end() {
    let mut text = "version 0.1.0\ndict a=1\n".to_owned();
    for number in 0..5000 {
        let _ = writeln!(text, "dict &{number} b{number}=1");
    }
    text += "model \"a\"";
    let fault = recipe(&text).expect_err("too many copies");
    let shown = fault.render("r.mecha", &text, false);
    assert!(shown.contains("more than 1000000 values"), "{shown}");
    assert!(shown.contains("r.mecha:1416:6"), "{shown}");
}

#[test]
fn a_deep_graph_is_drawn_in_lines_of_bounded_length() {
    let deep = recipe(&chain(10_000)).expect("merges");
    let tree = draw::tree(&deep);
    assert!(tree.len() < 3_000_000, "{} bytes", tree.len());
    for id in 0..deep.nodes.len() {
        assert!(tree.contains(&format!("[{id}] ")), "node {id} is not drawn");
    }
    let cut = tree.lines().filter(|line| line.ends_with(" …")).count();
    assert_eq!(cut, 10_000 / 32);
    let shallow = draw::tree(&recipe(&chain(3)).expect("merges"));
    assert_eq!(
        shallow,
        "[4] weighted_sum alpha=0.5\n\
         ├─ a: [3] weighted_sum alpha=0.5\n\
         │  ├─ a: [2] weighted_sum alpha=0.5\n\
         │  │  ├─ a: [1] y.safetensors (weight)\n\
         │  │  └─ b: [0] x.safetensors (weight)\n\
         │  └─ b: [0] x.safetensors (weight)\n\
         └─ b: [0] x.safetensors (weight)\n"
    );
}

#[test]
fn sweeps_of_any_size_are_counted() {
    for text in [
        "alpha=0:1:1e-320",
        "alpha=-1e308:1e308:1",
        "alpha=-1e308:1e308:1e-308",
        "alpha=0:1e19:1",
        "alpha=0:18446744073709551615:1",
    ] {
        let fault = Sweep::parse(text).expect_err(text);
        assert!(matches!(fault, SweepError::Long { .. }), "{text}: {fault}");
    }
    let many: Vec<String> = (0..102).map(|n| n.to_string()).collect();
    let fault = Sweep::parse(&format!("alpha={}", many.join(","))).expect_err("a long list");
    assert_eq!(
        fault.to_string(),
        "a sweep of 102 values is too long: 101 at most"
    );
    let large = Sweep::parse("alpha=1e308:1.7e308:1e307")
        .expect("large values")
        .values;
    assert!(large.iter().all(|value| value.is_finite()), "{large:?}");
}

/// Texts that are wrong near characters that take several bytes.
const WIDE: &[&str] = &[
    "model \"a\"é",
    "version 0.1.0\nmodel \"a.safetensors\"\u{201d} model_config=null",
    "model \"é",
    "é",
    "model é\"a\"",
    "version é",
    "version 0.1.0\nmerge \"é\" &0",
    "version 0.1.0\nmodel \"a\"\nmerge \"é\" &0",
    "model \"a\" é=é",
    "version 0.1.0\nmodel \"a\" é=1 é=2",
    "version 0.1.0\nmodel \"a\"\nmerge \"subtract\" &é",
];

#[test]
fn faults_begin_and_end_between_characters() {
    for text in WIDE {
        let fault = recipe(text).expect_err(text);
        assert!(text.is_char_boundary(fault.span.start), "{text}: {fault:?}");
        assert!(text.is_char_boundary(fault.span.end), "{text}: {fault:?}");
        let shown = fault.render("r.mecha", text, false);
        assert!(shown.contains("r.mecha:"), "{text}: {shown}");
    }
    // A span that is made by hand may lie anywhere.
    for start in 0..5 {
        for end in 0..5 {
            let mut fault = Fault::of_line("é\né", 2, "a fault".to_owned());
            fault.span = start..end;
            fault.render("r.mecha", "é\né", false);
            fault.place("é\né");
        }
    }
}
