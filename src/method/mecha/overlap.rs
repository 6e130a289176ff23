//! DARE of several task vectors, with numpy's random numbers.

use super::number;
use crate::kernel::{Formula, Made, Node};
use crate::method::peer::sd_mecha;
use crate::method::{Base, Domain, Group, Input, Lowering, Method, Range, Space};

/// The mean of what is kept.
pub(super) static DROPOUT: Method = Method {
    id: "dropout",
    summary: "drops random entries of task vectors and averages what is left of them",
    formula: "Σ mᵢdᵢ / max(1, Σ mᵢ) / (1-p)^rescale, mᵢ from numpy's binomial(1, 1-p); not \
        rescaled at p = 1",
    source: "Yu et al., arXiv:2311.03099",
    group: Group::Random,
    peers: &[sd_mecha("dropout")],
    base: Base::None,
    models_min: 1,
    models_max: usize::MAX,
    inputs: &[Input::delta("deltas")],
    result: Domain::Only(Space::Delta),
    parameters: &[
        number("probability", "share that is dropped", 0.9, Range::Unit),
        number(
            "rescale",
            "exponent of the share that is kept",
            1.0,
            Range::Finite,
        ),
        number(
            "overlap",
            "how masks overlap: odd, each is drawn by itself; sd-mecha fails for all else",
            1.0,
            Range::Odd,
        ),
        number(
            "overlap_emphasis",
            "read for sd-mecha's sake, and without effect where the overlap is odd",
            0.0,
            Range::Finite,
        ),
        number(
            "seed",
            "seed of the generator, each tensor's anew; 0 if negative",
            0.0,
            Range::Whole,
        ),
    ],
    ratio: None,
    lower: &dropout,
};

fn dropout(l: &mut Lowering<'_>) -> Node {
    let deltas = l.inputs("deltas");
    let [dropped, exponent, seed] =
        ["probability", "rescale", "seed"].map(|name| l.parameters.number(name, 0));
    let seed = seed.max(0.0) as u64;
    let share = 1.0 - dropped;
    let masks: Vec<Node> = (0..deltas.len() as u32)
        .map(|draw| l.expression.make(Made::NumpyBinomial { seed, draw, share }))
        .collect();
    let pairs = deltas.iter().zip(&masks);
    let kept: Vec<Node> = pairs
        .map(|(&delta, &mask)| l.call(Formula::Mul, &[delta, mask]))
        .collect();
    let (sum, count) = (l.total(&kept), l.total(&masks));
    let one = l.expression.scalar(1.0);
    let one = l.expression.call(Formula::Fill, &[one]);
    let count = l.call(Formula::Greatest, &[count, one]);
    let mean = l.call(Formula::Mean, &[sum, count]);
    let divisor = share.powf(exponent);
    if dropped == 1.0 || divisor == 1.0 || !divisor.is_finite() {
        return mean;
    }
    // Divided, as torch does.
    let divisor = l.scalar(divisor);
    let divisor = l.expression.call(Formula::Fill, &[divisor]);
    l.call(Formula::Mean, &[mean, divisor])
}
