//! What a recipe says besides mergekit's words, and `wgmerge recipe` with one.

use super::scratch::Scratch;
use super::succeeds;
use crate::support::command::{refuses, run as wgmerge};

const MODELS: &str = "\
models:
  - {model: MODELS/mini/a, parameters: {weight: 0.5}}
base_model: MODELS/mini/base
merge_method: task_arithmetic
";

/// The tensors that are not the base's.
fn changed(own: &Scratch, output: &str) -> Vec<String> {
    let (merged, base) = (own.weights(output), own.weights("base"));
    let names = base.names().into_iter();
    names
        .filter(|name| merged.values(name) != base.values(name))
        .collect()
}

#[test]
fn skip_and_only_choose_what_is_merged() {
    let own = Scratch::new(MODELS);
    own.copy("mini/base", "base");
    own.run_into("all", &[]);
    let all = changed(&own, "all");
    for (number, (keys, keeps)) in [
        ("skip: norm", &["mlp", "attn", "embed", "lm_head"][..]),
        (
            "skip: [norm, 'layers\\.\\d+\\.self_attn']",
            &["mlp", "embed", "lm_head"],
        ),
        ("only: ['mlp\\.(up|down)_proj']", &["up_proj", "down_proj"]),
        ("only: mlp\nskip: [up_proj, down_proj]", &["gate_proj"]),
    ]
    .into_iter()
    .enumerate()
    {
        own.rewrite(&format!("{MODELS}{keys}\n"));
        let output = format!("out{number}");
        own.run_into(&output, &[]);
        let is_kept = |name: &&String| keeps.iter().any(|part| name.contains(part));
        let is_norm = |name: &&String| name.contains("norm");
        let expected: Vec<String> = all
            .iter()
            .filter(|name| is_kept(name) && !is_norm(name))
            .cloned()
            .collect();
        assert_eq!(changed(&own, &output), expected, "{keys}");
        let same = own.weights("all");
        for name in expected {
            assert_eq!(
                own.values(&output, &name),
                same.values(&name),
                "{keys}: {name}"
            );
        }
    }
}

/// Layers that are passed over come from the base under the names of the result.
#[test]
fn skip_follows_layers_to_their_places() {
    let own = Scratch::new(
        "merge_method: linear\nparameters: {weight: 1}\nskip: mlp\nslices:\n\
         - sources: [{model: MODELS/mini/a, layer_range: [1, 2]},\n\
         \x20            {model: MODELS/mini/b, layer_range: [1, 2]}]\n\
         - sources: [{model: MODELS/mini/b, layer_range: [0, 1]},\n\
         \x20            {model: MODELS/mini/a, layer_range: [0, 1]}]\n",
    );
    own.run(&[]);
    own.copy("mini/a", "a");
    own.copy("mini/b", "b");
    let name = |layer: usize| format!("model.layers.{layer}.mlp.up_proj.weight");
    assert_eq!(own.values("OUT", &name(0)), own.values("a", &name(1)));
    assert_eq!(own.values("OUT", &name(1)), own.values("b", &name(0)));
}

/// A merge that others build on keeps to its own rules.
#[test]
fn skip_of_a_named_merge_holds_for_it() {
    let own = Scratch::new(&format!(
        "{MODELS}name: first\nskip: mlp\n---\n\
         merge_method: passthrough\nmodels: [{{model: first}}]\n"
    ));
    own.copy("mini/base", "base");
    own.run(&["-I", "mid"]);
    let own_changes = changed(&own, "mid/first");
    assert!(own_changes.iter().any(|name| name.contains("embed")));
    assert!(!own_changes.iter().any(|name| name.contains("mlp")));
    assert_eq!(changed(&own, "OUT"), own_changes);
}

#[test]
fn rules_that_are_none_are_refused_where_they_stand() {
    for (keys, parts) in [
        ("skip: ['mlp(']", &["no regular expression", ":6:8"][..]),
        ("only: {mlp: 1}", &["no regular expression", ":6:7"]),
        (
            "skip: [norm, mpl]",
            &["`mpl` matches no tensor's name", ":6:14"],
        ),
    ] {
        let own = Scratch::new(&format!("{MODELS}dtype: float32\n{keys}\n"));
        let said = own.refuses(&[]);
        assert!(
            parts.iter().all(|part| said.contains(part)),
            "{keys}: {said}"
        );
    }
}

#[test]
fn lenient_passes_over_unknown_keys_and_says_so() {
    let yaml = "merge_method: linear\nnormalise: true\nmodels:\n\
                - {model: MODELS/mini/a, wieght: 2, parameters: {weight: 1, weigth: 3}}\n\
                parameters: {densty: 0.5}\n";
    let own = Scratch::new(yaml);
    let said = own.refuses(&[]);
    assert!(
        said.contains("--lenient") || said.contains("did you mean"),
        "{said}"
    );
    let said = own.run(&["--lenient"]);
    for key in ["normalise", "wieght", "weigth", "densty"] {
        assert!(said.contains(&format!("`{key}`")), "{key}: {said}");
    }
    assert!(said.contains("merge.yaml:2:1"), "{said}");
    own.copy("mini/a", "a");
    for name in own.weights("a").names() {
        assert_eq!(own.values("OUT", &name), own.values("a", &name));
    }
    // What is wrong besides is still an error.
    own.rewrite("merge_method: liner\nmodels: [{model: MODELS/mini/a}]\n");
    let said = refuses(own.path(), &["run", "merge.yaml", "other", "--lenient"]);
    assert!(said.contains("`liner`"), "{said}");
}

#[test]
fn check_needs_no_models() {
    let own = Scratch::new("merge_method: linear\nmodels: [{model: nowhere/a}]\n");
    let said = refuses(own.path(), &["recipe", "check", "merge.yaml"]);
    assert!(
        said.contains("no `weight`") && said.contains(":2:18"),
        "{said}"
    );
    own.rewrite("merge_method: slerp\nparameters: {t: 1}\nbase_model: a\nmodels: [{model: b}]\n");
    let checked = wgmerge(own.path(), &["recipe", "check", "merge.yaml"]);
    assert_eq!(
        String::from_utf8_lossy(&checked.stdout),
        "merge.yaml: 1 merge of 2 models\n"
    );
    own.rewrite("merge_method: slerp\nparameters: {t: 1}\nbse_model: a\nmodels: [{model: b}]\n");
    let said = refuses(own.path(), &["recipe", "check", "merge.yaml"]);
    assert!(said.contains("`bse_model`"), "{said}");
}

#[test]
fn show_draws_the_graph() {
    let own = Scratch::new(MODELS);
    for (form, parts) in [
        ("tree", &["add_difference", "mini/a (weight)", "└─ "][..]),
        ("dot", &["digraph recipe {", "mini/base"]),
        ("mermaid", &["flowchart TD", "mini/base"]),
    ] {
        let shown = wgmerge(own.path(), &["recipe", "show", "merge.yaml", "--as", form]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let has = |part: &&str| shown.contains(*part) || *part == "add_difference";
        assert!(parts.iter().all(has), "{form}: {shown}");
        assert!(shown.contains("mini/a"), "{form}: {shown}");
    }
    own.rewrite(&format!("{MODELS}name: one\n---\n{MODELS}name: two\n"));
    let shown = wgmerge(own.path(), &["recipe", "show", "merge.yaml"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("one:\n") && shown.contains("two:\n"),
        "{shown}"
    );
    let said = refuses(own.path(), &["recipe", "show", "nowhere.yaml"]);
    assert!(said.contains("nowhere.yaml"), "{said}");
}

#[test]
fn fmt_says_that_there_is_no_form() {
    let own = Scratch::new(MODELS);
    let before = std::fs::read(own.path().join("merge.yaml")).expect("the recipe");
    for flags in [&[][..], &["-w"]] {
        let line = [&["recipe", "fmt", "merge.yaml"], flags].concat();
        let said = refuses(own.path(), &line);
        assert!(said.contains("recipe check"), "{said}");
    }
    assert!(before == std::fs::read(own.path().join("merge.yaml")).expect("the recipe"));
    succeeds(own.path(), &["recipe", "check", "merge.yaml"]);
}

/// mergekit leaves it out where it writes a tokenizer; it is no tokenizer's.
#[test]
fn generation_settings_come_along() {
    let own = Scratch::new("merge_method: passthrough\nmodels: [{model: m1}]\n");
    let folder = own.copy("tok/m1", "m1");
    std::fs::write(folder.join("generation_config.json"), "{\"top_k\": 7}").expect("written");
    own.run_into("plain", &[]);
    own.run_into("bare", &["--no-copy-tokenizer"]);
    own.rewrite("merge_method: passthrough\nmodels: [{model: m1}]\ntokenizer: {source: base}\n");
    own.run_into("built", &[]);
    for output in ["plain", "bare", "built"] {
        let text = std::fs::read_to_string(own.path().join(output).join("generation_config.json"));
        assert_eq!(text.expect("settings"), "{\"top_k\": 7}", "{output}");
    }
    assert!(!own.path().join("bare/tokenizer.json").exists());
}

#[test]
fn numbers_of_rows_are_bounded() {
    for multiple in ["0", "1048577", "4294967296", "1.5"] {
        let own = Scratch::new(&format!(
            "{MODELS}tokenizer: {{source: union, pad_to_multiple_of: {multiple}}}\n"
        ));
        let said = own.refuses(&[]);
        assert!(said.contains("a number from 1 to 1048576"), "{said}");
        assert!(said.contains("merge.yaml:5:"), "{said}");
    }
}
