//! `wgmerge recipe`: what is wrong is shown where it stands, what is right is drawn.

use super::{refuses, succeeds};

const HEAD: &str = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n";

/// Checks the rest of a recipe with two models: the message, without the place line's blanks.
fn fault(rest: &str) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("r.mecha"), format!("{HEAD}{rest}")).expect("written");
    refuses(folder.path(), &["recipe", "check", "r.mecha"])
}

#[test]
fn a_fault_is_shown_with_line_column_token_and_suggestion() {
    assert_eq!(
        fault("merge \"weighted_sun\" &0 &1 alpha=0.5\n"),
        "error: there is no method \"weighted_sun\"\n --> r.mecha:4:7\n  |\n\
         4 | merge \"weighted_sun\" &0 &1 alpha=0.5\n  |       ^^^^^^^^^^^^^^ not known\n  |\n  \
         = help: did you mean \"weighted_sum\"?\n"
    );
    assert_eq!(
        fault("merge \"subtract\" &0 &1\nmerge \"add_difference\" &2 &0 1.0\n"),
        "error: line 5, merge \"add_difference\": `b` must be a task vector (delta), but is a \
         model (weight): subtract its base from it\n --> r.mecha:5:1\n  |\n\
         5 | merge \"add_difference\" &2 &0 1.0\n  | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^\n"
    );
}

/// The rest of a recipe, where its fault lies, and what is said of it.
const FAULTS: &[(&str, &str, &str)] = &[
    (
        "merge \"weighted_sum\" &0 &1 alpa=0.5",
        "4:28",
        "did you mean `alpha`?",
    ),
    (
        "merge \"weighted_sum\" &0 &5",
        "4:25",
        "only &0 to &1 come before",
    ),
    (
        "merge \"weighted_sum\" &0 &1 alpha=\"x\"",
        "4:28",
        "must be a finite number",
    ),
    (
        "merge \"weighted_sum\" &0 &1 alpha=inf",
        "4:28",
        "must be a finite number",
    ),
    (
        "merge \"weighted_sum\" &0",
        "4:1",
        "the input `b` is missing",
    ),
    (
        "merge \"subtract\" &0 &1\nmerge \"subtract\" &2 &0",
        "5:1",
        "add it to a model",
    ),
    (
        "merg \"weighted_sum\" &0 &1",
        "4:1",
        "did you mean `merge`?",
    ),
    (
        "merge \"weighted_sum\" &0 &1 alpha=0.5.5",
        "4:34",
        "`0.5.5` is no value",
    ),
    (
        "merge \"weighted_sum &0 &1",
        "4:7",
        "close it with a double quote",
    ),
    (
        "model \"c\" merge_space=\"wait\"",
        "4:11",
        "did you mean \"weight\"?",
    ),
    (
        "model \"c\" model_config=\"sdxl-sgn\"",
        "4:11",
        "did you mean `sdxl-sgm`?",
    ),
    (
        "merge \"ties_sum\" &0 &1 k=3.0",
        "4:24",
        "is 3, but must be in [0, 1]",
    ),
    (
        "merge \"ties_sum\" &0 &1 vote_sgn=0.3",
        "4:24",
        "must be true or false",
    ),
    (
        "merge \"no_such\" &0 &1",
        "4:7",
        "`wgmerge methods` lists the methods",
    ),
    ("merge \"subtract\" &0 &1 &0", "4:", "subtract"),
    ("dict a=1", "4:1", "end with a model or a merge"),
];

#[test]
fn every_fault_names_its_place_and_what_to_do() {
    for (rest, place, message) in FAULTS {
        let fault = fault(&format!("{rest}\n"));
        assert!(
            fault.contains(&format!("r.mecha:{place}")),
            "{rest}: {fault}"
        );
        assert!(fault.contains(message), "{rest}: {fault}");
        let shown = rest.lines().last().expect("a line");
        assert!(
            fault.contains(shown),
            "{rest}: the line is not shown: {fault}"
        );
    }
}

#[test]
fn a_recipe_is_drawn_in_three_forms() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = format!("{HEAD}merge \"subtract\" &0 &1\nmerge \"add_difference\" &0 &2 0.5\n");
    std::fs::write(folder.path().join("r.mecha"), text).expect("written");
    let show = |form: &str| succeeds(folder.path(), &["recipe", "show", "--as", form, "r.mecha"]);
    assert_eq!(
        succeeds(folder.path(), &["recipe", "show", "r.mecha"]),
        "[3] add_difference alpha=0.5\n├─ a: [0] a.safetensors (weight)\n└─ b: [2] subtract\n   \
         ├─ a: [0] a.safetensors (weight)\n   └─ b: [1] b.safetensors (weight)\n"
    );
    assert_eq!(
        show("dot"),
        "digraph recipe {\n    node [shape=box];\n    n0 [label=\"a.safetensors (weight)\"];\n    \
         n1 [label=\"b.safetensors (weight)\"];\n    n2 [label=\"subtract\"];\n    \
         n0 -> n2 [label=\"a\"];\n    n1 -> n2 [label=\"b\"];\n    \
         n3 [label=\"add_difference alpha=0.5\"];\n    n0 -> n3 [label=\"a\"];\n    \
         n2 -> n3 [label=\"b\"];\n}\n"
    );
    assert_eq!(
        show("mermaid"),
        "flowchart TD\n    n0[\"a.safetensors (weight)\"]\n    n1[\"b.safetensors (weight)\"]\n    \
         n2[\"subtract\"]\n    n0 -- a --> n2\n    n1 -- b --> n2\n    \
         n3[\"add_difference alpha=0.5\"]\n    n0 -- a --> n3\n    n2 -- b --> n3\n"
    );
    assert_eq!(
        succeeds(folder.path(), &["recipe", "check", "r.mecha"]),
        "r.mecha: 4 nodes, 2 models, depth 2\n"
    );
}

#[test]
fn fmt_writes_the_canonical_form_and_keeps_comments() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("r.mecha");
    let text = "# mine\r\n\r\nversion 0.1.0 \r\n  model  \"a=b.safetensors\"\r\n# two\r\n\
                model \"b.safetensors\"\r\nmerge \"weighted_sum\" &0 &1   alpha=1E-1\r\n\r\n";
    std::fs::write(&path, text).expect("written");
    let formatted = succeeds(folder.path(), &["recipe", "fmt", "r.mecha"]);
    let lines: Vec<&str> = formatted.lines().collect();
    assert_eq!(lines[0], "version 0.1.0");
    assert!(lines.contains(&"# mine") && lines.contains(&"# two"));
    assert!(
        lines.contains(&"merge \"weighted_sum\" &0 &1 alpha=0.1"),
        "{formatted}"
    );
    succeeds(folder.path(), &["recipe", "fmt", "-w", "r.mecha"]);
    // sd-mecha takes no line break at the end.
    let written = std::fs::read_to_string(&path).expect("written");
    assert_eq!(written, formatted);
    succeeds(folder.path(), &["recipe", "fmt", "-w", "r.mecha"]);
    assert_eq!(std::fs::read_to_string(&path).expect("written"), written);
}
