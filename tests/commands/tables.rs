//! What is generated from tables: methods, completions, the manual, help; and measurements.

use serde_json::Value;

use super::{BASE, FLIP, json, refuses, succeeds};

#[test]
fn methods_lists_and_describes() {
    let list = succeeds(&["methods"]);
    for method in wgmerge::method::METHODS {
        assert!(list.contains(&format!("\n{} ", method.id)), "{}", method.id);
        let text = succeeds(&["methods", method.id]);
        assert!(text.contains(method.formula), "{text}");
        for parameter in method.parameters {
            assert!(
                text.contains(&format!("\n-p {}\n", parameter.name)),
                "{text}"
            );
            assert!(text.contains(parameter.help), "{text}");
        }
    }
    assert_eq!(
        succeeds(&["methods", "add_difference"]),
        "\
add_difference: adds the difference of the second and third model to the first

formula  a + alpha (b - c)
source   supermerger `Add difference`; sd-mecha `add_difference` of a `subtract`
base     none
models   3
spaces   a weight, b weight, c weight to weight
blocks   --block-weights sets alpha

-p alpha
    how much of the difference is added
    a finite number; default 1

add_difference (in recipes): adds a multiple of a task vector

formula  a + alpha b
source   sd-mecha `add_difference`
base     none
models   2
spaces   a any, b delta to any
blocks   --block-weights sets alpha

-p alpha
    factor of the difference
    a finite number; default 1; a recipe may give one per element
"
    );
    let message = refuses(&["methods", "tie"]);
    assert!(message.contains("'ties'"), "{message}");
}

#[test]
fn methods_as_json() {
    let all = json(&["methods", "--json"]);
    let all = all.as_array().expect("a list");
    assert_eq!(all.len(), wgmerge::method::all().count());
    let dare = json(&["methods", "dare_linear", "--json"]);
    assert!(all.contains(&dare));
    assert_eq!(dare["base"], "required");
    assert_eq!(dare["models_max"], Value::Null);
    let density = dare["parameters"].as_array().expect("a list");
    let density = density.iter().find(|p| p["name"] == "density");
    let density = density.expect("density");
    assert_eq!(density["complement"], "drop");
    assert_eq!(density["default"], 1.0);
}

#[test]
fn completions_and_manual() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = succeeds(&["completions", shell]);
        assert!(script.contains("max-shard-size"), "{shell}");
    }
    let page = succeeds(&["man"]);
    for command in [
        "MERGE",
        "PLAN",
        "INSPECT",
        "METHODS",
        "BENCH",
        "COMPLETIONS",
        "MAN",
    ] {
        assert!(
            page.contains(&format!(".SH \"WGMERGE {command}\"")),
            "{command}"
        );
    }
    let folder = tempfile::tempdir().expect("scratch");
    let dir = folder.path().to_str().expect("UTF-8");
    assert_eq!(succeeds(&["man", "--dir", dir]), "");
    for name in ["wgmerge.1", "wgmerge-merge.1", "wgmerge-inspect.1"] {
        assert!(folder.path().join(name).is_file(), "{name}");
    }
    let missing = folder.path().join("missing");
    let message = refuses(&["man", "--dir", missing.to_str().expect("UTF-8")]);
    assert!(message.ends_with("hint: create it first\n"), "{message}");
}

#[test]
fn bench_measures_and_leaves_nothing() {
    let folder = tempfile::tempdir().expect("scratch");
    let dir = folder.path().to_str().expect("UTF-8");
    let common = ["bench", "--device", "cpu", "--threads", "1", "--dir", dir];
    let value = json(&[&common[..], &["--json", "--bytes", "1MiB"]].concat());
    let kernels = value["kernels"].as_array().expect("a list");
    assert_eq!(kernels.len(), 2 * wgmerge::method::METHODS.len());
    for row in kernels
        .iter()
        .chain(value["memory_copy"].as_array().expect("a list"))
    {
        assert!(row["gb_per_s"].as_f64().expect("a number") > 0.0, "{row}");
    }
    assert_eq!(value["disk"]["bytes"], 1 << 20);
    assert_eq!(
        std::fs::read_dir(folder.path()).expect("scratch").count(),
        0
    );
    let small = refuses(&[&common[..], &["--bytes", "1kB"]].concat());
    assert!(small.contains("must be from 1MiB to 64GiB"), "{small}");
    let missing = refuses(&["bench", "--device", "cpu", "--dir", "tests/none"]);
    assert!(
        missing.starts_with("error: cannot create a file in tests/none"),
        "{missing}"
    );
}

#[test]
fn options_are_words_of_the_tables() {
    let message = refuses(&["plan", "-M", "linear", BASE, FLIP, "--dtype", "f17"]);
    for float in wgmerge::dtype::Float::ALL {
        assert!(message.contains(float.name()), "{message}");
    }
    let help = succeeds(&["merge", "--help"]);
    for word in [
        "keep, f64, f32",
        "error, skip, base",
        "none, recipe, full",
        "wgmerge methods",
    ] {
        assert!(help.contains(word), "{word}: {help}");
    }
    for method in wgmerge::method::METHODS {
        assert!(help.contains(method.id), "{}", method.id);
    }
}
