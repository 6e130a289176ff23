//! Outputs side by side: sweeps, windows and the merges of a recipe.

use std::path::Path;

use serde_json::Value;
use wgmerge::dtype::Float;

use crate::support::command::{prints, run, said};
use crate::support::models::{family, floats, values, write};

fn json(folder: &Path, name: &str) -> Value {
    let text = std::fs::read_to_string(folder.join(name)).expect("a report");
    serde_json::from_str(&text).expect("JSON")
}

/// The number of a report as a table of a page shows it, of a share.
fn share(of: &Value) -> String {
    format!("{:.2}%", 100.0 * of.as_f64().expect("a number"))
}

/// Checks that a page has the survival of each block of a report in a row of the block.
fn blocks_are_on(page: &str, report: &Value) {
    for block in report["blocks"].as_array().expect("blocks") {
        let Some(survival) = block["survival"]["survival"].as_f64() else {
            continue;
        };
        let name = block["block"].as_str().expect("a name");
        let begin = format!("<tr><td>{name}<td>");
        let mut rows = page.lines().filter(|line| line.starts_with(&begin));
        let cell = format!("<td>{:.2}%", 100.0 * survival);
        assert!(rows.any(|row| row.contains(&cell)), "{name}: {cell}");
    }
}

/// The path of what a report is about.
fn about(report: &Value) -> &Value {
    let subjects = report["subjects"].as_array().expect("models");
    &subjects.last().expect("an output")["path"]
}

#[test]
fn a_sweep_of_three_outputs_is_compared() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let paths = [1, 2].map(|model| family(folder, Float::F32, model));
    let [a, b] = [&paths[0], &paths[1]].map(|path| path.to_str().expect("UTF-8"));
    let sweep = [
        "merge",
        "-M",
        "weighted_sum",
        a,
        b,
        "--sweep",
        "alpha=0.25:0.75:0.25",
    ];
    let sweep = [&sweep[..], &["--dtype", "bf16", "-o", "o.safetensors"]].concat();
    prints(folder, &[&sweep[..], &["--report", "r.json"]].concat());
    let again = ["--force", "--report", "r.html"];
    let output = run(folder, &[&sweep[..], &again].concat());
    let told = said(&output);
    let all = json(folder, "r.json");
    let page = std::fs::read_to_string(folder.join("r.html")).expect("a page");
    let reports = all["reports"].as_array().expect("reports");
    assert_eq!(reports.len(), 3);
    // A larger share of b is a larger change of a, in proportion.
    let kept = |report: &Value| report["total"]["survival"]["intended_norm"].as_f64();
    let norms: Vec<f64> = reports.iter().filter_map(kept).collect();
    assert!((norms[2] / norms[0] - 3.0).abs() < 1e-3, "{norms:?}");
    for (report, value) in reports.iter().zip(["0.25", "0.5", "0.75"]) {
        let name = format!("o-alpha-{value}.safetensors");
        assert_eq!(*about(report), *name);
        let total = &report["total"]["survival"];
        let [survival, changed] = ["survival", "changed_share"].map(|own| &total[own]);
        assert!(page.contains(&format!("<td>{name}")), "{name}");
        assert!(
            page.contains(&format!("<td>{}", share(survival))),
            "{survival}"
        );
        // Each output has a line of its own.
        let line = told
            .lines()
            .find(|line| line.starts_with(&name))
            .expect("a line");
        let percent = format!(
            "{:.2} % of the change",
            100.0 * survival.as_f64().expect("a number")
        );
        assert!(line.contains(&percent), "{line}");
        assert!(changed.as_f64() > Some(0.5), "{changed}");
        blocks_are_on(&page, report);
    }
    let printed = prints(folder, &[&sweep[..], &["--force", "--json"]].concat());
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    for (own, report) in printed["survival_by_output"]
        .as_array()
        .expect("a list")
        .iter()
        .zip(reports)
    {
        assert_eq!(*own, report["total"]["survival"]);
    }
}

#[test]
fn the_merges_of_a_recipe_are_told_in_one_report() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    for (number, name) in ["a", "b"].into_iter().enumerate() {
        std::fs::create_dir(folder.join(name)).expect("a folder");
        let own = values(16, 1, number as u64);
        let tensor = floats(
            "model.layers.0.mlp.up_proj.weight",
            Float::F32,
            &[4, 4],
            &own,
        );
        write(&folder.join(name).join("model.safetensors"), &[tensor]);
        std::fs::write(
            folder.join(name).join("config.json"),
            r#"{"num_hidden_layers": 1}"#,
        )
        .expect("a file");
    }
    let linear = |first: &str| {
        format!(
            "merge_method: linear\nmodels:\n- model: {first}\n  parameters: {{weight: 1}}\n\
             - model: b\n  parameters: {{weight: 3}}\n"
        )
    };
    let recipe = format!("name: first\n{}---\n{}", linear("a"), linear("first"));
    std::fs::write(folder.join("r.yaml"), recipe).expect("a file");
    prints(
        folder,
        &["run", "r.yaml", "o", "-I", "parts", "--report", "r.json"],
    );
    let all = json(folder, "r.json");
    let reports = all["reports"].as_array().expect("reports");
    let outputs: Vec<&Value> = reports.iter().map(about).collect();
    assert_eq!(outputs, ["parts/first", "o"]);
}
