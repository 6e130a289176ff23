//! DARE and DELLA before TIES, with torch's random numbers.

use super::median::{EPS, FTOL, MAXITER};
use super::stock::COS_EPS;
use super::ties::{APPLY_MEDIAN, APPLY_STOCK, VOTE_SGN, extended, k};
use super::{flag, number};
use crate::kernel::host::CentredRank;
use crate::kernel::{Formula, Made, Node, Operand};
use crate::method::peer::sd_mecha;
use crate::method::{Base, Domain, Group, Input, Lowering, Method, Range, Space};

/// The seed of a torch generator that was given none.
pub(super) const TORCH_SEED: f64 = 67_280_421_310_721.0;

/// TIES after a random drop.
pub(super) static TIES_SUM_WITH_DROPOUT: Method = Method {
    id: "ties_sum_with_dropout",
    summary: "drops random entries of task vectors, then ties_sum_extended, then rescales",
    formula: "ties_sum_extended(dᵢ [uᵢ < 1 - p + e]) / (1 - p), u from torch's Mersenne Twister, \
        e = della_eps (rank/n - (n+1)/2n)",
    source: "Yu et al., arXiv:2311.03099; Deep et al., arXiv:2406.11617",
    group: Group::Random,
    peers: &[sd_mecha("ties_sum_with_dropout")],
    base: Base::None,
    models_min: 1,
    models_max: usize::MAX,
    inputs: &[Input::delta("deltas")],
    result: Domain::Only(Space::Delta),
    parameters: &[
        number("probability", "share that is dropped", 0.9, Range::Unit),
        number(
            "della_eps",
            "how much less likely large entries are dropped than small ones",
            0.0,
            Range::Finite,
        ),
        flag("rescale", "divide by the share that is kept", true),
        k(0.2),
        VOTE_SGN,
        APPLY_STOCK,
        COS_EPS,
        APPLY_MEDIAN,
        EPS,
        MAXITER,
        FTOL,
        number(
            "seed",
            "seed of the generator, each tensor's anew; torch's own if negative",
            TORCH_SEED,
            Range::Whole,
        ),
    ],
    ratio: None,
    lower: &ties_sum_with_dropout,
};

fn ties_sum_with_dropout(l: &mut Lowering<'_>) -> Node {
    let values = l.inputs("deltas");
    let dropped = l.parameters.number("probability", 0);
    // In f32, as the tensor that torch draws from.
    let kept = 1.0 - dropped as f32;
    if kept == 0.0 {
        return l.scale(values[0], 0.0);
    }
    let seed = match l.parameters.number("seed", 0) {
        seed if seed < 0.0 => TORCH_SEED,
        seed => seed,
    };
    let survivors: Vec<Node> = (0..)
        .zip(&values)
        .map(|(draw, &value)| {
            let uniform = l.expression.make(Made::TorchUniform {
                seed: seed as u64,
                draw,
            });
            keep(l, value, uniform, kept)
        })
        .collect();
    let merged = extended(l, &survivors);
    if l.parameters.flag("rescale") {
        l.scale(merged, 1.0 / f64::from(kept))
    } else {
        merged
    }
}

/// Keeps entries with a probability, which DELLA bends by the rank of their magnitude.
fn keep(l: &mut Lowering<'_>, value: Node, uniform: Node, kept: f32) -> Node {
    let bend = l.parameters.number("della_eps", 0);
    let kept: Operand = l.expression.scalar(f64::from(kept));
    if bend == 0.0 {
        let operands = [value.into(), uniform.into(), kept];
        return l.expression.call(Formula::KeepBelow, &operands);
    }
    let centred = l.expression.host(CentredRank, &[value]);
    let bent = l.scale(centred, bend);
    let raised = l.expression.call(Formula::Raise, &[bent.into(), kept]);
    let probability = l.call(Formula::Unit, &[raised]);
    l.call(Formula::KeepBelowEach, &[value, uniform, probability])
}
