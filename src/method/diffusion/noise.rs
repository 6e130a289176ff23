//! Methods of supermerger that change one model.

use super::sum::NOT_SCALED;
use super::{Lowering, Method, Node, number, numbers, of};
use crate::kernel::{Formula, Operand};
use crate::method::peer::supermerger;
use crate::method::{Argument, Group, Input, Parameter, Range, Shape};

const ONE: &[Input] = &[Input::weight("a")];

/// Random numbers.
pub(in crate::method) static ADD_NOISE: Method = Method {
    id: "add_noise",
    summary: "adds random numbers to a model, but for norms and output projections",
    formula: "a + alpha z, z ~ N(0, 1) by the seed; a itself where the name has `to_out`, \
        `proj_out` or `norm`",
    source: "",
    group: Group::Diffusion,
    peers: &[supermerger("plus random")],
    parameters: &[number(
        "alpha",
        "standard deviation of what is added",
        0.01,
        Range::Finite,
    )],
    ..of(ONE, &|l| {
        let node = l.input("a");
        let [alpha] = numbers(l, ["alpha"]);
        if alpha == 0.0 || NOT_SCALED.iter().any(|part| l.key.contains(part)) {
            return node;
        }
        let words = [0, 1].map(|position| l.dropout_words(Argument { position, node }));
        let alpha = l.scalar(alpha);
        let operands = [node.into(), words[0].into(), words[1].into(), alpha];
        l.expression.call(Formula::AddNormal, &operands)
    })
};

/// Whose colours are meant.
const COLOURS: Parameter = Parameter {
    name: "colours",
    help: "which latents the colours are of",
    shape: Shape::Choice(&[("sd1", "those of SD 1 and 2"), ("sdxl", "those of SDXL")]),
    per_model: false,
    per_element: false,
    complement: None,
};

/// A few tensors at the ends.
pub(in crate::method) static ADJUST: Method = Method {
    id: "adjust",
    summary: "adjusts detail, contrast and colours by the outermost tensors of SD 1 or SDXL",
    formula: "of `model.diffusion_model.` `input_blocks.0.0`: weight (1 - in/100), bias (1 + \
        in/50); `out.0`: the same with out; `out.2`: weight (1 - out2/100), bias + (contrast, \
        brightness c₀ + red c₁ + green c₂ + blue c₃)/50, c four directions of three latents; \
        others as they are",
    source: "",
    group: Group::Diffusion,
    peers: &[supermerger("Adjust")],
    parameters: &[
        number("in", "detail, by the first convolution", 0.0, Range::Finite),
        number("out", "detail, by the last norm", 0.0, Range::Finite),
        number(
            "out2",
            "detail, by the last convolution",
            0.0,
            Range::Finite,
        ),
        number("contrast", "contrast", 0.0, Range::Finite),
        number("brightness", "brightness", 0.0, Range::Finite),
        number("red", "the first colour", 0.0, Range::Finite),
        number("green", "the second colour", 0.0, Range::Finite),
        number("blue", "the third colour", 0.0, Range::Finite),
        COLOURS,
    ],
    ratio: None,
    ..of(ONE, &adjust)
};

fn adjust(l: &mut Lowering<'_>) -> Node {
    let a = l.input("a");
    let [first, norm, last] = numbers(l, ["in", "out", "out2"]);
    let part = l
        .key
        .strip_prefix("model.diffusion_model.")
        .unwrap_or_default();
    match part {
        "input_blocks.0.0.weight" => l.scale(a, 1.0 - first / 100.0),
        "input_blocks.0.0.bias" => l.scale(a, 1.0 + first / 50.0),
        "out.0.weight" => l.scale(a, 1.0 - norm / 100.0),
        "out.0.bias" => l.scale(a, 1.0 + norm / 50.0),
        "out.2.weight" => l.scale(a, 1.0 - last / 100.0),
        "out.2.bias" if l.elements == 4 => tinted(l, a),
        _ => a,
    }
}

/// The bias of the last convolution, with contrast and colours.
fn tinted(l: &mut Lowering<'_>, bias: Node) -> Node {
    const THIRD: f64 = 1.0 / 3.0;
    let directions = match l.parameters.word("colours") {
        "sdxl" => [
            [0.0, 0.0, 1.0],
            [1.0, 0.0, 0.0],
            [-1.0, -1.0, 0.0],
            [-1.0, 1.0, 0.0],
        ],
        _ => [
            [-1.0, THIRD, 2.0 * THIRD],
            [1.0, 1.0, 0.0],
            [0.0, -1.0, -1.0],
            [1.0, 0.0, 1.0],
        ],
    };
    let amounts = numbers(l, ["brightness", "red", "green", "blue"]);
    let latent = |at: usize| {
        let parts = directions
            .iter()
            .zip(amounts)
            .map(|(own, amount)| own[at] * amount);
        parts.sum::<f64>()
    };
    let [contrast] = numbers(l, ["contrast"]);
    let shifts = [contrast, latent(0), latent(1), latent(2)];
    let mut tinted = bias;
    for (place, shift) in (0_u64..).zip(shifts) {
        let amount = l.constant(shift / 50.0);
        let own = l.call(Formula::Shift, &[bias, amount]);
        let ends = [place, place + 1].map(|end| l.expression.cutoff(end));
        let operands = [own.into(), tinted.into(), Operand::Index, ends[0], ends[1]];
        tinted = l.expression.call(Formula::Between, &operands);
    }
    l.placed = true;
    tinted
}
