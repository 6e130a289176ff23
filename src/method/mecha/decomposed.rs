//! Methods that take a tensor as a matrix: its directions, its factors, its rotation.

use super::dropout::TORCH_SEED;
use super::{flag, number};
use crate::kernel::host::{Kronecker, LowRank, Rotate};
use crate::kernel::linear::Basis;
use crate::kernel::{Formula, Node};
use crate::method::peer::sd_mecha;
use crate::method::{Base, Domain, Group, Input, Lowering, Method, Parameter, Range, Space};

/// How directions are found.
const APPROXIMATE: Parameter = flag(
    "use_approximate_basis",
    "find directions from random ones; else by a whole decomposition",
    true,
);
const STEPS: Parameter = number(
    "approximate_basis_iters",
    "steps of iteration from the random directions",
    2.0,
    Range::Steps,
);
const SEED: Parameter = number(
    "approximate_basis_seed",
    "seed of the random directions, each tensor's anew; torch's own if negative",
    TORCH_SEED,
    Range::Whole,
);

/// The directions of the largest singular values.
pub(super) static TRUNCATE_RANK: Method = Method {
    id: "truncate_rank",
    summary: "keeps the rank directions of a task vector in which it is largest",
    formula: "Σ σᵢ uᵢ vᵢᵀ over the rank largest σ; a matrix is the first dimension by all others; \
        approximate: Q Qᵀ a, Q a basis of the image of random directions",
    source: "Halko et al., arXiv:0909.4061",
    group: Group::LinearAlgebra,
    peers: &[sd_mecha("truncate_rank")],
    base: Base::None,
    models_min: 1,
    models_max: 1,
    inputs: &[Input::delta("a")],
    result: Domain::Only(Space::Delta),
    parameters: &[
        number(
            "rank",
            "directions that are kept, rounded",
            8.0,
            Range::Finite,
        ),
        APPROXIMATE,
        STEPS,
        SEED,
    ],
    ratio: None,
    lower: &truncate_rank,
};

/// How many directions a share of them is.
pub(super) static GET_RANK_FROM_RATIO: Method = Method {
    id: "get_rank_from_ratio",
    summary: "gives the rank that is a share of a tensor's largest, for the rank of truncate_rank",
    formula: "ratio min(rows, columns), rounded; a matrix is the first dimension by all others",
    source: "",
    group: Group::LinearAlgebra,
    peers: &[sd_mecha("get_rank_from_ratio")],
    base: Base::None,
    models_min: 1,
    models_max: 1,
    inputs: &[Input::same("a")],
    result: Domain::Only(Space::Param),
    parameters: &[number("ratio", "the share", 0.5, Range::Finite)],
    ratio: None,
    lower: &get_rank_from_ratio,
};

/// The nearest Kronecker product.
pub(super) static TRUNCATE_KRONECKER: Method = Method {
    id: "truncate_kronecker",
    summary: "replaces a task vector by the nearest Kronecker product of two factors",
    formula: "w₁ ⊗ w₂ nearest to a, w₁ a matrix whose size is by kronecker_ratio between one entry \
        and a's rows and columns",
    source: "",
    group: Group::LinearAlgebra,
    peers: &[sd_mecha("truncate_kronecker")],
    base: Base::None,
    models_min: 1,
    models_max: 1,
    inputs: &[Input::delta("a")],
    result: Domain::Only(Space::Delta),
    parameters: &[
        number(
            "kronecker_ratio",
            "how large the first factor is, in the logarithm of its size",
            0.5,
            Range::Finite,
        ),
        APPROXIMATE,
        STEPS,
        SEED,
    ],
    ratio: None,
    lower: &truncate_kronecker,
};

/// Turned towards another model.
pub(super) static ROTATE: Method = Method {
    id: "rotate",
    summary: "turns each tensor of a towards b's by the orthogonal matrix that takes it nearest",
    formula: "lerp(a - c ā, (b - c b̄) Q⁻¹, alpha) Q^alignment + c lerp(ā, b̄, alignment), Q the \
        orthogonal matrix that minimises ‖(a - c ā) Q - (b - c b̄)‖, ā and b̄ the columns' means, \
        c centralization; lerp(a, b, alpha) where a and b are equal in f16, or have one dimension",
    source: "",
    group: Group::LinearAlgebra,
    peers: &[sd_mecha("rotate")],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[Input::same("a"), Input::same("b")],
    result: Domain::Same,
    parameters: &[
        number("alignment", "the power of the rotation", 1.0, Range::Finite),
        number(
            "alpha",
            "how far a goes to what b is when it is turned back",
            0.0,
            Range::Finite,
        ),
        number(
            "centralization",
            "share of the columns' means that is not turned",
            1.0,
            Range::Finite,
        ),
        number(
            "stiefel_eps",
            "error of a fractional power of a wide matrix that is small enough",
            1e-8,
            Range::Positive,
        ),
        number(
            "stiefel_max_iters",
            "steps of a fractional power of a wide matrix at most",
            100.0,
            Range::Steps,
        ),
    ],
    ratio: Some("alignment"),
    lower: &rotate,
};

fn basis(l: &Lowering<'_>) -> Basis {
    if !l.parameters.flag("use_approximate_basis") {
        return Basis::Exact;
    }
    let seed = match l.parameters.number("approximate_basis_seed", 0) {
        seed if seed < 0.0 => TORCH_SEED,
        seed => seed,
    };
    Basis::Random {
        steps: l.parameters.number("approximate_basis_iters", 0) as u64,
        seed: seed as u64,
    }
}

/// The largest rank of a tensor, as a matrix of its first dimension by all others.
fn rank_max(shape: &[u64]) -> u64 {
    let (rows, columns) = shape.split_at(shape.len().min(1));
    rows.iter().product::<u64>().min(columns.iter().product())
}

fn get_rank_from_ratio(l: &mut Lowering<'_>) -> Node {
    let most = rank_max(l.shape) as f64;
    let rank = most * l.parameters.number("ratio", 0);
    // Of the tensor, not of what it is a part of.
    l.placed = true;
    l.one_number(rank.round_ties_even().clamp(0.0, most))
}

fn truncate_rank(l: &mut Lowering<'_>) -> Node {
    let a = l.input("a");
    let rank = l.parameters.number("rank", 0).round_ties_even().max(0.0);
    if l.shape.len() < 2 || rank >= rank_max(l.shape) as f64 {
        return a;
    }
    if rank == 0.0 {
        return l.scale(a, 0.0);
    }
    let (rank, basis) = (rank as u64, basis(l));
    l.expression.host(LowRank { rank, basis }, &[a])
}

fn truncate_kronecker(l: &mut Lowering<'_>) -> Node {
    let a = l.input("a");
    if l.shape.len() < 2 {
        return a;
    }
    let ratio = l.parameters.number("kronecker_ratio", 0);
    let basis = basis(l);
    l.expression.host(Kronecker { ratio, basis }, &[a])
}

fn rotate(l: &mut Lowering<'_>) -> Node {
    let [a, b] = super::linear::pair(l);
    let number = |name: &str| l.parameters.number(name, 0);
    let (alignment, alpha) = (number("alignment"), number("alpha"));
    if alignment == 0.0 && alpha == 0.0 {
        return a;
    }
    if alignment == 1.0 && alpha == 1.0 {
        return b;
    }
    let op = Rotate {
        alignment,
        alpha,
        centralization: number("centralization"),
        stiefel_eps: number("stiefel_eps"),
        stiefel_max_iters: number("stiefel_max_iters") as u64,
    };
    if l.shape.len() < 2 {
        let difference = l.call(Formula::Sub, &[b, a]);
        return l.add_scaled(a, difference, alpha);
    }
    l.expression.host(op, &[a, b])
}
