//! A sample of what is compared: runs of rows of large tensors.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use wgmerge::dtype::Float;
use wgmerge::merge::{Merge, Settings, Silent};
use wgmerge::recipe::{Options, comparison_of};

use super::{expected, near, of};
use crate::support::models::{Tensor, floats, values, write};

const ROWS: usize = 60;
const COLUMNS: usize = 50;

fn own(at: u64, model: u64) -> Vec<f32> {
    values(ROWS * COLUMNS, at, model)
}

#[test]
fn a_sample_has_the_largest_of_each_kind_and_the_middle_rows_of_these() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = |model: u64| -> PathBuf {
        let path = folder.path().join(format!("{model}.safetensors"));
        let names = ["gate_proj", "up_proj", "down_proj"];
        let matrix = |at: u64| {
            let (layer, part) = (at / 3, names[at as usize % 3]);
            let name = format!("model.layers.{layer}.mlp.{part}.weight");
            let shape = [ROWS as u64, COLUMNS as u64];
            floats(&name, Float::F32, &shape, &own(at, model))
        };
        let bias = |at: u64| {
            let name = format!("model.layers.{at}.mlp.down_proj.bias");
            floats(&name, Float::F32, &[5], &values(5, at, model))
        };
        let tensors: Vec<Tensor> = (0..12).map(matrix).chain((0..4).map(bias)).collect();
        write(&path, &tensors);
        path
    };
    let pair = [model(1), model(2)];
    let mut recipe = comparison_of(None, pair, 0.0, Options::default()).expect("a comparison");
    let prepare = |recipe| Merge::prepare(recipe, Settings::new("nowhere.safetensors"));
    // Two tensors in each of four layers: 24000 bytes would be 3000 for each, and all are 24000.
    let sample = prepare(recipe.clone()).expect("a plan").sample(24_000);
    recipe.options.sample = Some(sample);
    let merge = prepare(recipe).expect("a plan");
    let report = merge
        .compare(&Silent, &AtomicBool::new(false))
        .expect("a comparison");
    assert_eq!(report.tensors.len(), 8);
    let tensor = of(&report, "model.layers.2.mlp.up_proj.weight");
    assert_eq!(tensor.form.shape, [ROWS as u64, COLUMNS as u64]);
    let found = tensor.comparison.as_ref().expect("numbers");
    // Ten runs of six rows are the first that are small enough: 6 * 50 * 4 * 2 = 2400 bytes.
    let rows = 30..36;
    let part = |model| -> Vec<f64> {
        let all = own(7, model);
        let part = &all[rows.start * COLUMNS..rows.end * COLUMNS];
        part.iter().map(|own| f64::from(*own)).collect()
    };
    let (a, b) = (part(1), part(2));
    let oracle = expected(&a, &b);
    assert_eq!(found.elements, 300);
    assert_eq!(found.changed, oracle.changed);
    near(found.a_squares, oracle.a_squares, oracle.a_squares);
    near(found.products, oracle.products, oracle.a_squares);
    let greatest = found.greatest.as_ref().expect("a change");
    let apart = |at: usize| (b[at] - a[at]).abs();
    // Of equal ones the first.
    let order = |x: &usize, y: &usize| apart(*x).total_cmp(&apart(*y)).then(y.cmp(x));
    let most = (0..a.len()).max_by(order).expect("elements");
    let at = (rows.start * COLUMNS + most) as u64;
    assert_eq!(greatest.element, at);
    assert_eq!(greatest.index, [at / COLUMNS as u64, at % COLUMNS as u64]);
    assert!(report.bytes_read < 24_000, "{}", report.bytes_read);
}
