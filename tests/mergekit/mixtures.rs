//! Dense models as the experts of a mixture: what mergekit-moe makes of the same texts.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use super::cases::Case;
use super::compare::{Weights, differs, strays};
use super::scratch::Scratch;
use super::succeeds;

/// The folder of the mixtures that mergekit built.
fn mixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mergekit-moe")
}

const ALL: [&str; 5] = [
    "qwen3",
    "mixtral",
    "qwen_of_mistral",
    "qwen_of_qwen2",
    "deepseek",
];

/// Builds a mixture with mergekit's command line.
fn built(name: &str, output: &Path) {
    let yaml = mixtures().join("yaml").join(format!("{name}.yaml"));
    let [yaml, output] = [&yaml, output].map(|path| path.to_str().expect("UTF-8"));
    let flags = ["--random-seed", "5", "--device", "cpu", "--load-in-4bit"];
    let line = [&["mergekit-moe", yaml, output][..], &flags].concat();
    succeeds(&mixtures().join("models"), &line);
}

/// Every matrix is the expert's to the bit, gates are those that torch draws.
#[test]
fn weights_are_mergekits() {
    for name in ALL {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("out");
        built(name, &output);
        let case = Case {
            name: name.to_owned(),
            topic: "moe".to_owned(),
            fields: json!({"tolerance": {"kind": "exact", "except": "gates"}}),
        };
        let expected = Weights::open(&mixtures().join("out").join(name));
        let found = Weights::open(&output);
        if let Err(fault) = differs(&case, &found, &expected) {
            panic!("{name}: {fault}");
        }
        assert_eq!(strays(&found, &expected), Vec::<String>::new(), "{name}");
    }
}

fn config(folder: &Path) -> Map<String, Value> {
    let text = std::fs::read_to_string(folder.join("config.json")).expect("a configuration");
    serde_json::from_str(&text).expect("JSON")
}

/// transformers writes all that it knows of a configuration; what is written here is the same.
#[test]
fn configurations_are_mergekits() {
    for name in ALL {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let output = folder.path().join("out");
        built(name, &output);
        let (own, theirs) = (config(&output), config(&mixtures().join("out").join(name)));
        for (field, value) in &own {
            // The hub's name of it; transformers 5 writes another one, and reads both.
            let renamed = name == "qwen3" && field == "num_experts";
            let field = if renamed { "num_local_experts" } else { field };
            assert_eq!(theirs.get(field), Some(value), "{name}: {field}");
        }
        let experts = ["num_local_experts", "num_experts", "n_routed_experts"];
        assert!(
            experts.iter().any(|field| own.contains_key(*field)),
            "{name}"
        );
        let text = mixtures().join("yaml").join(format!("{name}.yaml"));
        let [text, kept] = [text, output.join("mergekit_moe_config.yml")]
            .map(|path| std::fs::read_to_string(path).expect("a text"));
        assert_eq!(text, kept, "{name}");
    }
}

/// What a configuration of a dense model leaves to transformers is said, where a mixture's would be
/// something else.
#[test]
fn what_a_dense_configuration_leaves_out_is_said() {
    let recipe = "base_model: base\ngate_mode: random\nexperts:\n- source_model: MODELS/mini/a\n\
                  - source_model: MODELS/mini/b\n";
    let scratch = Scratch::new(recipe);
    let base = scratch.copy("mini/base", "base");
    let text = std::fs::read_to_string(base.join("config.json")).expect("a configuration");
    let mut own: Map<String, Value> = serde_json::from_str(&text).expect("JSON");
    let silent = [
        "rope_parameters",
        "rms_norm_eps",
        "max_position_embeddings",
        "num_key_value_heads",
        "dtype",
    ];
    for field in silent {
        own.remove(field).expect("it was there");
    }
    std::fs::write(base.join("config.json"), json!(own).to_string()).expect("written");
    scratch.run(&[]);
    let made = config(&scratch.path().join("OUT"));
    // What `LlamaConfig()` of transformers says, not `MixtralConfig()`.
    assert_eq!(made["rope_theta"], json!(10_000.0));
    assert_eq!(made["rms_norm_eps"], json!(1e-6));
    assert_eq!(made["max_position_embeddings"], json!(2048));
    assert_eq!(made["num_key_value_heads"], made["num_attention_heads"]);
    assert!(!made.contains_key("dtype") && !made.contains_key("torch_dtype"));
}

/// Noise is normal, of the scale that is asked for, and other in each matrix of each expert.
#[test]
fn noise_tells_experts_of_one_model_apart() {
    let scratch = Scratch::new(
        "base_model: MODELS/llama/base\ngate_mode: random\nexperts:\n\
         - {source_model: MODELS/llama/a, noise_scale: 0.5}\n\
         - {source_model: MODELS/llama/a, noise_scale: 0.5, residual_scale: 0.25}\n\
         - {source_model: MODELS/llama/a}\n",
    );
    scratch.run(&[]);
    let made = scratch.weights("OUT");
    let (mut seen, mut all) = (Vec::new(), Vec::new());
    for layer in 0..3 {
        for part in ["w1", "w2", "w3"] {
            let of = |expert: usize| {
                let name =
                    format!("model.layers.{layer}.block_sparse_moe.experts.{expert}.{part}.weight");
                made.values(&name)
            };
            let plain = of(2);
            for expert in 0..2 {
                let factor = if (expert, part) == (1, "w2") {
                    0.25
                } else {
                    1.0
                };
                let own = of(expert);
                let pairs = own.iter().zip(&plain);
                let noise = pairs.map(|(own, plain)| f64::from(own / factor - plain) / 0.5);
                let noise: Vec<f64> = noise.collect();
                assert!(
                    !seen.contains(&noise[0].to_bits()),
                    "{layer} {part} {expert}"
                );
                seen.push(noise[0].to_bits());
                all.extend(noise);
            }
        }
    }
    let count = all.len() as f64;
    let mean = all.iter().sum::<f64>() / count;
    let square = all.iter().map(|own| (own - mean).powi(2)).sum::<f64>() / count;
    // Five standard deviations of each.
    assert!(mean.abs() < 5.0 / count.sqrt(), "{mean} of {count}");
    assert!(
        (square - 1.0).abs() < 5.0 * (2.0 / count).sqrt(),
        "{square} of {count}"
    );
}

/// What is refused, by a part of what is said.
const REFUSED: [(&str, &[&str]); 14] = [
    (
        "gate_mode: random\nexperts: [{source_model: MODELS/mini/a, residual_scale: 1e300}, \
         {source_model: MODELS/mini/b}]",
        &["`residual_scale` is 1e300, which f32 does not hold"],
    ),
    (
        "gate_mode: hidden\nexperts: [{source_model: MODELS/mini/a, positive_prompts: [a]}, \
         {source_model: MODELS/mini/b, positive_prompts: [b]}]",
        &["hidden states", "cheap_embed", ":2:12"],
    ),
    (
        "gate_mode: randm\nexperts: [{source_model: MODELS/mini/a}]",
        &["no gate_mode `randm`", "did you mean `random`", ":2:12"],
    ),
    (
        "gate_mode: random\nexperts: [{source_model: MODELS/mini/a}]",
        &["2 experts of 1 expert", "experts_per_token"],
    ),
    (
        "gate_mode: random\nexperts_per_token: 0\nexperts: [{source_model: MODELS/mini/a}]",
        &["whole number from 1", ":3:20"],
    ),
    (
        "gate_mode: uniform_random\nexperts: [{source_model: MODELS/mini/a}, \
         {source_model: MODELS/mini/a}]",
        &["all experts are", "--i-understand-this-is-not-useful"],
    ),
    (
        "gate_mode: random\nexperts: [{source_model: MODELS/mini/a}, \
         {source_model: MODELS/mini/b, noise: 1}]",
        &["`noise` is no key of an expert", "noise_scale"],
    ),
    (
        "gate_mode: random\narchitecture: mixtrall\nexperts: [{source_model: MODELS/mini/a}, \
         {source_model: MODELS/mini/b}]",
        &["no architecture `mixtrall`", "Qwen3 MoE", ":3:15"],
    ),
    (
        "gate_mode: random\nexperts: [{source_model: MODELS/mini/a}, \
         {source_model: MODELS/qwen2/a}]",
        &["llama and qwen2", "Mixtral"],
    ),
    (
        "gate_mode: random\narchitecture: qwen\nexperts: [{source_model: MODELS/mini/a}, \
         {source_model: MODELS/mini/b}]",
        &[
            "Qwen MoE needs a shared expert",
            "Qwen3 MoE is made of qwen3",
        ],
    ),
    (
        "gate_mode: random\nexperts: [{source_model: MODELS/mini/a}, \
         {source_model: MODELS/mini_2layers}]",
        &["mini_2layers", "model.layers.2.mlp.gate_proj.weight"],
    ),
    (
        "gate_mode: random\nexperts: [{source_model: MODELS/mini/a}, \
         {source_model: MODELS/raw/x.safetensors}]",
        &["config.json", "raw/x.safetensors"],
    ),
    (
        "gate_mode: random\nexperts: [{source_model: MODELS/mini/a}, \
         {source_model: MODELS/mini/b}]\n---\nmodels: [{model: MODELS/mini/a}]\n\
         merge_method: passthrough\nname: x",
        &["recipe of mergekit-moe", "text of its own"],
    ),
    (
        "gate_mode: random\nexperts: [{source_model: MODELS/mini/a}, \
         {source_model: MODELS/mini/b}]\nshared_experts: [{source_model: MODELS/mini/a}, \
         {source_model: MODELS/mini/b}]",
        &["2 shared experts", ":4:1"],
    ),
];

#[test]
fn what_makes_no_mixture_is_refused_at_its_place() {
    for (text, parts) in REFUSED {
        let scratch = Scratch::new(&format!("base_model: MODELS/mini/base\n{text}\n"));
        let said = scratch.refuses(&[]);
        for part in parts {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
}

#[test]
fn a_mixture_of_one_model_is_built_where_it_is_meant() {
    let scratch = Scratch::new(
        "base_model: MODELS/mini/base\ngate_mode: uniform_random\nexperts:\n\
         - source_model: MODELS/mini/a\n- source_model: MODELS/mini/a\n",
    );
    scratch.run(&["--i-understand-this-is-not-useful-without-training"]);
    let said = scratch
        .weights("OUT")
        .values("model.layers.1.block_sparse_moe.gate.weight");
    let bound = (1.0_f32 / 8.0).sqrt();
    assert!(said.iter().all(|own| own.abs() <= bound), "{said:?}");
}
