//! Texts of all forms that versions of sd-mecha wrote, and of tools whose texts are none.

use std::path::Path;
use std::sync::Arc;

use super::{refuses, succeeds};
use crate::support::models;
use crate::support::tensors::tensor;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;
use wgmerge::recipe::Options;
use wgmerge::recipe::mecha::{parse, read, write};

/// A folder with the models a (1), b (3) and what a test adds.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, value) in [("a", 1.0), ("b", 3.0)] {
        let tensor = models::floats("key", Float::F32, &[2, 2], &[value; 4]);
        models::write(
            &folder.path().join(format!("{name}.safetensors")),
            &[tensor],
        );
    }
    folder
}

fn run(folder: &Path, text: &str) -> f32 {
    std::fs::write(folder.join("r.mecha"), text).expect("written");
    succeeds(folder, &["recipe", "check", "r.mecha"]);
    let line = ["run", "r.mecha", "-o", "o.safetensors", "--force", "-q"];
    succeeds(folder, &line);
    let output = Checkpoint::open(&folder.join("o.safetensors")).expect("the output");
    let values = tensor(&output, "key");
    assert!(values.iter().all(|value| *value == values[0]), "{values:?}");
    values[0]
}

/// The recipe of a text, as it is written today.
fn written(text: &str) -> String {
    let script = parse(text).unwrap_or_else(|fault| panic!("{}", fault.render("x", text, false)));
    let recipe = read(&script, Options::default(), Arc::default());
    let recipe = recipe.unwrap_or_else(|fault| panic!("{}", fault.render("x", text, false)));
    write(&recipe).expect("words of today").to_string()
}

const WEIGHTS: &str = "version 0.1.0\n\
    model \"a.safetensors\" model_config=null merge_space=\"weight\"\n\
    model \"b.safetensors\" model_config=null merge_space=\"weight\"\n";

#[test]
fn what_released_versions_wrote_is_merged() {
    let folder = folder();
    // 0.0.3 and 0.0.4.
    let call = "model \"a.safetensors\"\nmodel \"b.safetensors\"\n\
                call \"weighted_sum\" &0 &1 alpha=0.25\n";
    assert_eq!(run(folder.path(), call), 1.5);
    let added = "model \"a\"\nmodel \"b\"\ncall \"subtract\" &1 &0\ncall \"add_difference\" &0 &2";
    assert_eq!(run(folder.path(), added), 2.0, "half was added then");
    // To 1.0.14.
    let scalar = format!(
        "{WEIGHTS}literal 0.25 model_config=\"singleton-mecha\" merge_space=\"param\"\n\
         merge \"convert_singleton\" &2\nmerge \"weighted_sum\" &0 &1 &3\n"
    );
    assert_eq!(run(folder.path(), &scalar), 1.5);
    // 1.1.2.
    let omitted = format!(
        "{WEIGHTS}merge \"weighted_sum\" &0 &1 0.25\ndict key=false\n\
         literal &3 model_config=\"singleton-mecha\" merge_space=\"param\"\n\
         merge \"convert_singleton\" &4\ndict key=true\n\
         literal &6 model_config=\"singleton-mecha\" merge_space=\"param\"\n\
         merge \"convert_singleton\" &7\nmerge \"omit_non_finite\" &2 &5 &8\n"
    );
    assert_eq!(run(folder.path(), &omitted), 1.5);
}

#[test]
fn a_number_per_tensor_may_lie_in_a_file() {
    let folder = folder();
    for shape in [&[][..], &[1], &[1, 1]] {
        let tensor = models::floats("key", Float::F32, shape, &[0.25]);
        models::write(&folder.path().join("alpha.safetensors"), &[tensor]);
        let text = format!(
            "{WEIGHTS}model \"alpha.safetensors\" model_config=null merge_space=\"param\"\n\
             merge \"weighted_sum\" &0 &1 &2\n"
        );
        assert_eq!(run(folder.path(), &text), 1.5, "{shape:?}");
    }
}

#[test]
fn yes_and_no_of_every_version_are_the_same() {
    let ties = |flag: &str| {
        let deltas = WEIGHTS.replace("weight", "delta");
        written(&format!(
            "{deltas}merge \"ties_sum\" &0 &1 k=0.5 vote_sgn={flag}\n"
        ))
    };
    for flag in ["True", "1", "1.0"] {
        assert_eq!(ties(flag), ties("true"));
    }
    for flag in ["False", "0"] {
        assert_eq!(ties(flag), ties("false"));
    }
}

#[test]
fn a_value_for_a_component_is_one_for_its_tensors() {
    let text = "version 0.1.0\nmodel \"a\" model_config=\"sd1-ldm\" merge_space=\"weight\"\n\
                model \"b\" model_config=\"sd1-ldm\" merge_space=\"weight\"\n\
                literal 0.1 model_config=\"sd1-ldm\" merge_space=\"param\"\n\
                merge \"pick_component\" &2 \"clip_l\"\n\
                literal 0.7 model_config=\"sd1-ldm\" merge_space=\"param\"\n\
                merge \"pick_component\" &4 \"diffuser\"\nmerge \"fallback\" &3 &5\n\
                merge \"fallback\" &6 0.2\nmerge \"weighted_sum\" &0 &1 &7\n";
    let again = written(text);
    assert_eq!(written(&again), again);
    assert!(again.contains("dict key=0.7"), "{again}");
}

#[test]
fn a_literal_that_is_the_result_is_read_back() {
    let text = "version 0.1.0\ndict a=1.0\nliteral &0";
    assert_eq!(written(text), text);
}

#[test]
fn omissions_of_a_kind_are_written_back() {
    let text = format!("{WEIGHTS}merge \"omit_non_finite\" &0 false true\n");
    let again = written(&text);
    assert_eq!(written(&again), again);
    assert!(again.contains("dict key=false"), "{again}");
    let all = written(&format!(
        "{WEIGHTS}merge \"omit_non_finite\" &0 true true\n"
    ));
    assert_eq!(
        all,
        written(&format!("{WEIGHTS}merge \"omit_non_finite\" &0\n"))
    );
}

#[test]
fn the_old_form_has_no_escapes_and_leaves_the_extension_away() {
    let folder = folder();
    let tensor = models::floats("key", Float::F32, &[2, 2], &[5.0; 4]);
    models::write(&folder.path().join("d\\c.safetensors"), &[tensor]);
    let text = "model \"a\"\nmodel \"d\\c\"\nmerge \"weighted_sum\" &0 &1 alpha=0.5";
    assert_eq!(run(folder.path(), text), 3.0);
    let formatted = succeeds(folder.path(), &["recipe", "fmt", "r.mecha"]);
    assert_eq!(formatted, text);
    let dotted = "model \"v1.5\"";
    let script = parse(dotted).expect("a text");
    let recipe = read(&script, Options::default(), Arc::default()).expect("a recipe");
    assert_eq!(recipe.models[0].as_os_str(), "v1.5");
}

#[test]
fn what_is_not_read_names_the_version_or_the_method() {
    let fault = |text: &str| {
        let fault = parse(text)
            .and_then(|script| read(&script, Options::default(), Arc::default()))
            .expect_err(text);
        fault.render("x.mecha", text, false)
    };
    let lora = fault("model \"a\"\nlora \"b\"\ncall \"add_difference\" &0 &1 alpha=1.0");
    assert!(lora.contains("sd-mecha 0.0.3 and 0.0.4"), "{lora}");
    let call = fault("version 0.1.0\nmodel \"a\"\ncall \"n_average\" &0 &0");
    assert!(call.contains("must not have it"), "{call}");
    let bounds = "model \"a\"\nmodel \"b\"\nmerge \"clip\" &0 &1 &0 &1 stiffness=";
    let clip = fault(&format!("{bounds}0.5"));
    assert!(clip.contains("half-way between the outer bounds"), "{clip}");
    assert!(written(&format!("{bounds}0.0")).contains("merge \"clamp\" &0 &1 &0 &1"));
    for method in ["extract_lora_'sd1-ldm'", "copy_top_k"] {
        let text = format!("{WEIGHTS}merge \"{method}\" &0 &1");
        let shown = fault(&text);
        let wanted = format!("the method \"{method}\" of sd-mecha is not there");
        assert!(shown.contains(&wanted), "{shown}");
    }
}

#[test]
fn names_of_blocks_are_checked_without_models() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let dict = |names: &str| {
        let text = format!(
            "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\ndict {names}\n\
             literal &2 model_config=\"sd1-supermerger_blocks\" merge_space=\"param\"\n\
             merge \"convert_sd1_blocks_to_ldm\" &3\nmerge \"fallback\" &4 0.5\n\
             merge \"weighted_sum\" &0 &1 &5\n"
        );
        std::fs::write(folder.path().join("r.mecha"), text).expect("written");
    };
    // Tables for both families have it; SD1 models have no block for it.
    dict("VAE=0.5 BASE=0.5");
    succeeds(folder.path(), &["recipe", "check", "r.mecha"]);
    dict("BASE=0.5 IN99=0.5");
    let errors = refuses(folder.path(), &["recipe", "check", "r.mecha"]);
    assert!(errors.contains("there is no `IN99`"), "{errors}");
    assert!(errors.contains("r.mecha:5:1"), "{errors}");
}

#[test]
fn a_recipe_of_mergekit_is_read_as_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let yaml = "# a merge\nmodels:\n  - model: \"a\"\n    parameters:\n      weight: 0.5\n\
                merge_method: linear\ndtype: float16\n";
    std::fs::write(folder.path().join("config.yml"), yaml).expect("written");
    let plan = ["plan", "config.yml"];
    let run = ["run", "config.yml", "-o", "o.safetensors"];
    for line in [&plan[..], &run] {
        let errors = refuses(folder.path(), line);
        assert!(errors.contains("there is no model a"), "{errors}");
        assert!(errors.contains("config.yml:3:12"), "{errors}");
    }
    let said = succeeds(folder.path(), &["recipe", "check", "config.yml"]);
    assert_eq!(said, "config.yml: 1 merge of 1 model\n");
}

#[test]
fn texts_without_an_end_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for line in [
        &["recipe", "check", "/dev/zero"][..],
        &["recipe", "check", "/dev/null", "--config", "/dev/zero"],
    ] {
        let errors = refuses(folder.path(), line);
        assert!(
            errors.contains("/dev/zero is larger than 16 MiB") || line.len() > 3,
            "{errors}"
        );
    }
}

#[test]
fn a_formatted_file_is_replaced_where_a_link_leads() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("r.mecha"), "version 0.1.0\n\n  model   \"a\"\n").expect("written");
    std::os::unix::fs::symlink("r.mecha", path("link.mecha")).expect("a link");
    let before = std::fs::metadata(path("r.mecha"))
        .expect("a file")
        .permissions();
    succeeds(folder.path(), &["recipe", "fmt", "--write", "link.mecha"]);
    let text = std::fs::read_to_string(path("r.mecha")).expect("a file");
    assert_eq!(text, "version 0.1.0\nmodel \"a\"");
    assert!(path("link.mecha").is_symlink());
    let after = std::fs::metadata(path("r.mecha"))
        .expect("a file")
        .permissions();
    assert_eq!(before, after);
    let left = std::fs::read_dir(folder.path()).expect("a folder").count();
    assert_eq!(left, 2, "no other file stays");
}

#[test]
fn parameters_are_given_models() {
    let folder = folder();
    // As one of sd-mecha's examples.
    let text = "parameter \"a\" \"MODEL\"\nparameter \"b\" \"MODEL\"\n\
                call \"weighted_sum\" &0 &1 alpha=0.5";
    std::fs::write(folder.path().join("r.mecha"), text).expect("written");
    let line = |set: &[&'static str]| {
        let set = set.iter().flat_map(|given| ["--set", given]);
        let line = ["run", "r.mecha", "o.safetensors", "-q"].into_iter();
        line.chain(set).collect::<Vec<_>>()
    };
    for (set, wanted) in [
        (&["a=a.safetensors"][..], "wgmerge run --set NAME=PATH"),
        (&["a=a", "c=b"], "no parameter `c`"),
        (&["a=a", "a=b"], "gives `a` twice"),
        (&["a"], "a parameter's name, =, and a model"),
    ] {
        let errors = refuses(folder.path(), &line(set));
        assert!(errors.contains(wanted), "{errors}");
    }
    let plan = ["plan", "r.mecha", "--set", "a=a", "--set", "b=b"];
    succeeds(folder.path(), &plan);
    succeeds(folder.path(), &line(&["a=a.safetensors", "b=b"]));
    let output = Checkpoint::open(&folder.path().join("o.safetensors")).expect("the output");
    assert_eq!(tensor(&output, "key"), [2.0; 4]);
    let delta = text.replace("\"b\" \"MODEL\"", "\"b\" \"DELTA\" \"sd1\"");
    std::fs::write(folder.path().join("r.mecha"), delta).expect("written");
    let errors = refuses(folder.path(), &line(&["a=a", "b=b"]));
    assert!(
        errors.contains("`b` is a DELTA, which no file is"),
        "{errors}"
    );
}
