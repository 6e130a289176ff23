//! The page of a report.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use wgmerge::dtype::Float;
use wgmerge::keys::blocks::places;
use wgmerge::keys::config::{self, ConfigKey};
use wgmerge::report::{Comparison, Form, Greatest, Report, State, Subject, Survival, Tensor, page};

use crate::support::command::{prints, run, said};
use crate::support::models::family;

/// A report about a whole checkpoint of SDXL, all of whose tensors were compared and computed: more
/// numbers than any command measures together.
fn large() -> Report {
    let config = config::find("sdxl-sgm").expect("a config");
    let names: Vec<(&str, &ConfigKey)> = config.keys().collect();
    let keys: Vec<&str> = names.iter().map(|(key, _)| *key).collect();
    let tensors = names.iter().zip(places(&keys)).enumerate();
    let tensors = tensors.map(|(at, ((key, known), block))| {
        let at = at as u64;
        let form = Form {
            dtype: "F16".to_owned(),
            shape: known.shape.clone(),
        };
        let own = 1.0 + at as f64;
        Tensor {
            comparison: Some(Comparison {
                elements: 1_638_400,
                a_squares: own,
                b_squares: own * 1.01,
                products: own * 1.004,
                change_squares: own * 1e-3,
                changed: 1_000 * at,
                same_sign: 1_600_000,
                opposite_sign: at,
                greatest: Some(Greatest {
                    magnitude: 0.01 * own,
                    key: (*key).to_owned(),
                    element: at,
                    index: vec![0, at],
                }),
                ..Comparison::default()
            }),
            survival: Some(Survival {
                elements: 1_638_400,
                intended_squares: own,
                kept_squares: own * 0.98,
                products: own * 0.97,
                changed: 1_000 * at,
                ..Survival::default()
            }),
            ..Tensor::new((*key).to_owned(), block, State::Compared, form)
        }
    });
    Report {
        what: "diff".to_owned(),
        tensors: tensors.collect(),
        ..Report::default()
    }
}

#[test]
fn a_page_of_a_large_checkpoint_is_small_and_soon_there() {
    let report = large();
    let tensors = report.tensors.len();
    assert!(tensors > 2500, "{tensors}");
    let begun = Instant::now();
    let page = page(&report).expect("a page");
    let seconds = begun.elapsed().as_secs_f64();
    assert!(page.len() < 1_000_000, "{} bytes", page.len());
    // Without optimisation it takes ten times as long, and other tests run beside this one.
    let bound = if cfg!(debug_assertions) { 4.0 } else { 0.2 };
    assert!(seconds < bound, "{seconds} s");
    let rows = page.matches("<tr><td>").count();
    assert_eq!(rows, tensors + report.blocks().len());
    let last = &report.tensors[tensors - 1].key;
    assert!(page.contains(last.as_str()), "{last}");
}

#[test]
fn a_page_asks_nothing_of_others_and_no_name_steers_it() {
    let form = Form {
        dtype: "F32".to_owned(),
        shape: vec![1],
    };
    let key = "<script>alert(1)</script>\"&'";
    let tensor = Tensor {
        survival: Some(Survival {
            elements: 1,
            intended_squares: 4.0,
            products: 1.0,
            kept_squares: 1.0,
            ..Survival::default()
        }),
        ..Tensor::new(key.to_owned(), key.to_owned(), State::Computed, form)
    };
    let report = Report {
        what: "linear".to_owned(),
        subjects: vec![Subject {
            role: "a".to_owned(),
            path: key.to_owned(),
            fingerprint: None,
        }],
        notes: vec![key.to_owned()],
        tensors: vec![tensor],
        ..Report::default()
    };
    let page = page(&report).expect("a page");
    assert_eq!(page.matches("<script>").count(), 1, "ours");
    assert!(!page.contains("alert(1)<"), "a name");
    for word in ["http:", "https:", "src=", "@import", "url(", "<link"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("25.00%"), "the survival");
}

/// A browser of this machine.
pub fn browser() -> Option<PathBuf> {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome", "chrome"];
    let found = std::env::split_paths(&folders)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|path| path.is_file());
    if found.is_none() {
        println!("skipped the browser: this machine has no Chromium");
    }
    found
}

/// The document that a browser makes of a page, and what it says of errors.
pub fn shown(browser: &Path, folder: &Path, page: &Path) -> (String, String) {
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"])
        .args([
            "--enable-logging=stderr",
            "--v=0",
            "--virtual-time-budget=2000",
        ])
        .arg(format!(
            "--user-data-dir={}",
            folder.join("profile").display()
        ))
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("the browser runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn a_browser_shows_the_numbers_of_the_json_without_errors() {
    let Some(browser) = browser() else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = [1, 2].map(|model| family(folder.path(), Float::F32, model));
    let [a, b] = [&a, &b].map(|path| path.to_str().expect("UTF-8"));
    let page = folder.path().join("diff.html");
    let report = page.to_str().expect("UTF-8");
    let json = prints(
        folder.path(),
        &["diff", a, b, "--json", "-q", "--report", report],
    );
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let (document, errors) = shown(&browser, folder.path(), &page);
    let console: Vec<&str> = errors
        .lines()
        .filter(|line| line.contains("CONSOLE"))
        .collect();
    assert!(console.is_empty(), "{console:?}");
    for tensor in json["tensors"].as_array().expect("tensors") {
        let key = tensor["key"].as_str().expect("a name");
        assert!(document.contains(&format!(">{key}<")), "{key}");
        if let Some(cosine) = tensor["comparison"]["cosine"].as_f64() {
            assert!(
                document.contains(&format!("{cosine:.6}")),
                "{key}: {cosine}"
            );
        }
    }
    // The script sorts by what is clicked on.
    let text = std::fs::read_to_string(&page).expect("the page");
    let click = "<script>document.querySelectorAll('#tensors button')[4].click()</script></html>";
    std::fs::write(&page, text.replace("</html>", click)).expect("a writable folder");
    let (document, _) = shown(&browser, folder.path(), &page);
    assert!(document.contains("aria-sort=\"descending\""), "not sorted");
}

#[test]
fn statistics_have_a_page_too() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let a = family(folder.path(), Float::F32, 1);
    let a = a.to_str().expect("UTF-8");
    prints(
        folder.path(),
        &["inspect", a, "--stats", "--report", "a.html"],
    );
    let page = std::fs::read_to_string(folder.path().join("a.html")).expect("the page");
    assert!(page.contains("<td>layer.4.weight") && page.contains("root of the sum"));
    let output = run(folder.path(), &["inspect", a, "--report", "a.html"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--stats"), "{}", said(&output));
}

#[test]
fn a_merge_tells_what_survived_on_a_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = [1, 2].map(|model| family(folder.path(), Float::F32, model));
    let [a, b] = [&a, &b].map(|path| path.to_str().expect("UTF-8"));
    let merge = [
        "merge",
        "-M",
        "linear",
        a,
        b,
        "-o",
        "ab.safetensors",
        "-q",
        "--report",
    ];
    prints(folder.path(), &[&merge[..], &["ab.html"]].concat());
    let page = std::fs::read_to_string(folder.path().join("ab.html")).expect("the page");
    assert!(
        page.contains("survival") && page.contains("<td>layer.4.weight"),
        "{page}"
    );
    assert!(page.contains("1 tensor copied") && page.contains("<code>position_ids"));
    let refused = run(folder.path(), &[&merge[..], &["ab.pdf"]].concat());
    assert_eq!(refused.status.code(), Some(2));
}
