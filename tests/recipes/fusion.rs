//! Recipes of any depth are computed in one pass over their inputs.

use std::path::Path;

use super::succeeds;
use crate::support::models::family;
use wgmerge::dtype::Float;

/// (A + B) / 2, plus 0.7 (C - D), plus TIES of E and F over A.
const DEEP: &str = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n\
    model \"c.safetensors\"\nmodel \"d.safetensors\"\nmodel \"e.safetensors\"\n\
    model \"f.safetensors\"\nmerge \"weighted_sum\" &0 &1 alpha=0.5\nmerge \"subtract\" &2 &3\n\
    merge \"add_difference\" &6 &7 0.7\nmerge \"subtract\" &4 &0\nmerge \"subtract\" &5 &0\n\
    merge \"ties_sum\" &9 &10 k=0.4\nmerge \"add_difference\" &8 &11 1.0\n";

/// Bytes of the integers of a model, which are copied.
const INTEGERS: u64 = 24;

const MODELS: &[&str] = &["a", "b", "c", "d", "e", "f"];

/// A folder with six models.
fn models() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (number, name) in (0..).zip(MODELS) {
        let path = family(folder.path(), Float::F32, number);
        let named = folder.path().join(format!("{name}.safetensors"));
        std::fs::rename(path, named).expect("a rename");
    }
    folder
}

/// Runs a recipe to a file and returns the report.
fn run(folder: &Path, recipe: &str, output: &str) -> serde_json::Value {
    std::fs::write(folder.join("r.mecha"), recipe).expect("written");
    let line = ["run", "r.mecha", "-o", output, "--device", "cpu", "--json"];
    let options = ["--metadata", "none", "--force"];
    serde_json::from_str(&succeeds(folder, &[&line[..], &options].concat())).expect("JSON")
}

/// The plan of a recipe.
fn plan(folder: &Path, recipe: &str) -> serde_json::Value {
    std::fs::write(folder.join("r.mecha"), recipe).expect("written");
    let line = [
        "plan",
        "r.mecha",
        "-o",
        "out.safetensors",
        "--device",
        "cpu",
        "--json",
    ];
    serde_json::from_str(&succeeds(folder, &line)).expect("JSON")
}

fn number(report: &serde_json::Value, field: &str) -> u64 {
    report[field]
        .as_u64()
        .unwrap_or_else(|| panic!("{field}: {report}"))
}

/// Bytes of the tensors of a model.
fn tensor_bytes(folder: &Path, name: &str) -> u64 {
    let bytes = std::fs::read(folder.join(format!("{name}.safetensors"))).expect("a model");
    let header = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"));
    bytes.len() as u64 - 8 - header
}

#[test]
fn a_deep_recipe_reads_each_input_once_per_pass_and_writes_once() {
    let folder = models();
    let plan = plan(folder.path(), DEEP);
    let bytes = |names: &[&str]| -> u64 {
        let each = names.iter().map(|name| tensor_bytes(folder.path(), name));
        each.sum::<u64>() - INTEGERS * names.len() as u64
    };
    // One pass trims what TIES takes, A, E and F; one merges. The tensors are small, so that they
    // are neither sampled nor counted apart; in two of one element there is nothing to choose.
    let read = bytes(MODELS) + bytes(&["a", "e", "f"]) + INTEGERS;
    assert_eq!(number(&plan["bytes_read"], "least"), read - 2 * 3 * 4);
    assert_eq!(number(&plan["bytes_read"], "most"), read);
    assert_eq!(number(&plan["passes"], "least"), 2);
    let programs = plan["programs"].as_array().expect("a list");
    let inputs = programs.iter().map(|program| program["inputs"].as_u64());
    assert!(inputs.clone().all(|inputs| inputs == Some(6)) && inputs.count() == 1);

    let report = run(folder.path(), DEEP, "out.safetensors");
    let bounds = read - 2 * 3 * 4..=read;
    assert!(bounds.contains(&number(&report, "bytes_read")), "{report}");
    let written = folder
        .path()
        .join("out.safetensors")
        .metadata()
        .expect("a file")
        .len();
    assert_eq!(number(&report, "bytes_written"), written);
    let mut left: Vec<String> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .filter(|name| !MODELS.contains(&name.trim_end_matches(".safetensors")))
        .collect();
    left.sort();
    assert_eq!(left, ["out.safetensors", "r.mecha"]);
}

#[test]
fn a_deep_recipe_gives_what_its_steps_give_through_files() {
    let folder = models();
    run(folder.path(), DEEP, "deep.safetensors");
    let model =
        |name: &str, space: &str| format!("model \"{name}.safetensors\" merge_space=\"{space}\"\n");
    let step = |inputs: &[(&str, &str)], merge: &str, output: &str| {
        let models: String = inputs
            .iter()
            .map(|(name, space)| model(name, space))
            .collect();
        let recipe = format!("version 0.1.0\n{models}merge {merge}\n");
        run(folder.path(), &recipe, &format!("{output}.safetensors"));
    };
    let (w, d) = ("weight", "delta");
    step(
        &[("a", w), ("b", w)],
        "\"weighted_sum\" &0 &1 alpha=0.5",
        "s6",
    );
    step(&[("c", w), ("d", w)], "\"subtract\" &0 &1", "s7");
    step(
        &[("s6", w), ("s7", d)],
        "\"add_difference\" &0 &1 0.7",
        "s8",
    );
    step(&[("e", w), ("a", w)], "\"subtract\" &0 &1", "s9");
    step(&[("f", w), ("a", w)], "\"subtract\" &0 &1", "s10");
    step(&[("s9", d), ("s10", d)], "\"ties_sum\" &0 &1 k=0.4", "s11");
    step(
        &[("s8", w), ("s11", d)],
        "\"add_difference\" &0 &1 1.0",
        "steps",
    );
    let read = |name: &str| std::fs::read(folder.path().join(name)).expect("a file");
    assert!(read("deep.safetensors") == read("steps.safetensors"));
}

#[test]
fn memory_does_not_grow_with_depth() {
    let folder = models();
    let chain = |depth: usize| {
        let mut text =
            "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n".to_owned();
        text += "merge \"weighted_sum\" &0 &1 alpha=0.5\n";
        for step in 0..depth {
            text += &format!(
                "merge \"weighted_sum\" &{} &{} alpha=0.1\n",
                step + 2,
                step % 2
            );
        }
        text
    };
    let one = plan(folder.path(), &chain(0));
    for depth in [1, 9, 200] {
        let deep = plan(folder.path(), &chain(depth));
        for field in [
            "peak_host_bytes",
            "bytes_read",
            "passes",
            "batches",
            "lanes",
        ] {
            assert_eq!(deep[field], one[field], "{field} at depth {depth}");
        }
    }
}

#[test]
fn a_shared_node_is_computed_once() {
    let folder = models();
    let twice = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n\
        merge \"weighted_sum\" &0 &1 alpha=0.3\nmerge \"weighted_sum\" &2 &2 alpha=0.6\n";
    let once = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n\
        merge \"weighted_sum\" &0 &1 alpha=0.3\n";
    let steps = |recipe: &str| {
        let plan = plan(folder.path(), recipe);
        plan["programs"][0]["steps"].as_u64().expect("a number")
    };
    // A formula each; computed twice, the shared node would make it three.
    assert_eq!((steps(once), steps(twice)), (1, 2));
    // The same node written twice is found to be the same.
    let copied = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n\
        model \"a.safetensors\"\nmodel \"b.safetensors\"\n\
        merge \"weighted_sum\" &0 &1 alpha=0.3\nmerge \"weighted_sum\" &2 &3 alpha=0.3\n\
        merge \"weighted_sum\" &4 &5 alpha=0.6\n";
    assert_eq!(steps(copied), 2);
}
