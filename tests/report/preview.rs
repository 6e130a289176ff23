//! How models differ before they are merged: the report of a plan.

use std::path::Path;

use serde_json::Value;
use wgmerge::dtype::Float;

use super::page::{browser, shown};
use crate::support::command::{prints, refuses, says};
use crate::support::models::family;

fn read(folder: &Path, name: &str) -> String {
    std::fs::read_to_string(folder.join(name)).expect("a report")
}

fn json(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&prints(folder, arguments)).expect("JSON")
}

fn models(folder: &Path) -> [String; 3] {
    [0, 1, 2].map(|model| {
        let path = family(folder, Float::F32, model);
        let name = path.file_name().and_then(|name| name.to_str());
        name.expect("a name").to_owned()
    })
}

#[test]
fn a_plan_compares_the_models_as_diff_does() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let [base, a, b] = models(folder);
    let plan = [
        "plan", "-M", "ties", "-b", &base, &a, &b, "--report", "r.json",
    ];
    prints(folder, &plan);
    let found: Value = serde_json::from_str(&read(folder, "r.json")).expect("JSON");
    let diffs = [
        json(folder, &["diff", &base, &a, "--json"]),
        json(folder, &["diff", &base, &b, "--json"]),
        json(
            folder,
            &[
                "diff",
                &a,
                &b,
                "--against",
                &base,
                "--density",
                "0",
                "--json",
            ],
        ),
    ];
    let reports = found["reports"].as_array().expect("reports");
    assert_eq!(reports.len(), diffs.len());
    for (report, diff) in reports.iter().zip(&diffs) {
        // Small models are their own sample, but for what has no elements and what is no float.
        assert!(diff["total"]["comparison"]["changed"].as_u64() > Some(0));
        assert_eq!(report["total"]["comparison"], diff["total"]["comparison"]);
        for tensor in report["tensors"].as_array().expect("tensors") {
            let mut all = diff["tensors"].as_array().expect("tensors").iter();
            let same = all
                .find(|own| own["key"] == tensor["key"])
                .expect("the tensor");
            assert_eq!(tensor["comparison"], same["comparison"]);
        }
        let note = report["notes"][0].as_str().expect("a note");
        assert!(note.contains("Before the merge, from a sample"), "{note}");
    }
    let refused = refuses(folder, &[&plan[..8], &["r.pdf"]].concat());
    assert!(refused.contains("FILE.html, or JSON"), "{refused}");
}

#[test]
fn a_browser_shows_the_page_of_a_plan() {
    let Some(browser) = browser() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let [base, a, b] = models(folder);
    let plan = ["plan", "-M", "ties", "-b", &base, &a, &b, "--report"];
    prints(folder, &[&plan[..], &["r.json"]].concat());
    prints(folder, &[&plan[..], &["r.html"]].concat());
    let found: Value = serde_json::from_str(&read(folder, "r.json")).expect("JSON");
    let (document, errors) = shown(&browser, folder, &folder.join("r.html"));
    let console = errors.lines().find(|line| line.contains("CONSOLE"));
    assert_eq!(console, None);
    assert!(
        document.contains("Before the merge, from a sample"),
        "{document}"
    );
    for report in found["reports"].as_array().expect("reports") {
        let cosine = report["total"]["comparison"]["cosine"]
            .as_f64()
            .expect("a number");
        assert!(
            document.contains(&format!("<td>{cosine:.6}</td>")),
            "{cosine}"
        );
    }
}

#[test]
fn a_plan_names_the_models_that_parameters_leave_out() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let [base, a, b] = models(folder);
    let plan = ["plan", "-M", "task_arithmetic", "-b", &base, &a, &b, "-p"];
    let said = says(folder, &[&plan[..], &["weight=1,0"]].concat());
    assert!(
        said.contains(&format!("{b} is not read")) && !said.contains(&format!("{a} is not")),
        "{said}"
    );
    let said = says(folder, &[&plan[..], &["weight=1,0.5"]].concat());
    assert!(!said.contains("is not read"), "{said}");
}
