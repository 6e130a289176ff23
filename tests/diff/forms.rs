//! Tensors that are no floats, of other forms, missing, or named otherwise.

use wgmerge::dtype::{DType, Float};
use wgmerge::report::State;

use super::{compare, of};
use crate::support::models::{Tensor, floats, values, write};

fn integers(name: &str, values: &[i64]) -> Tensor {
    Tensor {
        name: name.to_owned(),
        dtype: DType::I64,
        shape: vec![values.len() as u64],
        bytes: values.iter().flat_map(|own| own.to_le_bytes()).collect(),
    }
}

fn weight(name: &str, shape: &[u64], model: u64) -> Tensor {
    let n = shape.iter().product::<u64>() as usize;
    floats(name, Float::F32, shape, &values(n, 3, model))
}

#[test]
fn what_is_missing_of_another_form_or_no_float_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = ["a", "b"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let common = |model| -> Vec<Tensor> {
        let layers = 0..8;
        layers
            .map(|at| weight(&format!("layers.{at}.w"), &[4, 4], model))
            .collect()
    };
    let mut own = common(1);
    own.extend([
        weight("embed", &[10, 4], 1),
        weight("lost", &[4], 1),
        integers("ids", &[0, 1, 1 << 60]),
        integers("table", &[5]),
    ]);
    write(&a, &own);
    let mut own = common(2);
    own.extend([
        weight("embed", &[12, 4], 2),
        weight("new", &[4], 2),
        integers("ids", &[0, 1, (1 << 60) + 1]),
        integers("table", &[5, 6]),
    ]);
    write(&b, &own);
    let report = compare(&a, &b);
    let embed = of(&report, "embed");
    assert_eq!(embed.state, State::OtherForm);
    assert_eq!(embed.form.shape, [10, 4]);
    assert_eq!(
        embed.other.as_ref().map(|own| own.shape.clone()),
        Some(vec![12, 4])
    );
    let lost = of(&report, "lost");
    assert_eq!(
        (lost.state, lost.present.as_slice()),
        (State::OnlySome, &["a"][..])
    );
    assert_eq!(lost.form.dtype, "F32");
    assert_eq!(of(&report, "new").present, ["b"]);
    // One bit that no f64 would show.
    let stored = of(&report, "ids").stored.expect("bytes");
    assert_eq!((stored.bytes, stored.changed), (24, 1));
    assert_eq!(of(&report, "table").state, State::OtherForm);
    let compared = report.total().comparison.expect("numbers");
    assert_eq!(compared.elements, 8 * 16);
    assert_eq!(report.tensors.len(), 13);
    assert_eq!(report.blocks()["layers.3"].tensors, 1);
}

#[test]
fn names_are_matched_as_a_merge_matches_them() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let [a, b] = ["a", "b"].map(|name| folder.path().join(format!("{name}.safetensors")));
    let model = |prefix: &str, model| -> Vec<Tensor> {
        let layers = 0..6;
        layers
            .map(|at| weight(&format!("{prefix}layers.{at}.w"), &[4, 4], model))
            .collect()
    };
    write(&a, &model("", 1));
    write(&b, &model("model.", 1));
    let report = compare(&a, &b);
    let total = report.total();
    assert_eq!(total.tensors, 6);
    assert_eq!(
        total.comparison.map(|own| (own.elements, own.changed)),
        Some((96, 0))
    );
}
