//! Where sd-mecha loses tensors, or what was meant, without a word: an error here, or a counted
//! line.

use std::path::Path;

use super::{refuses, succeeds, wgmerge};
use crate::support::models;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

const MODELS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/recipes/models");

/// Writes a recipe into a scratch folder and gives the arguments that run it.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Scratch {
        Scratch(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    fn recipe(&self, lines: &[&str]) -> Vec<String> {
        let text = format!("version 0.1.0\n{}\n", lines.join("\n"));
        std::fs::write(self.path("r.mecha"), text).expect("written");
        let (recipe, output) = (self.path("r.mecha"), self.path("out.safetensors"));
        ["run", &recipe, "-o", &output, "--force"]
            .map(str::to_owned)
            .to_vec()
    }

    fn refused(&self, lines: &[&str]) -> String {
        let arguments = self.recipe(lines);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let errors = refuses(Path::new(MODELS), &arguments);
        assert!(!self.0.path().join("out.safetensors").exists());
        errors
    }
}

/// Each message holds all of the parts.
#[track_caller]
fn says(errors: &str, parts: &[&str]) {
    for part in parts {
        assert!(errors.contains(part), "`{part}` in: {errors}");
    }
}

#[test]
fn a_partial_block_dict_is_refused_unless_it_has_a_default() {
    let scratch = Scratch::new();
    let partial = [
        "model \"sd1_a.safetensors\"",
        "model \"sd1_b.safetensors\"",
        "dict BASE=0.0 IN04=0.5",
        "merge \"convert_sd1_blocks_to_ldm\" &2",
        "merge \"weighted_sum\" &0 &1 &3",
    ];
    let errors = scratch.refused(&partial);
    says(&errors, &["has nothing for `IN00`", "fallback"]);
    let mut complete = partial[..4].to_vec();
    complete.extend([
        "merge \"fallback\" &3 0.25",
        "merge \"weighted_sum\" &0 &1 &4",
    ]);
    let arguments = scratch.recipe(&complete);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    succeeds(Path::new(MODELS), &arguments);
}

#[test]
fn an_unknown_block_is_refused() {
    let errors = Scratch::new().refused(&[
        "model \"sd1_a.safetensors\"",
        "model \"sd1_b.safetensors\"",
        "dict BASE=0.0 IN99=0.5",
        "merge \"convert_sd1_blocks_to_ldm\" &2",
        "merge \"fallback\" &3 0.25",
        "merge \"weighted_sum\" &0 &1 &4",
    ]);
    says(
        &errors,
        &["line 5", "no `IN99` in the names of sd1-supermerger_blocks"],
    );
}

#[test]
fn models_of_two_families_are_refused() {
    let errors = Scratch::new().refused(&[
        "model \"sd1_a.safetensors\"",
        "model \"sdxl_a.safetensors\"",
        "merge \"weighted_sum\" &0 &1",
    ]);
    says(&errors, &["sd1-ldm", "sdxl-sgm"]);
}

#[test]
fn a_wrong_config_is_refused_or_costs_nothing() {
    let scratch = Scratch::new();
    let lines = |config: &str| {
        let model = |name: &str| format!("model \"{name}.safetensors\" model_config=\"{config}\"");
        [
            model("sd1_a"),
            model("sd1_a"),
            "merge \"weighted_sum\" &0 &1".to_owned(),
        ]
    };
    let run = |config: &str| {
        let lines = lines(config);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        scratch.recipe(&lines)
    };
    let arguments = run("flux-flux");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    says(
        &refuses(Path::new(MODELS), &arguments),
        &["sd1_a.safetensors is said to be flux-flux"],
    );
    // With half its names in common the rest keeps its own names.
    let arguments = run("sdxl-sgm");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    succeeds(Path::new(MODELS), &arguments);
    let tensors = |path: &Path| Checkpoint::open(path).expect("sound").tensors().len();
    let found = tensors(Path::new(&scratch.path("out.safetensors")));
    assert_eq!(found, tensors(&Path::new(MODELS).join("sd1_a.safetensors")));
}

#[test]
fn a_missing_tensor_is_refused_and_then_counted() {
    let scratch = Scratch::new();
    let lines = [
        "model \"sd1_a.safetensors\"",
        "model \"sd1_no_vae.safetensors\"",
        "merge \"weighted_sum\" &0 &1",
    ];
    let errors = scratch.refused(&lines);
    says(&errors, &["sd1_no_vae.safetensors lacks", "--missing"]);
    let mut arguments = scratch.recipe(&lines);
    arguments.extend(["--missing", "skip"].map(str::to_owned));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = wgmerge(Path::new(MODELS), &arguments);
    assert!(run.status.success());
    let notes = String::from_utf8_lossy(&run.stderr);
    says(
        &notes,
        &[
            "sd1_no_vae.safetensors",
            " missing; `wgmerge plan` lists them",
        ],
    );
}

#[test]
fn a_truncated_input_is_refused() {
    let scratch = Scratch::new();
    let whole = std::fs::read(Path::new(MODELS).join("s_a.safetensors")).expect("a model");
    std::fs::write(scratch.path("cut.safetensors"), &whole[..whole.len() - 40]).expect("written");
    let model = format!("model \"{}\"", scratch.path("cut.safetensors"));
    let errors = scratch.refused(&[&model, &model, "merge \"weighted_sum\" &0 &1"]);
    says(&errors, &["cut.safetensors"]);
}

#[test]
fn an_output_that_is_an_input_is_refused() {
    let scratch = Scratch::new();
    let before = std::fs::read(Path::new(MODELS).join("s_a.safetensors")).expect("a model");
    std::fs::write(scratch.path("out.safetensors"), &before).expect("written");
    let model = format!("model \"{}\"", scratch.path("out.safetensors"));
    let arguments = scratch.recipe(&[&model, &model, "merge \"weighted_sum\" &0 &1"]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let errors = refuses(Path::new(MODELS), &arguments);
    says(&errors, &["out.safetensors", "input"]);
    assert!(std::fs::read(scratch.path("out.safetensors")).expect("kept") == before);
}

#[test]
fn a_failure_in_mid_merge_leaves_nothing() {
    let scratch = Scratch::new();
    let arguments = scratch.recipe(&[
        "model \"sd1_a.safetensors\"",
        "model \"sd1_nan.safetensors\"",
        "merge \"weighted_sum\" &0 &1",
    ]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = wgmerge(Path::new(MODELS), &arguments);
    assert_eq!(run.status.code(), Some(2));
    let errors = String::from_utf8_lossy(&run.stderr);
    says(&errors, &["sd1_nan.safetensors", "is not finite"]);
    let left: Vec<_> = std::fs::read_dir(scratch.0.path())
        .expect("a folder")
        .collect();
    assert_eq!(left.len(), 1, "the recipe alone: {left:?}");
}

#[test]
fn a_part_without_its_neighbours_cannot_be_joined() {
    // CLIP-G keeps q, k and v in one tensor: one of them alone cannot become it.
    let scratch = Scratch::new();
    let model = Checkpoint::open(&Path::new(MODELS).join("kohya_a.safetensors")).expect("sound");
    let mut queries = model
        .tensors()
        .keys()
        .filter(|key| key.ends_with("q_proj.weight"));
    let part = queries
        .find(|key| key.starts_with("te2."))
        .expect("a query");
    let exclude = part.replace("q_proj", "k_proj");
    let without = scratch.path("without_k.safetensors");
    without_tensor(
        &Path::new(MODELS).join("kohya_a.safetensors"),
        &exclude,
        Path::new(&without),
    );
    let source = format!("model \"{without}\" model_config=\"sdxl-kohya\"");
    let errors = scratch.refused(&[&source, "merge \"convert_'sdxl-kohya'_to_'sdxl-sgm'\" &0"]);
    says(&errors, &["without_k.safetensors", "k_proj"]);
}

/// Copies a checkpoint without one tensor.
fn without_tensor(from: &Path, name: &str, to: &Path) {
    use crate::support::models::{Tensor, write};
    use crate::support::tensors::stored;
    let mut all = stored(from);
    all.remove(name).expect("there");
    let tensors = all.into_iter().map(|(name, tensor)| Tensor {
        name,
        dtype: tensor.dtype,
        shape: tensor.shape,
        bytes: tensor.bytes,
    });
    write(to, &tensors.collect::<Vec<Tensor>>());
}

#[test]
fn a_shared_node_is_not_changed_by_its_uses() {
    let scratch = Scratch::new();
    let run = |lines: &[&str]| {
        let arguments = scratch.recipe(lines);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let options = ["--metadata", "none"];
        succeeds(Path::new(MODELS), &[&arguments[..], &options].concat());
        std::fs::read(scratch.path("out.safetensors")).expect("an output")
    };
    let [a, b] = ["model \"s_a.safetensors\"", "model \"s_b.safetensors\""];
    // The sum of a node and half its difference to itself is the node.
    let shared = run(&[
        a,
        b,
        "merge \"weighted_sum\" &0 &1 alpha=0.25",
        "merge \"subtract\" &2 &2",
        "merge \"add_difference\" &2 &3 alpha=0.5",
    ]);
    assert!(shared == run(&[a, b, "merge \"weighted_sum\" &0 &1 alpha=0.25"]));
}

#[test]
fn integers_stay_integers() {
    let scratch = Scratch::new();
    let arguments = scratch.recipe(&[
        "model \"sd1_a.safetensors\"",
        "model \"sd1_b.safetensors\"",
        "merge \"weighted_sum\" &0 &1",
    ]);
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    arguments.extend(["--dtype", "f16"]);
    succeeds(Path::new(MODELS), &arguments);
    let key = "cond_stage_model.transformer.text_model.embeddings.position_ids";
    let info = |path: &Path| {
        let model = Checkpoint::open(path).expect("sound");
        model.get(key).map(|info| info.dtype)
    };
    let from = info(&Path::new(MODELS).join("sd1_a.safetensors"));
    assert_eq!(info(Path::new(&scratch.path("out.safetensors"))), from);
}

/// What shows against the models alone is shown with the line of the recipe as well.
#[test]
fn a_type_that_no_block_can_have_is_refused() {
    let scratch = Scratch::new();
    let lines = |name: &str| {
        [
            "model \"sd1_a.safetensors\"".to_owned(),
            format!("dict BASE=\"float16\" IN04={name}"),
            "merge \"convert_sd1_blocks_to_ldm\" &1".to_owned(),
            "merge \"cast\" &0 dtype=&2".to_owned(),
        ]
    };
    for (name, shown) in [("\"flaot32\"", "\"flaot32\""), ("0.5", "0.5")] {
        let lines = lines(name);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let found = format!("but is {shown}");
        says(
            &scratch.refused(&lines),
            &[
                "input_blocks.4.",
                "dtype must be the name of a type",
                &found,
                "r.mecha:5:1",
            ],
        );
    }
    let device = [
        "model \"s_a.safetensors\"",
        "merge \"get_device\" &0",
        "merge \"cast\" &0 dtype=&1",
    ];
    says(&scratch.refused(&device), &["but is \"cpu\""]);
    let told = scratch.refused(&["model \"s_a.safetensors\"", "merge \"cast\" &0 dtype=&0"]);
    says(&told, &["`dtype` must be a parameter", "is a model"]);
}

#[test]
fn a_fault_of_the_models_is_shown_with_its_line() {
    let scratch = Scratch::new();
    let lines = [
        "model \"sd1_a.safetensors\"",
        "# the autoencoder",
        "merge \"pick_component\" &0 \"vea\"",
    ];
    let errors = scratch.refused(&lines);
    says(
        &errors,
        &[
            "sd1-ldm has no component `vea`",
            "r.mecha:4:1",
            "4 | merge \"pick_component\" &0 \"vea\"",
        ],
    );
}

#[test]
fn a_bound_never_stands_for_what_is_clamped() {
    let scratch = Scratch::new();
    let write = |name: &str, tensors: &[(&str, f32)]| {
        let tensors = tensors.iter();
        let tensors: Vec<_> = tensors
            .map(|(name, value)| models::floats(name, Float::F32, &[2], &[*value; 2]))
            .collect();
        models::write(Path::new(&scratch.path(name)), &tensors);
    };
    write("a.safetensors", &[("all", 20.0), ("no lower", 20.0)]);
    write("low.safetensors", &[("all", 3.0), ("no model", 3.0)]);
    write(
        "high.safetensors",
        &[("all", 10.0), ("no lower", 12.0), ("no model", 10.0)],
    );
    let arguments = scratch.recipe(&[
        "model \"a.safetensors\"",
        "model \"low.safetensors\"",
        "model \"high.safetensors\"",
        "merge \"clamp\" &0 &1 &2",
    ]);
    let mut line: Vec<&str> = arguments.iter().map(String::as_str).collect();
    line.extend(["--missing", "skip"]);
    succeeds(scratch.0.path(), &line);
    let output = Checkpoint::open(Path::new(&scratch.path("out.safetensors"))).expect("it opens");
    for (name, wanted) in [("all", 10.0), ("no lower", 12.0), ("no model", 3.0f32)] {
        let tensor = output.get(name).expect(name);
        let mut bytes = [0; 4];
        let read = output.read_at(tensor.file, tensor.span.start, &mut bytes);
        read.expect("its bytes");
        assert_eq!(f32::from_le_bytes(bytes), wanted, "{name}");
    }
}
