//! What mergekit refuses late, or passes over: an error here that names its subject, or right.

use super::cases::{Case, cases};
use super::compare::{Weights, differs};
use super::{data, refuses, succeeds};

/// Errors by what their message has to name.
const NAMED: &[(&str, &[&str])] = &[
    ("err_architectures_differ", &["mini/a", "qwen2/a"]),
    ("err_base_not_in_slice", &["mini/base", "slice", ":2:"]),
    ("err_chat_template_unknown", &["nosuch", ":7:16"]),
    ("err_della_epsilon", &["della"]),
    (
        "err_dtype_unknown",
        &["`bf16`", "did you mean `bfloat16`", ":7:8"],
    ),
    (
        "err_duplicate_key",
        &["`parameters` is given twice", ":8:1"],
    ),
    ("err_empty_file", &["no merge"]),
    ("err_empty_gradient", &["`weight` is an empty list", ":3:"]),
    ("err_filter_without_value", &["no `value`", ":3:"]),
    (
        "err_layer_counts_differ",
        &["mini/a has 3", "mini_2layers has 2", ":4:"],
    ),
    ("err_layer_range_empty", &["[1, 1]", "no layers", ":3:"]),
    ("err_layer_range_negative", &["[0, -1]", ":3:"]),
    ("err_layer_range_one_number", &["two numbers, not 1", ":3:"]),
    (
        "err_layer_range_too_long",
        &["[0, 4]", "mini/a", "3 layers", ":3:"],
    ),
    (
        "err_lora_without_cache",
        &["adapters", "mini/base+lora/qv", ":4:12"],
    ),
    ("err_method_param_in_model", &["`t`", "slerp", ":4:18"]),
    (
        "err_model_is_string_list",
        &["mini/a", "- model: mini/a", ":2:5"],
    ),
    ("err_model_missing", &["mini/zzz", ":4:12"]),
    ("err_model_twice", &["mini/a is given twice", ":4:12"]),
    ("err_models_and_slices", &["`models` and `slices`", ":6:1"]),
    ("err_module_unknown", &["`decoder`", "mini/a", ":2:3"]),
    ("err_multi_cycle", &["circle", "two", ":3:12"]),
    ("err_multi_no_out_path", &["OUTPUT"]),
    ("err_multi_same_name", &["`x`", ":6:7"]),
    ("err_multi_two_unnamed", &["no name", ":5:1"]),
    (
        "err_no_base_for_ta",
        &["task_arithmetic needs a base", ":6:15"],
    ),
    ("err_no_method", &["`merge_method`", ":1:1"]),
    ("err_no_models", &["`models`"]),
    (
        "err_normalize_at_top",
        &["`normalize`", "`parameters`", ":7:1"],
    ),
    ("err_not_yaml", &["no YAML", ":3:4"]),
    (
        "err_out_dtype_unknown",
        &["`fp16`", "did you mean `float16`", ":7:12"],
    ),
    (
        "err_pytorch_missing",
        &["only_x", "raw/x", "raw/z", "--missing"],
    ),
    ("err_slerp_no_t", &["`t`", "slerp"]),
    ("err_slerp_three", &["slerp", "exactly 2", "not 3"]),
    (
        "err_slice_lengths_differ",
        &["2 of mini/a", "3 of mini/b", ":4:38"],
    ),
    (
        "err_slices_on_t5",
        &["`encoder.block`", "`decoder.block`", "modules", ":3:"],
    ),
    ("err_stock_too_few", &["model_stock", "at least 2", "not 1"]),
    (
        "err_token_unknown",
        &["\"<x>\"", "the token \"nosuch\"", "tok/m1", "66 rows"],
    ),
    (
        "err_tokenizer_twice",
        &["`tokenizer_source` and `tokenizer`", ":7:1"],
    ),
    ("err_two_documents", &["no name", ":8:1"]),
    ("err_two_plus_signs", &["more than one `+`", ":4:12"]),
    (
        "err_typo_density",
        &["`densty`", "did you mean `density`", ":3:31"],
    ),
    (
        "err_typo_models",
        &["`modles`", "did you mean `models`", ":1:1"],
    ),
    (
        "err_typo_weight",
        &["`weigth`", "did you mean `weight`", ":5:18"],
    ),
    (
        "err_unknown_method",
        &["`liner`", "did you mean `linear`", ":6:15"],
    ),
    ("err_vocab_differs", &["embed_tokens", "66", "62"]),
    ("err_weight_is_a_word", &["`weight`", "`high`", ":3:26"]),
    ("err_weight_is_null", &["`weight`", "nothing", ":3:26"]),
    ("err_weights_sum_zero", &["weight", "0.5", "-0.5"]),
];

/// What mergekit does by accident and is right here: the result of another YAML.
const RIGHT: [&str; 2] = ["err_density_out_of_range", "err_filter_is_regex"];

/// What is no error here on purpose, with the reason: it is done as everywhere here.
const DONE: [(&str, &str); 1] = [(
    "err_pytorch_buffer_differs",
    "integers are those of the base or the first model, they are not merged",
)];

/// What belongs to other programs of mergekit.
const ELSEWHERE: [&str; 3] = [
    "err_extract_lora_save_module",
    "err_moe_same_prompts",
    "err_moe_shared_not_expert",
];

fn arguments(case: &Case, folder: &tempfile::TempDir) -> Vec<String> {
    case.arguments(&folder.path().join("out"))
}

#[test]
fn errors_name_their_subject_and_leave_nothing() {
    let cases = cases();
    let mut faults = Vec::new();
    for (name, parts) in NAMED {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = arguments(&cases[*name], &folder);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let said = refuses(&data().join("models"), &arguments);
        let missing: Vec<_> = parts.iter().filter(|part| !said.contains(**part)).collect();
        if !missing.is_empty() {
            faults.push(format!("{name}: no {missing:?} in\n{said}"));
        }
        let left = std::fs::read_dir(folder.path())
            .expect("the folder")
            .count();
        assert_eq!(left, 0, "{name} leaves files");
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn what_works_by_accident_there_is_right_here() {
    let cases = cases();
    for name in RIGHT {
        let case = &cases[name];
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = arguments(case, &folder);
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        let said = succeeds(&data().join("models"), &own);
        assert!(said.contains("note"), "{name}: {said}");
        let other = folder.path().join("other.yaml");
        let text = case.fields["result_equals_that_of"]
            .as_str()
            .expect("a YAML");
        std::fs::write(&other, text).expect("written");
        let output = folder.path().join("other");
        let paths = [&other, &output].map(|path| path.to_str().expect("UTF-8"));
        let other = ["run", paths[0], "-o", paths[1], "--device", "cpu"];
        succeeds(&data().join("models"), &other);
        let weights = [folder.path().join("out"), output].map(|folder| Weights::open(&folder));
        assert_eq!(weights[0].names(), weights[1].names());
        for tensor in weights[0].names() {
            assert_eq!(
                weights[0].values(&tensor),
                weights[1].values(&tensor),
                "{name}"
            );
        }
        assert!(differs(case, &weights[0], &weights[1]).is_ok());
    }
}

/// Integers that differ are an error of mergekit-pytorch; here they are the first model's, as in
/// every merge.
#[test]
fn integers_are_those_of_the_first_model() {
    let cases = cases();
    for (name, _) in DONE {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let own = arguments(&cases[name], &folder);
        let own: Vec<&str> = own.iter().map(String::as_str).collect();
        succeeds(&data().join("models"), &own);
        let merged = Weights::open(&folder.path().join("out"));
        let first = Weights::open(&data().join("models/raw/x.safetensors"));
        assert_eq!(merged.values("steps"), first.values("steps"));
    }
}

#[test]
fn every_error_is_tested() {
    for (name, case) in cases() {
        if case.topic == "error" {
            let named = NAMED.iter().any(|(known, _)| *known == name);
            let done = DONE.iter().any(|(known, _)| *known == name);
            let known = named || done || RIGHT.contains(&name.as_str());
            assert!(known != ELSEWHERE.contains(&name.as_str()), "{name}");
        }
    }
}
