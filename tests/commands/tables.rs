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
others   supermerger `Add difference`, sd-meh `add_difference`, Chattiori `AD`, sd-mecha \
`add_difference` (of a `subtract`)
base     none
models   3
spaces   a weight, b weight, c weight to weight
blocks   --block-weights sets alpha

-p alpha
    how much of the difference is added
    a finite number; default 1

add_difference (in recipes): adds a multiple of a task vector

formula  a + alpha b
others   sd-mecha `add_difference`
base     none
models   2
spaces   a any, b delta to any
by flag  by this name `merge` means the method above
blocks   --block-weights sets alpha

-p alpha
    factor of the difference
    a finite number; default 1; a recipe may give one per element
"
    );
    let message = refuses(&["methods", "teis"]);
    assert!(message.contains("`ties`"), "{message}");
}

/// The names of methods in a list.
fn listed(words: &[&str]) -> Vec<String> {
    let list = succeeds(&[&["methods"], words].concat());
    let tables = list.split("\n\n");
    let rows = tables.flat_map(|table| table.lines().skip(1));
    let names = rows.filter(|row| !row.starts_with([' ', '`']));
    let names = names.map(|row| row.split("  ").next().expect("a cell").to_owned());
    names.filter(|name| !name.starts_with("finds ")).collect()
}

#[test]
fn methods_are_found_by_words() {
    assert_eq!(
        listed(&["trainDifference"]),
        ["add_train_difference", "train_difference_mask (in recipes)"]
    );
    assert_eq!(listed(&["CHATTIORI", "norm"]), ["normalized_sum"]);
    assert!(listed(&["2306.01708"]).contains(&"ties".to_owned()));
    let fallback = listed(&["fall"]);
    assert!(fallback.contains(&"fallback".to_owned()), "{fallback:?}");
    let found = json(&["methods", "supermerger", "twice", "--json"]);
    assert_eq!(found[0]["id"], "sum_twice");
    assert_eq!(found.as_array().map(Vec::len), Some(1));
    let message = refuses(&["methods", "no", "such"]);
    assert!(message.contains("no method `no such`"), "{message}");
}

#[test]
fn methods_as_json() {
    let all = json(&["methods", "--json"]);
    let all = all.as_array().expect("a list");
    let methods = all.iter().filter(|entry| entry["kind"] == "method");
    assert_eq!(methods.count(), wgmerge::method::all().count());
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
    let file = folder.path().join("wgmerge.1");
    let message = refuses(&["man", "--dir", file.to_str().expect("UTF-8")]);
    assert!(message.starts_with("error: cannot create "), "{message}");
}

/// The commands of the program, those below others included, by their help.
fn commands(words: &[&str], found: &mut Vec<String>) {
    let help = succeeds(&[words, &["--help"]].concat());
    found.push(words.join(" "));
    let below = help
        .split_once("\nCommands:\n")
        .map_or("", |(_, below)| below);
    let below = below.lines().take_while(|line| line.starts_with("  "));
    for name in below.filter_map(|line| line.split_whitespace().next()) {
        if name != "help" {
            commands(&[words, &[name]].concat(), found);
        }
    }
}

/// The lines that stand under `Examples:`, each command as one text.
fn examples(help: &str) -> Vec<String> {
    let (_, part) = help.split_once("\nExamples:\n").expect("examples");
    let (part, _) = part.split_once("\nExit status:\n").expect("exit codes");
    let part = part.split("\nModels:\n").next().unwrap_or(part);
    let lines = part.lines().filter_map(|line| line.strip_prefix("    "));
    let text = lines.collect::<Vec<_>>().join("\n").replace("\\\n", " ");
    text.lines().map(str::to_owned).collect()
}

/// Every help has examples that the program understands, and fits a terminal.
#[cfg(unix)]
#[test]
fn every_help_has_examples_that_work() {
    let mut all = Vec::new();
    commands(&[], &mut all);
    assert!(all.len() > 12, "{all:?}");
    let folder = tempfile::tempdir().expect("scratch");
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_wgmerge"));
    let page = succeeds(&["man"]);
    for command in all {
        let words: Vec<&str> = command.split_whitespace().collect();
        let help = succeeds(&[&words[..], &["--help"]].concat());
        assert!(help.contains("  130  interrupted"), "{help}");
        for line in help.lines().skip_while(|line| *line != "Examples:") {
            assert!(line.chars().count() <= 80, "{line}");
        }
        let examples = examples(&help);
        assert!(!examples.is_empty(), "{command}");
        for example in examples {
            assert!(
                example.starts_with(&format!("wgmerge {command}")),
                "{example}"
            );
            let shown = example.split(" > ").next().unwrap_or_default();
            let shown = shown.split(" | ").next().unwrap_or_default();
            let shown = shown.split(" < ").next().unwrap_or_default();
            let typed: Vec<&str> = shown.split_whitespace().collect();
            // The manual escapes hyphens.
            assert!(page.contains(&typed[1].replace('-', "\\-")), "{example}");
            // Nothing is there to merge; what counts is that the arguments are understood.
            let script = shown
                .replacen("wgmerge", "\"$0\"", 1)
                .replace("/models", ".");
            let script = script
                .replace("4GiB", "1MiB")
                .replace("~/.local/share/", "");
            let output = std::process::Command::new("sh")
                .current_dir(folder.path())
                .args(["-c", &script])
                .arg(binary)
                .stdin(std::process::Stdio::null())
                .output()
                .expect("a shell");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(!errors.contains("Usage:"), "{example}: {errors}");
            assert!(!errors.contains("--help"), "{example}: {errors}");
        }
    }
    assert_eq!(
        page.matches("EXAMPLES").count(),
        page.matches("SYNOPSIS").count()
    );
    assert!(page.contains(".SH \"EXIT STATUS\""));
}

/// Options stand in groups, and what lists things fits a terminal.
#[test]
fn tables_fit_a_terminal_and_options_are_grouped() {
    for args in [&["methods"][..], &["configs"]] {
        for line in succeeds(args).lines() {
            assert!(line.chars().count() <= 80, "{args:?}: {line}");
        }
    }
    let help = succeeds(&["merge", "--help"]);
    for heading in [
        "\nWhat is computed:\n",
        "\nOutput:\n",
        "\nWhere the work is done:\n",
    ] {
        assert!(help.contains(heading), "{heading}");
    }
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
