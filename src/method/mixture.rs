//! What a mixture of experts has that no model of it has: the gates that choose among them, and
//! noise that tells experts of one model apart. Recipes that build mixtures ask for these; no flag
//! names them.

use super::mecha::number;
use super::peer::mergekit;
use super::{Base, Domain, Group, Input, Lowering, Method, Parameter, Range, Shape};
use crate::kernel::host::{AddDraws, Law, RowDirections};
use crate::kernel::{Node, Stream};

/// The distribution of what is drawn.
const LAW: Parameter = Parameter {
    name: "law",
    help: "how the numbers are distributed",
    shape: Shape::Choice(&[
        ("normal", "mean 0, variance 1"),
        ("uniform", "from -1 up to 1"),
    ]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// A gate of random numbers, those that torch draws for all gates of a model.
pub(crate) static DRAWN_GATE: Method = Method {
    id: "drawn_gate",
    summary: "adds the random numbers that torch draws after `manual_seed(seed)`",
    formula: "a + scale r, r from element skip on of a tensor of total elements that torch fills",
    source: "",
    group: Group::Arithmetic,
    peers: &[mergekit("mergekit-moe").but("`gate_mode: random` and `uniform_random`")],
    base: Base::None,
    models_min: 1,
    models_max: 1,
    inputs: &[Input::same("a")],
    result: Domain::Same,
    parameters: &[
        LAW,
        number("scale", "factor of the numbers", 1.0, Range::Finite),
        number("skip", "elements before", 0.0, Range::NotNegative),
        number("total", "elements in all", 0.0, Range::NotNegative),
    ],
    ratio: None,
    lower: &|l| {
        let [skip, total] = ["skip", "total"].map(|name| l.parameters.number(name, 0) as u64);
        drawn(l, (l.seed, skip, total))
    },
};

/// Noise, other for each tensor.
pub(crate) static ADD_NOISE: Method = Method {
    id: "add_noise",
    summary: "adds normal noise, other for each tensor",
    formula: "a + scale r, r normal with mean 0 and variance 1",
    source: "",
    group: Group::Arithmetic,
    peers: &[mergekit("mergekit-moe").but("`noise_scale`")],
    base: Base::None,
    models_min: 1,
    models_max: 1,
    inputs: &[Input::same("a")],
    result: Domain::Same,
    parameters: &[
        LAW,
        number("scale", "factor of the noise", 1.0, Range::Finite),
    ],
    ratio: None,
    lower: &|l| {
        let Stream([word, ..]) = Stream::dropout(l.seed, 0, l.key);
        drawn(l, (u64::from(word), 0, l.elements))
    },
};

/// A gate towards what prompts are about.
pub(crate) static GATE_OF_PROMPTS: Method = Method {
    id: "gate_of_prompts",
    summary: "the direction of rows away from other rows",
    formula: "u/|u|, u = a/|a| - b/|b| row by row, each norm at least 1e-8",
    source: "",
    group: Group::Arithmetic,
    peers: &[mergekit("mergekit-moe").but("`gate_mode: cheap_embed`")],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::same("b")],
    result: Domain::Same,
    parameters: &[],
    ratio: None,
    lower: &|l| {
        let rows = l.values();
        l.expression.host(RowDirections, &rows)
    },
};

fn drawn(l: &mut Lowering<'_>, (seed, skip, total): (u64, u64, u64)) -> Node {
    let law = match l.parameters.word("law") {
        "uniform" => Law::Uniform,
        _ => Law::Normal,
    };
    let draws = AddDraws {
        seed,
        law,
        scale: l.parameters.number("scale", 0) as f32,
        skip,
        total,
    };
    let values = l.values();
    l.expression.host(draws, &values)
}
