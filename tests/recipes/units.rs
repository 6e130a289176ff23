//! What is done to the layers of SDXL, against what sd-mecha 1.1.8 computed of small ones, and
//! assignments against scipy's.

use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;
use wgmerge::kernel::linear::{Matrix, assignment};

use super::{refuses, succeeds};
use crate::golden::data;
use crate::support::models::{floats, write};
use crate::support::tensors::{bytes, tensor};

/// A recipe of models of the folder, by their names, and instructions behind them.
fn text(models: &[&str], instructions: &str) -> String {
    let model = |name: &&str| {
        let path = data(&format!("mecha/layers/{name}.safetensors"));
        let path = path.display();
        format!("model \"{path}\" model_config=\"sdxl-sgm\" merge_space=\"weight\"\n")
    };
    let models: String = models.iter().map(model).collect();
    format!("version 0.1.0\n{models}{instructions}\n")
}

/// What a recipe writes.
fn output(models: &[&str], instructions: &str, options: &[&str]) -> Checkpoint {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let recipe = folder.path().join("r.mecha");
    std::fs::write(recipe, text(models, instructions)).expect("a writable folder");
    let arguments = ["run", "r.mecha", "-o", "o.safetensors", "-q"];
    succeeds(folder.path(), &[&arguments, options].concat());
    Checkpoint::open(&folder.path().join("o.safetensors")).expect("sound")
}

fn golden(name: &str) -> Checkpoint {
    Checkpoint::open(&data(&format!("mecha/layers/{name}.safetensors"))).expect("sound")
}

/// All tensors as they are stored.
fn all(model: &Checkpoint) -> Vec<(String, Vec<u64>, Vec<u8>)> {
    let tensors = model.tensors().iter();
    let all = tensors.map(|(name, info)| {
        let shape = info.shape.to_vec();
        (name.clone(), shape, bytes(model, name))
    });
    let mut all: Vec<_> = all.collect();
    all.sort();
    all
}

#[test]
fn hidden_units_get_the_order_that_sd_mecha_finds() {
    for instruction in ["rebasin\" &0 &1", "rebasin_sdxl_sgm\" a=&0 ref=&1 iters=3"] {
        let found = output(&["a", "ref"], &format!("merge \"{instruction}"), &[]);
        assert_eq!(all(&found), all(&golden("rebasin")));
    }
}

#[test]
fn hidden_units_get_the_order_that_torch_draws() {
    let found = output(&["a"], "merge \"randperm\" &0 seed=7", &[]);
    assert_eq!(all(&found), all(&golden("randperm")));
}

#[test]
fn a_model_in_another_order_is_put_back() {
    let back = "merge \"randperm\" &0 seed=7\nmerge \"rebasin\" &1 &0";
    assert_eq!(all(&output(&["a"], back, &[])), all(&golden("a")));
}

/// The largest difference of two tensors, and the root mean square of the second.
fn off(found: &[f32], expected: &[f32]) -> [f32; 2] {
    assert_eq!(found.len(), expected.len());
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let squares: f32 = expected.iter().map(|x| x * x).sum();
    let rms = (squares / expected.len() as f32).sqrt();
    [differences.fold(0.0, f32::max), rms]
}

/// sd-mecha's were computed in f64.
#[test]
fn heads_are_balanced_as_sd_mecha_balances_them() {
    let (before, expected) = (golden("heads"), golden("balanced"));
    let found = output(
        &["heads"],
        "merge \"balance_attention\" &0",
        &["--dtype", "f32"],
    );
    let mut changed = 0;
    for name in expected.tensors().keys() {
        let [off, rms] = off(&tensor(&found, name), &tensor(&expected, name));
        assert!(off <= 1e-5 * rms, "{name}: {off:e} of {rms:e}");
        changed += usize::from(tensor(&before, name) != tensor(&found, name));
    }
    // All but the biases of the first encoder's outputs.
    assert_eq!(changed, expected.tensors().len() - 1);
}

#[test]
fn results_do_not_depend_on_threads_and_memory() {
    for (models, instruction, options) in [
        (&["a", "ref"][..], "merge \"rebasin\" &0 &1", &[][..]),
        (
            &["heads"],
            "merge \"balance_attention\" &0",
            &["--dtype", "f32"],
        ),
        (
            &["heads", "heads"],
            "merge \"balance_attention\" &0\nmerge \"weighted_sum\" &1 &2 alpha=0.3",
            &[],
        ),
    ] {
        let run = |more: &[&str]| all(&output(models, instruction, &[options, more].concat()));
        let one = run(&["--threads", "1"]);
        assert_eq!(one, run(&["--threads", "3", "--memory", "30MiB"]));
    }
}

/// Rows and columns of what was moved are those of what a conversion makes of the result.
#[test]
fn conversions_see_what_was_moved() {
    let convert = "merge \"convert_'sdxl-sgm'_to_'sdxl-kohya'\" &";
    let moved = output(
        &["a", "ref"],
        &format!("merge \"rebasin\" &0 &1\n{convert}2"),
        &[],
    );
    let expected = output(&["rebasin"], &format!("{convert}0"), &[]);
    assert_eq!(all(&moved), all(&expected));
}

/// What is said about a recipe.
fn said(models: &[&str], instructions: &str, options: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let recipe = folder.path().join("r.mecha");
    std::fs::write(recipe, text(models, instructions)).expect("a writable folder");
    let arguments = ["run", "r.mecha", "-o", "o.safetensors", "-q"];
    refuses(folder.path(), &[&arguments, options].concat())
}

#[test]
fn layers_that_cannot_be_worked_on_are_refused() {
    let merged = "merge \"weighted_sum\" &0 &1\nmerge \"rebasin\" &2 &0";
    let found = said(&["a", "ref"], merged, &[]);
    assert!(found.contains("computes it"), "{found}");
    let found = said(&["a", "ref"], "merge \"balance_attention\" &0", &[]);
    assert!(found.contains("not the same heads of 64"), "{found}");
    let found = said(&["a", "heads"], "merge \"rebasin\" &0 &1", &[]);
    assert!(found.contains("no `"), "{found}");
    let found = said(&["a"], "merge \"randperm\" &0 seed=1.5", &[]);
    assert!(found.contains("whole number"), "{found}");
    let thrice = "merge \"randperm\" &0\nmerge \"randperm\" &1\nmerge \"randperm\" &2";
    let found = said(&["a"], thrice, &[]);
    assert!(found.contains("layers of layers"), "{found}");
    let found = said(
        &["heads"],
        "merge \"balance_attention\" &0",
        &["--memory", "21MiB"],
    );
    assert!(found.contains("to balance the heads of"), "{found}");
}

#[test]
fn layers_of_other_models_are_refused() {
    let text = text(&["a"], "merge \"randperm\" &0").replace("sdxl-sgm", "sd1-ldm");
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("r.mecha"), text).expect("a writable folder");
    let found = refuses(folder.path(), &["run", "r.mecha", "-o", "o.safetensors"]);
    assert!(
        found.contains("sd1-ldm") && found.contains("sdxl-sgm"),
        "{found}"
    );
}

#[test]
fn layers_whose_values_are_not_finite_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stem = "model.diffusion_model.time_embed";
    let model = |name: &str, last: f32| {
        let own = |part: &str, shape: &[u64], values: &[f32]| {
            floats(&format!("{stem}.{part}"), Float::F32, shape, values)
        };
        let tensors = [
            own("0.weight", &[2, 2], &[1.0, 2.0, 3.0, 4.0]),
            own("0.bias", &[2], &[1.0, 2.0]),
            own("2.weight", &[1, 2], &[1.0, last]),
        ];
        write(&folder.path().join(format!("{name}.safetensors")), &tensors);
    };
    model("a", 2.0);
    model("b", f32::NAN);
    let model = |name: &str| format!("model \"{name}.safetensors\" model_config=\"sdxl-sgm\"\n");
    let text = format!(
        "version 0.1.0\n{}{}merge \"rebasin\" &0 &1\n",
        model("a"),
        model("b")
    );
    std::fs::write(folder.path().join("r.mecha"), text).expect("a writable folder");
    let arguments = ["run", "r.mecha", "-o", "o.safetensors", "--on-nan", "keep"];
    let found = refuses(folder.path(), &arguments);
    let named = format!("b.safetensors: tensor `{stem}.2.weight` is not finite at element 1");
    assert!(found.contains(&named), "{found}");
}

/// The text that goes into an output is what sd-mecha writes.
#[test]
fn layers_are_written_as_sd_mecha_writes_them() {
    let metadata = |models: &[&str], instruction: &str| {
        let found = output(models, instruction, &[]);
        let text = found
            .metadata()
            .get("mecha_recipe")
            .expect("a recipe")
            .clone();
        let lines = text.lines().filter(|line| !line.starts_with("model"));
        lines.collect::<Vec<_>>().join("\n")
    };
    let singleton = |value: &str, at: usize| {
        let next = at + 1;
        format!(
            "version 0.1.0\ndict key={value}\n\
             literal &{at} model_config=\"singleton-mecha\" merge_space=null\n\
             merge \"convert_singleton\" &{next}\n"
        )
    };
    let rebasin = metadata(&["a", "ref"], "merge \"rebasin\" &0 &1");
    let expected = singleton("10", 2) + "merge \"rebasin_sdxl_sgm\" &0 &1 &4";
    assert_eq!(rebasin, expected);
    let randperm = metadata(&["a"], "merge \"randperm\" &0");
    assert_eq!(
        randperm,
        singleton("null", 1) + "merge \"randperm_sdxl_sgm\" &0 &3"
    );
    let balanced = metadata(&["heads"], "merge \"balance_attention\" &0");
    assert_eq!(
        balanced,
        "version 0.1.0\nmerge \"balance_attention_sdxl_sgm\" &0"
    );
}

#[test]
fn assignments_are_those_of_scipy() {
    let text = std::fs::read_to_string(data("mecha/layers/assignments.json"));
    let cases: Value = serde_json::from_str(&text.expect("the cases")).expect("JSON");
    let cases = cases.as_array().expect("cases");
    for case in cases {
        let gain: Vec<Vec<f64>> = serde_json::from_value(case["gain"].clone()).expect("rows");
        let columns: Vec<usize> = serde_json::from_value(case["columns"].clone()).expect("columns");
        let count = gain.len();
        let gain = Matrix::from_fn(count, count, |row, column| gain[row][column]);
        assert_eq!(assignment(&gain), columns, "{gain:?}");
    }
    assert_eq!(cases.len(), 36);
}
