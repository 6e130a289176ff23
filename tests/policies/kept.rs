//! NaN under `--on-nan keep`, through every method that flags can name.

use std::path::Path;

use wgmerge::dtype::Float;
use wgmerge::method::{Base, Method, named};
use wgmerge::recipe::{OnNan, OnOverflow, Options};

use crate::laws::folder;
use crate::support::models::{Case, floats, values, write};
use crate::support::tensors::read;

/// Rows and columns of the tensor.
const SHAPE: [u64; 2] = [24, 16];
/// The element that is NaN in one input.
const PLACE: usize = 13 * 16 + 5;

const OTHERS: &str = "the element is the other model's";

/// Inputs, the base first, whose NaN a method with its defaults does not pass on, and why.
const EXCEPTIONS: &[(&str, &[usize], &str)] = &[
    ("top_k_tensor_sum", &[1], OTHERS),
    ("tensor_sum", &[1], OTHERS),
    ("slice_sum", &[1], OTHERS),
    ("column_slice_sum", &[0], OTHERS),
    (
        "distribution_crossover",
        &[2],
        "the model gives an order, no values",
    ),
];

/// How many inputs a method is given, the base included.
fn inputs(method: &Method) -> usize {
    let models = method.models_min.max(method.models_max.min(3));
    models + usize::from(method.base == Base::Required)
}

/// Whether the element is NaN in the result where it is in one input.
fn is_kept(method: &Method, at: usize, folder: &Path) -> bool {
    let models = (0..inputs(method)).map(|number| {
        let mut own = values((SHAPE[0] * SHAPE[1]) as usize, 7, number as u64);
        if number == at {
            own[PLACE] = f32::NAN;
        }
        let path = folder.join(format!("{number}.safetensors"));
        write(&path, &[floats("w", Float::F32, &SHAPE, &own)]);
        path
    });
    let models: Vec<_> = models.collect();
    let (base, models) = match method.base {
        Base::Required => (Some(&models[0]), &models[1..]),
        _ => (None, &models[..]),
    };
    let case = Case {
        options: Options {
            on_nan: OnNan::Keep,
            // What a NaN makes of a norm spreads over the tensor.
            on_overflow: OnOverflow::Keep,
            ..Options::default()
        },
        ..Case::new(method.id, base, models)
    };
    let merged = case.run(&folder.join("out.safetensors"), None);
    let (bytes, _) = merged.unwrap_or_else(|fault| panic!("{}: {fault}", method.id));
    read(&bytes, "w")[PLACE].is_nan()
}

#[test]
fn every_method_keeps_nan_where_an_input_has_it() {
    let folder = folder();
    for method in named() {
        let except = EXCEPTIONS.iter().find(|(id, ..)| *id == method.id);
        let lost = (0..inputs(method)).filter(|at| !is_kept(method, *at, folder.path()));
        let lost: Vec<usize> = lost.collect();
        let expected = except.map_or(&[][..], |(_, inputs, _)| inputs);
        assert_eq!(
            lost, expected,
            "{}: inputs whose NaN is lost; the exceptions: {except:?}",
            method.id
        );
    }
}
