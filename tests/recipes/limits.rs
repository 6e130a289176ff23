//! Recipes of any size: what is long, deep or wide is read in time, or refused at its place.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{refuses, succeeds};
use crate::support::models;
use crate::support::tensors::tensor;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;
use wgmerge::recipe::Fault;
use wgmerge::recipe::compose::{merge, model};
use wgmerge::recipe::mecha::{parse, read, write};
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

/// A folder with two models of `tensors` tensors of three elements: all 1, and all 3.
fn folder(tensors: usize) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, value) in [("x", 1.0), ("y", 3.0)] {
        let names = (0..tensors).map(|number| format!("layers.{number}.weight"));
        let tensors: Vec<_> = names
            .map(|name| models::floats(&name, Float::F32, &[3], &[value; 3]))
            .collect();
        models::write(&folder.path().join(format!("{name}.safetensors")), &tensors);
    }
    folder
}

fn run(folder: &Path, text: &str) -> Vec<f32> {
    std::fs::write(folder.join("r.mecha"), text).expect("written");
    let line = ["run", "r.mecha", "-o", "o.safetensors", "--force", "-q"];
    succeeds(folder, &line);
    let output = Checkpoint::open(&folder.join("o.safetensors")).expect("the output");
    let (first, _) = output.tensors().first().expect("a tensor");
    tensor(&output, first)
}

#[test]
fn deep_recipes_are_merged() {
    let begun = Instant::now();
    let folder = folder(2);
    // Each step halves the way to the first model.
    assert_eq!(run(folder.path(), &chain(3)), [1.25; 3]);
    assert_eq!(run(folder.path(), &chain(5000)), [1.0; 3]);
    let mut routes = HEAD.to_owned();
    for number in (0..5000).map(|number| 2 * number + 1) {
        let _ = writeln!(routes, "merge \"cast\" &{number} dtype=\"float32\"");
        let _ = writeln!(routes, "merge \"fallback\" &{} &0", number + 1);
    }
    assert_eq!(run(folder.path(), &routes), [3.0; 3]);
    assert!(begun.elapsed() < 2 * SOON, "{:?}", begun.elapsed());
}

#[test]
fn what_is_too_large_is_refused_at_its_line() {
    let begun = Instant::now();
    let folder = folder(2);
    let refused = |text: &str| {
        std::fs::write(folder.path().join("r.mecha"), text).expect("written");
        refuses(folder.path(), &["plan", "r.mecha"])
    };
    // 24,000 merges side by side, then averages of pairs.
    let mut wide = HEAD.to_owned();
    let mut open: Vec<usize> = (2..24_002).collect();
    for number in 0..open.len() {
        let _ = writeln!(
            wide,
            "merge \"weighted_sum\" &0 &1 alpha={}",
            number as f64 / 24e3
        );
    }
    let mut next = 24_002;
    while open.len() > 1 {
        let pairs = open.chunks(2).map(|pair| match pair {
            [a, b] => {
                let _ = writeln!(wide, "merge \"n_average\" &{a} &{b}");
                next += 1;
                next - 1
            }
            one => one[0],
        });
        open = pairs.collect();
    }
    let errors = refused(&wide);
    assert!(errors.contains("more than 65535"), "{errors}");
    assert!(errors.contains("r.mecha:"), "{errors}");
    // Statistics on statistics.
    let mut angles = HEAD.to_owned();
    for number in 0..5000 {
        let _ = writeln!(angles, "merge \"slerp\" &{} &0", number + 1);
    }
    let errors = refused(&angles);
    assert!(
        errors.contains("more than 256 statistics that need one another"),
        "{errors}"
    );
    assert!(errors.contains("r.mecha:260:1"), "{errors}");
    let mut stacks = HEAD.to_owned();
    for number in 0..5000 {
        let _ = writeln!(stacks, "merge \"stack\" &{} &{}", number + 1, number + 1);
    }
    let errors = refused(&stacks);
    assert!(errors.contains("r.mecha:20:1"), "{errors}");
    let many = vec!["&0"; 70_000].join(" ");
    let errors = refused(&format!("{HEAD}merge \"n_average\" {many}"));
    assert!(errors.contains("more than 65535"), "{errors}");
    assert!(begun.elapsed() < 3 * SOON, "{:?}", begun.elapsed());
}

/// Merges, each followed by a fallback to what was before: the pattern of stacked adapters.
fn fallbacks(links: usize) -> String {
    let mut text = HEAD.to_owned();
    let mut last = 0;
    for number in 0..links {
        let merge = 2 * number + 2;
        let _ = writeln!(text, "merge \"weighted_sum\" &{last} &1 alpha=0.01");
        let _ = writeln!(text, "merge \"fallback\" &{merge} &{last}");
        last = merge + 1;
    }
    text
}

#[test]
fn a_chain_of_fallbacks_is_planned_in_linear_time() {
    let folder = folder(2515);
    for links in [20, 60] {
        std::fs::write(folder.path().join("r.mecha"), fallbacks(links)).expect("written");
        let begun = Instant::now();
        succeeds(folder.path(), &["plan", "r.mecha"]);
        assert!(begun.elapsed() < SOON, "{links}: {:?}", begun.elapsed());
    }
}

/// Picks of merges of picks: each name is gathered once.
#[test]
fn components_of_components_are_gathered_in_time() {
    let models = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/recipes/models");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut text = format!(
        "version 0.1.0\nmodel \"{models}/sd1_a.safetensors\"\n\
         model \"{models}/sd1_b.safetensors\"\n"
    );
    let mut last = 0;
    for _ in 0..60 {
        let next = last + if last == 0 { 2 } else { 1 };
        let _ = writeln!(text, "merge \"pick_component\" &{last} \"diffuser\"");
        let _ = writeln!(text, "merge \"omit_component\" &{last} \"vae\"");
        let _ = writeln!(text, "merge \"fallback\" &{next} &{}", next + 1);
        last = next + 2;
    }
    std::fs::write(folder.path().join("r.mecha"), text).expect("written");
    let begun = Instant::now();
    succeeds(folder.path(), &["plan", "r.mecha"]);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

#[test]
fn composed_values_may_lie_deep_in_each_other() {
    let [x, y] = ["x", "y"].map(model);
    let mut value = y.clone();
    for _ in 0..100_000 {
        value = merge("weighted_sum").input(value).input(&x).value();
    }
    let recipe = value
        .clone()
        .into_recipe(Options::default())
        .expect("a recipe");
    assert_eq!(recipe.nodes.len(), 100_002);
    drop(value);
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
    let large = Sweep::parse("alpha=1e308:1.7e308:1e307").expect("large values");
    let mut values = large.values().iter();
    assert!(values.all(|value| value.is_finite()), "{large:?}");
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
