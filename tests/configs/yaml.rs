//! Configs in sd-mecha's YAML form.

use std::fmt::Write;

use wgmerge::dtype::DType;
use wgmerge::keys::config::{Config, ConfigKey, find};

use super::{IDS, List};

fn keys(config: &Config) -> Vec<(&str, &ConfigKey)> {
    config.keys().collect()
}

#[track_caller]
fn fault_of(text: &str) -> String {
    Config::from_yaml(text).expect_err("a fault").to_string()
}

#[track_caller]
fn refuse(text: &str, expected: &str) {
    assert_eq!(fault_of(text), expected);
}

/// A config of one component with these lines.
fn of_lines(lines: &[&str]) -> String {
    let lines = lines.join("\n    ");
    format!("identifier: my-format\ncomponents:\n  unet:\n    {lines}\n")
}

#[test]
fn every_list_can_be_written_as_yaml() {
    for id in IDS {
        let list = List::of(id);
        let mut text = format!("identifier: {id}\ncomponents:\n");
        let mut component = usize::MAX;
        for (name, key) in &list.keys {
            if key.component != component {
                component = key.component;
                writeln!(text, "  {}:", list.components[component]).expect("a String");
            }
            let dtype = match key.dtype {
                DType::F32 => "float32",
                DType::F16 => "torch.float16",
                DType::BF16 => "bfloat16",
                other => other.name(),
            };
            let shape = &key.shape;
            write!(text, "    {name}: {{shape: {shape:?}, dtype: {dtype}").expect("a String");
            if key.optional {
                text += ", optional: true";
            }
            if !key.aliases.is_empty() {
                write!(text, ", aliases: {:?}", key.aliases).expect("a String");
            }
            text += "}\n";
        }
        let config = Config::from_yaml(&text).unwrap_or_else(|fault| panic!("{id}: {fault}"));
        assert_eq!(config.id(), id);
        let built_in = find(id).expect("a built-in config");
        assert_eq!(config.components(), built_in.components(), "{id}");
        assert_eq!(config.keys().count(), list.keys.len(), "{id}");
        for (name, key) in config.keys() {
            assert_eq!(built_in.key(name), Some(key), "{id}: {name}");
        }
    }
}

#[test]
fn order_is_kept_and_names_resolve() {
    let text = of_lines(&[
        "z.weight: {shape: [4, 3], dtype: float16, aliases: [y.weight, x.weight]}",
        "a.weight: {shape: [], dtype: I64, optional: true}",
    ]) + "  vae:\n    v: {dtype: half, shape: [2]}\n";
    let config = Config::from_yaml(&text).expect("a config");
    assert_eq!(config.components(), ["unet", "vae"]);
    let names: Vec<&str> = config.keys().map(|(name, _)| name).collect();
    assert_eq!(names, ["z.weight", "a.weight", "v"]);
    assert_eq!(config.canonical("x.weight"), Some("z.weight"));
    assert_eq!(config.component_of("v"), Some("vae"));
    let key = config.key("a.weight").expect("a key");
    assert!(key.optional && key.shape.is_empty() && key.dtype == DType::I64);
    assert!(!config.is_blocks());
}

#[test]
fn anchors_and_merge_keys_work() {
    let text = "\
identifier: my-format
components:
  unet: &unet
    a.weight: &norm {shape: &width [320], dtype: float32}
    a.bias: *norm
    b.weight: {<<: *norm, optional: true, aliases: [c.weight]}
    b.bias: {shape: *width, dtype: bfloat16}
";
    let config = Config::from_yaml(text).expect("a config");
    let found = keys(&config);
    assert_eq!(found.len(), 4);
    assert!(found.iter().all(|(_, key)| key.shape == [320]));
    assert_eq!(found[1].1, found[0].1);
    assert!(found[2].1.optional && found[2].1.dtype == DType::F32);
    assert_eq!(config.canonical("c.weight"), Some("b.weight"));

    let many: String = (0..3000).map(|i| format!("    k{i}: *norm\n")).collect();
    let config = Config::from_yaml(&(text.to_owned() + &many)).expect("many uses of an anchor");
    assert_eq!(keys(&config).len(), 3004);
}

#[test]
fn faults_of_form_name_the_field_and_the_place() {
    refuse("", "unexpected end of file at line 1, column 1");
    let top = "missing field `identifier` at line 1, column 1";
    refuse("components: {}\n", top);
    let top = "missing field `components` at line 1, column 1";
    refuse("identifier: a\n", top);
    let fault = "field `components`: expected mapping start at line 2, column 13";
    refuse("identifier: a\ncomponents: [1]\n", fault);
    for (tensor, fault) in [
        (
            "{dtype: float32}",
            "field `components.unet.a`: missing field `shape` at line 4, column 9",
        ),
        (
            "{shape: [1]}",
            "field `components.unet.a`: missing field `dtype` at line 4, column 9",
        ),
        (
            "{shape: [-1], dtype: F32}",
            "field `components.unet.a.shape[0]`: invalid",
        ),
        (
            "{shape: 3, dtype: F32}",
            "field `components.unet.a.shape`: expected",
        ),
        (
            "{shape: [3], dtype: F32, alias: [b]}",
            "field `components.unet.a.alias`: unknown field",
        ),
        (
            "{shape: [3], dtype: F32, optional: maybe}",
            "field `components.unet.a.optional`: invalid",
        ),
    ] {
        let fault_found = fault_of(&of_lines(&[&format!("a: {tensor}")]));
        assert!(fault_found.starts_with(fault), "{fault_found}");
        assert!(fault_found.contains(" at line 4, column "), "{fault_found}");
    }
    let twice = fault_of(&of_lines(&["a: {shape: [], dtype: F32}"; 2]));
    assert!(
        twice.starts_with("field `components.unet`: duplicate"),
        "{twice}"
    );
    assert!(twice.ends_with(" at line 5, column 5"), "{twice}");
    let unknown = fault_of("identifier: a\ncomponents: {}\nmerge_space: weight\n");
    assert!(
        unknown.starts_with("field `merge_space`: unknown field"),
        "{unknown}"
    );
}

#[test]
fn faults_of_content_name_the_tensor() {
    refuse(
        "identifier: a\ncomponents: {}\n",
        "field `components` of model config a has no tensors; list at least one",
    );
    refuse(
        "identifier: ''\ncomponents: {}\n",
        "field `identifier` is empty; a config has a name such as `family-format`",
    );
    refuse(
        &of_lines(&["a: {shape: [3], dtype: float31}"]),
        "model config my-format, component unet, tensor `a`: field `dtype` is `float31`, which is \
         no element type; `float32` or `F32` would be one",
    );
    let tensor = "a: {shape: [3], dtype: F32}";
    refuse(
        &(of_lines(&[tensor]) + &format!("  vae:\n    {tensor}\n")),
        "model config my-format: tensor `a` is in component unet and in component vae; a name \
         stands for one tensor",
    );
    let alias = "{shape: [3], dtype: F32, aliases: [b]}";
    refuse(
        &of_lines(&[&format!("a: {alias}"), "b: {shape: [3], dtype: F32}"]),
        "model config my-format: `b`, an alias of tensor `a`, is also a name of tensor `b`; a name \
         stands for one tensor",
    );
    refuse(
        &of_lines(&[&format!("a: {alias}"), &format!("c: {alias}")]),
        "model config my-format: `b`, an alias of tensor `c`, is also a name of tensor `a`; a name \
         stands for one tensor",
    );
}
