//! The defects of mergekit, in the order of a review of its code: what is wrong there is right
//! here.
//!
//! Those of some methods are covered by cases of `golden.rs`: 2 (`ramplus_bf16_f32_leak`; and
//! `arcee_fusion_bf16_f32_leak`, of which it says what differs), 4 (`breadcrumbs_gamma`), 5
//! (`sce_topk`), 16 (`model_stock_base_listed`), 17 (`nuslerp_columns_base`), 18
//! (`multislerp_base`), 19 (`rnd_della_*`). 22 (`lora_*`: adapters) is not there yet, and says so
//! when it begins to work.
//! 11, slerp on the CPU alone, is a matter of devices: `devices.rs` merges by it on each. 25 are
//! programs that did not start: of them mergekit-pytorch is `files_without_a_configuration` of
//! `golden.rs`, the others have no counterpart.

use std::time::{Duration, Instant};

use serde_json::json;
use wgmerge::dtype::Float;

use super::scratch::{Scratch, files};
use crate::support::models::{Tensor, floats, values};

/// A matrix of floats.
fn matrix(name: &str, rows: u64, columns: u64, values: &[f32]) -> Tensor {
    floats(name, Float::F32, &[rows, columns], values)
}

/// 1: whose configuration and tokenizer the result has was drawn by lot without a base.
#[test]
fn one_the_first_model_is_the_donor() {
    for (first, second) in [("one", "two"), ("two", "one")] {
        let own = Scratch::new(&format!(
            "merge_method: linear\nparameters: {{weight: 1}}\n\
             models: [{{model: {first}}}, {{model: {second}}}]\n"
        ));
        for (name, mark) in [("one", 111), ("two", 222)] {
            let folder = own.copy("tok/m1", name);
            let mut config = own.config(name);
            config["max_position_embeddings"] = json!(mark);
            std::fs::write(folder.join("config.json"), config.to_string()).expect("written");
            let marked = folder.join("special_tokens_map.json");
            std::fs::write(marked, format!("{{\"mark\": {mark}}}")).expect("written");
        }
        for output in ["OUT", "again"] {
            own.run_into(output, &[]);
            let mark = own.config(first)["max_position_embeddings"].clone();
            assert_eq!(own.config(output)["max_position_embeddings"], mark);
            let read = |name: &str| {
                std::fs::read(own.path().join(name).join("special_tokens_map.json")).ok()
            };
            assert_eq!(read(output), read(first));
        }
    }
}

/// 3: the sum of a large tensor's magnitudes is beyond f16, and the rescaling made all of it NaN.
#[test]
fn three_rescaling_in_f16_does_not_overflow() {
    for method in ["ties", "dare_linear"] {
        let own = Scratch::new(&format!(
            "merge_method: {method}\nbase_model: base\ndtype: float16\n\
             models: [{{model: tuned, parameters: {{weight: 1, density: 0.5}}}}]\n\
             parameters: {{rescale: true}}\n"
        ));
        own.model("base", &[matrix("x.weight", 512, 512, &vec![1.0; 1 << 18])]);
        own.model(
            "tuned",
            &[matrix("x.weight", 512, 512, &vec![2.0; 1 << 18])],
        );
        own.run(&[]);
        let merged = own.values("OUT", "x.weight");
        // Half of the elements moved by 1 each: rescaled, they move by 2.
        let moved = merged.iter().filter(|x| **x != 1.0);
        assert!(merged.iter().all(|x| x.is_finite()), "{method}");
        assert!(moved.clone().all(|x| (x - 3.0).abs() < 0.02), "{method}");
        let share = moved.count() as f64 / merged.len() as f64;
        assert!((share - 0.5).abs() < 0.01, "{method}: {share}");
    }
}

/// 6: the executor's time grew with the square of the number of tensors: ten minutes for these.
#[test]
fn six_many_tensors_take_their_time_and_no_more() {
    let names: Vec<String> = (0..16_000)
        .map(|i| format!("model.layers.{}.mlp.experts.{}.weight", i / 250, i % 250))
        .collect();
    let tensors = |model: u64| {
        let tensor = |name: &String| floats(name, Float::BF16, &[2], &values(2, 1, model));
        names.iter().map(tensor).collect::<Vec<_>>()
    };
    let own = Scratch::new(
        "merge_method: ties\nbase_model: base\ndtype: float32\n\
         models: [{model: a, parameters: {weight: 1, density: 0.5}}]\n",
    );
    own.model("base", &tensors(0));
    own.model("a", &tensors(1));
    let begin = Instant::now();
    own.run(&["--no-write-model-card"]);
    assert!(
        begin.elapsed() < Duration::from_secs(120),
        "{:?}",
        begin.elapsed()
    );
    assert_eq!(own.weights("OUT").names().len(), names.len());
}

/// 7: keys that are misspelt were passed over. All cases of it are in `errors.rs`.
#[test]
fn seven_a_misspelt_key_is_an_error_unless_asked_otherwise() {
    let own = Scratch::new(
        "merge_method: linear\nmodels:\n- {model: MODELS/mini/a, parameters: {weight: 1}}\n\
         normalise: false\n",
    );
    let said = own.refuses(&[]);
    assert!(
        said.contains("`normalise`") && said.contains("--lenient"),
        "{said}"
    );
    own.run(&["--lenient"]);
}

/// 8: a vocabulary that was cut left the configuration with the old size, and no loader took it.
#[test]
fn eight_a_vocabulary_that_is_cut_has_its_size_in_the_configuration() {
    let own = Scratch::new(
        "merge_method: linear\nparameters: {weight: 0.5}\n\
         models: [{model: MODELS/tok/m1}, {model: MODELS/tok/m2}]\n",
    );
    own.run(&["--unsafe-truncate-embeddings"]);
    let rows = own.weights("OUT").values("model.embed_tokens.weight").len()
        / own.config("OUT")["hidden_size"].as_u64().expect("a size") as usize;
    assert_eq!(own.config("OUT")["vocab_size"], json!(rows));
    assert_ne!(own.config("OUT")["vocab_size"], json!(66));
}

/// 9: one stream of random numbers for everything: what happened to one tensor changed all others.
#[test]
fn nine_random_numbers_of_a_tensor_are_its_own() {
    let yaml = |density: f64| {
        format!(
            "merge_method: dare_linear\nbase_model: MODELS/mini/base\nmodels:\n\
             - model: MODELS/mini/a\n  parameters:\n    weight: 1\n    density:\n\
             \x20   - {{filter: embed_tokens, value: {density}}}\n    - {{value: 0.5}}\n"
        )
    };
    let own = Scratch::new(&yaml(0.5));
    own.run(&["--random-seed", "3"]);
    own.rewrite(&yaml(0.2));
    own.run_into("other", &["--random-seed", "3"]);
    let (one, other) = (own.weights("OUT"), own.weights("other"));
    let changed = one.names().into_iter();
    let changed = changed.filter(|name| one.values(name) != other.values(name));
    assert_eq!(changed.collect::<Vec<_>>(), ["model.embed_tokens.weight"]);
}

/// 10: among equal magnitudes an unstable sort chose which are kept.
#[test]
fn ten_of_equal_magnitudes_the_first_are_kept() {
    let own = Scratch::new(
        "merge_method: ties\nbase_model: base\n\
         models: [{model: tuned, parameters: {weight: 1, density: 0.3}}]\n",
    );
    own.model("base", &[matrix("x.weight", 100, 50, &[0.0; 5000])]);
    own.model("tuned", &[matrix("x.weight", 100, 50, &[0.25; 5000])]);
    own.run(&[]);
    let merged = own.values("OUT", "x.weight");
    assert!(merged[..1500].iter().all(|x| *x == 0.25));
    assert!(merged[1500..].iter().all(|x| *x == 0.0));
}

/// 12: experts were fused before the merge, which changed results, memory and names.
#[test]
fn twelve_experts_keep_their_names() {
    let own = Scratch::new(
        "merge_method: task_arithmetic\nbase_model: MODELS/mixtral/base\n\
         models: [{model: MODELS/mixtral/a, parameters: {weight: 0.5}}]\n",
    );
    own.run(&[]);
    own.copy("mixtral/base", "base");
    assert_eq!(own.weights("OUT").names(), own.weights("base").names());
}

/// 13: `--write-threads` had no effect and said nothing. `--naive-count` is no flag of
/// `mergekit-yaml`.
#[test]
fn thirteen_a_flag_without_effect_says_so() {
    let own = Scratch::new(
        "merge_method: passthrough\nmodels: [{model: MODELS/mini/a}]\ndtype: bfloat16\n",
    );
    let said = own.run_into("threads", &["--write-threads", "8"]);
    assert!(
        said.contains("--write-threads has no meaning here: --threads"),
        "{said}"
    );
    let said = own.refuses(&["--naive-count"]);
    assert!(said.contains("--naive-count"), "{said}");
}

/// 14: for a path with one slash the model card asked the Hub whether there is such a repository,
/// and without a network the run ended with the weights written and the rest missing.
#[test]
fn fourteen_a_path_that_looks_like_a_repository_is_a_path() {
    let own = Scratch::new(
        "merge_method: linear\nparameters: {weight: 1}\n\
         models: [{model: org/name}, {model: org/other}]\n",
    );
    own.copy("tok/m1", "org/name");
    own.copy("tok/m1", "org/other");
    own.run(&[]);
    let names = files(&own.path().join("OUT"));
    for name in [
        "README.md",
        "config.json",
        "mergekit_config.yml",
        "tokenizer.json",
    ] {
        assert!(names.contains(&name.to_owned()), "{name}: {names:?}");
    }
}

/// 15: a second run with fewer shards left the index of the first, and loaders preferred it.
#[test]
fn fifteen_no_index_of_an_earlier_run_is_left() {
    let own = Scratch::new("merge_method: passthrough\nmodels: [{model: MODELS/mini/a}]\n");
    own.run(&["--out-shard-size", "2k"]);
    let index = "model.safetensors.index.json".to_owned();
    assert!(files(&own.path().join("OUT")).contains(&index));
    own.run(&["--out-shard-size", "5B", "--force"]);
    let names = files(&own.path().join("OUT"));
    let weights = names.iter().filter(|name| name.contains("safetensors"));
    assert_eq!(weights.collect::<Vec<_>>(), ["model.safetensors"]);
}

/// 20: `ties` with models of a smaller vocabulary than the base's crashed.
#[test]
fn twenty_ties_takes_smaller_vocabularies_by_their_tokens() {
    let body = |base: &str, other: &str| {
        format!(
            "merge_method: ties\nbase_model: MODELS/tok/{base}\n\
             models: [{{model: MODELS/tok/{other}, parameters: {{weight: 1, density: 0.5}}}}]\n"
        )
    };
    let own = Scratch::new(&body("m1", "m2"));
    let said = own.refuses(&[]);
    assert!(said.contains("66") && said.contains("62"), "{said}");
    own.run_into("cut", &["--unsafe-truncate-embeddings"]);
    own.rewrite(&(body("m1", "m2") + "tokenizer: {source: base}\n"));
    own.run_into("base", &[]);
    own.rewrite(&(body("m2", "m1") + "tokenizer: {source: base}\n"));
    own.run_into("other", &[]);
    let rows = |output: &str| own.config(output)["vocab_size"].clone();
    assert_eq!(
        [rows("cut"), rows("base"), rows("other")],
        [62, 66, 62].map(|n| json!(n))
    );
}

/// 21: `chat_template.jinja` did not come along.
#[test]
fn twentyone_the_chat_template_comes_along() {
    let own = Scratch::new("merge_method: passthrough\nmodels: [{model: m1}]\n");
    let folder = own.copy("tok/m1", "m1");
    std::fs::write(folder.join("chat_template.jinja"), "{{ messages }}").expect("written");
    std::fs::write(folder.join("merges.txt"), "#version: 0.2\n").expect("written");
    own.run(&[]);
    let template = std::fs::read_to_string(own.path().join("OUT/chat_template.jinja"));
    assert_eq!(template.expect("a template"), "{{ messages }}");
    assert!(own.path().join("OUT/merges.txt").exists());
}

/// 23: lists with an entry for each layer stayed those of the model before layers were stacked.
#[test]
fn twentythree_lists_of_layers_are_those_of_the_result() {
    let own = Scratch::new(
        "merge_method: passthrough\nslices:\n\
         - sources: [{model: MODELS/gemma3/base, layer_range: [0, 2]}]\n\
         - sources: [{model: MODELS/gemma3/a, layer_range: [1, 3]}]\n\
         - sources: [{model: MODELS/gemma3/base, layer_range: [2, 3]}]\n",
    );
    own.run(&[]);
    let config = own.config("OUT");
    let [sliding, full] = ["sliding_attention", "full_attention"];
    assert_eq!(
        config["layer_types"],
        json!([sliding, full, full, sliding, sliding])
    );
    assert_eq!(config["num_hidden_layers"], 5);
}

/// 24: of a model that was named twice only one counted. Slices may use one twice.
#[test]
fn twentyfour_a_model_counts_each_time_or_is_refused() {
    let slice = |first: usize| {
        format!(
            "{{model: MODELS/mini/a, layer_range: [{first}, {}]}}",
            first + 1
        )
    };
    let own = Scratch::new(&format!(
        "merge_method: linear\nparameters: {{weight: 1}}\n\
         slices: [{{sources: [{}, {}]}}]\n",
        slice(0),
        slice(1)
    ));
    let said = own.refuses(&[]);
    assert!(
        said.contains("MODELS/mini/a is given twice".trim_start_matches("MODELS/")),
        "{said}"
    );
    own.rewrite(&format!(
        "merge_method: passthrough\nslices: [{{sources: [{}]}}, {{sources: [{}]}}]\n",
        slice(1),
        slice(1)
    ));
    own.run(&[]);
    let name = |layer: usize| format!("model.layers.{layer}.mlp.up_proj.weight");
    own.copy("mini/a", "a");
    for layer in [0, 1] {
        assert_eq!(own.values("OUT", &name(layer)), own.values("a", &name(1)));
    }
}

/// 26: a base that `linear` does not list is one more model, and crashed for want of a weight.
#[test]
fn twentysix_a_base_that_is_not_listed_has_a_weight_or_is_named() {
    let yaml = |rest: &str| {
        format!(
            "merge_method: linear\nbase_model: MODELS/mini/base\n\
             models: [{{model: MODELS/mini/a{rest}\n"
        )
    };
    let own = Scratch::new(&yaml(", parameters: {weight: 3}}]"));
    let said = own.refuses(&[]);
    assert!(said.contains("mini/base has no `weight`"), "{said}");
    own.rewrite(&yaml("}]\nparameters: {weight: 1}"));
    own.run(&[]);
    own.copy("mini/base", "base");
    own.copy("mini/a", "a");
    let name = "model.norm.weight";
    let models = own
        .values("base", name)
        .into_iter()
        .zip(own.values("a", name));
    let mean: Vec<f32> = models.map(|(base, own)| (base + own) / 2.0).collect();
    let near = |(own, mean): (f32, f32)| (own - mean).abs() < 1e-6;
    assert!(own.values("OUT", name).into_iter().zip(mean).all(near));
}
