//! Methods of the mergers of diffusion models: supermerger, sd-meh and Chattiori's.

mod difference;
mod gate;
mod noise;
mod power;
mod sum;
mod whole;

pub(super) use difference::{ADD_COMMON_FEATURES, ADD_SIMILAR_DIFFERENCE, ADD_TRAIN_DIFFERENCE};
pub(super) use gate::{
    ADD_LARGEST_DIFFERENCE, ADD_ORTHOGONAL_DIFFERENCE, BAND_SUM, CHANNEL_SUM, MAXIMUM, SIGMOID_SUM,
};
pub(super) use noise::{ADD_NOISE, ADJUST};
pub(super) use power::{ADD_EUCLIDEAN_DIFFERENCE, ADD_MULTIPLIED_DIFFERENCE};
pub(super) use sum::{
    NORMALIZED_SUM, SCALE_WEIGHTS, SLICE_SUM, SUM_TWICE, TRIPLE_SUM, WEIGHTED_SUBTRACTION,
};
pub(super) use whole::{ADD_SMOOTH_DIFFERENCE, COLUMN_SLICE_SUM, DISTRIBUTION_CROSSOVER};

use super::{
    Base, Default, Domain, Group, Input, Lower, Lowering, Method, Parameter, Range, Shape, Space,
};
use crate::kernel::Node;

const TWO: &[Input] = &[Input::weight("a"), Input::weight("b")];
const THREE: &[Input] = &[Input::weight("a"), Input::weight("b"), Input::weight("c")];

/// A number per tensor.
const fn number(name: &'static str, help: &'static str, default: f64, range: Range) -> Parameter {
    Parameter {
        name,
        help,
        shape: Shape::Number(Default::Is(default), range),
        per_model: false,
        per_element: false,
        complement: None,
    }
}

/// What all rows here have in common, for so many models.
const fn of(inputs: &'static [Input], lower: Lower) -> Method {
    Method {
        id: "",
        summary: "",
        formula: "",
        source: "",
        group: Group::Diffusion,
        peers: &[],
        base: Base::None,
        models_min: inputs.len(),
        models_max: inputs.len(),
        inputs,
        result: Domain::Only(Space::Weight),
        parameters: &[],
        ratio: Some("alpha"),
        lower,
    }
}

/// The parameters of these names.
fn numbers<const N: usize>(l: &Lowering<'_>, names: [&str; N]) -> [f64; N] {
    names.map(|name| l.parameters.number(name, 0))
}

fn two(l: &Lowering<'_>) -> [Node; 2] {
    ["a", "b"].map(|name| l.input(name))
}

fn three(l: &Lowering<'_>) -> [Node; 3] {
    ["a", "b", "c"].map(|name| l.input(name))
}
