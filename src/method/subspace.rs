//! Methods that merge task vectors in the directions of their singular vectors.

use super::consensus::LAMBDA;
use super::mecha::number;
use super::{Base, Domain, Group, Lower, Lowering, MODELS, Method, Parameter, Range, Space};
use crate::kernel::Node;
use crate::kernel::host::Subspace;

/// What all of them have in common. To tensors that are no matrices to their authors the mean task
/// vector is added.
const fn method(
    id: &'static str,
    summary: &'static str,
    formula: &'static str,
    source: &'static str,
    parameters: &'static [Parameter],
    lower: Lower,
) -> Method {
    Method {
        id,
        summary,
        formula,
        source,
        group: Group::LinearAlgebra,
        peers: &[],
        base: Base::Required,
        models_min: 1,
        models_max: usize::MAX,
        inputs: MODELS,
        result: Domain::Only(Space::Weight),
        parameters,
        ratio: Some("lambda"),
        lower,
    }
}

/// TSV-M.
pub(super) static TSV_M: Method = method(
    "tsv_m",
    "adds the leading singular vectors of each task vector, made orthonormal together",
    "b + λ P(U) S P(V)ᵀ, U, S, V the ⌊k/T⌋ largest singular triples of each of the T task \
        vectors, k the directions of a matrix, P(U) the orthonormal matrix nearest to U; where k < \
        T, and tensors of other than two dimensions: b + λ mean",
    "TSV-M: Gargiulo et al., arXiv:2412.00081",
    &[LAMBDA],
    &|l: &mut Lowering<'_>| merged(l, Subspace::TaskSingular),
);

/// Iso-C.
pub(super) static ISO_C: Method = method(
    "iso_c",
    "adds the sum of task vectors with equal singular values",
    "b + λ σ̄ U Vᵀ, U S Vᵀ = Σ tᵢ, σ̄ the mean of S; tensors of other than two dimensions: b + λ \
        mean",
    "Iso-C: Marczak et al., arXiv:2502.04959",
    &[LAMBDA],
    &|l: &mut Lowering<'_>| merged(l, Subspace::Isotropic),
);

/// Iso-CTS.
pub(super) static ISO_CTS: Method = method(
    "iso_cts",
    "adds common directions of task vectors and some of each alone, with equal singular values",
    "b + λ σ̄ P(U) P(V)ᵀ, U, V the share common_space_fraction of the singular vectors of Σ tᵢ, \
        and an equal part of the rest from each tᵢ beside these, σ̄ the mean of their singular \
        values; tensors of other than two dimensions: b + λ mean",
    "Iso-CTS: Marczak et al., arXiv:2502.04959",
    &[
        LAMBDA,
        number(
            "common_space_fraction",
            "share of the directions that are the sum's",
            0.8,
            Range::Unit,
        ),
    ],
    &|l: &mut Lowering<'_>| {
        let common = l.parameters.number("common_space_fraction", 0);
        merged(l, Subspace::CommonAndSpecific { common })
    },
);

/// STAR.
pub(super) static STAR: Method = method(
    "star",
    "adds the mean of task vectors of which the leading singular values are kept and scaled up",
    "b + λ mean(ΣS/ΣSᵣ Uᵣ Sᵣ Vᵣᵀ), r the fewest singular values with ΣSᵣ ≥ eta ΣS; of more than \
        two dimensions the first are rows, all others columns; vectors: b + λ mean",
    "STAR: Lee et al., arXiv:2502.10339",
    &[
        LAMBDA,
        number(
            "eta",
            "share of the sum of singular values that is kept",
            0.4,
            Range::Share,
        ),
    ],
    &|l: &mut Lowering<'_>| {
        let energy = l.parameters.number("eta", 0);
        merged(l, Subspace::Truncated { energy })
    },
);

/// KnOTS-TIES.
pub(super) static KNOTS_TIES: Method = method(
    "knots_ties",
    "merges task vectors by TIES in the singular vectors that they have in common",
    "b + λ U TIES(S V₁ᵀ … S V_Tᵀ), U S [V₁ᵀ … V_Tᵀ] = [t₁ … t_T] of the singular values above \
        1e-5, TIES of the density largest entries of each in the tensor, the sign of their sum and \
        the mean of those that have it; of more than two dimensions the first are rows, all others \
        columns; vectors: b + λ mean",
    "KnOTS: Stoica et al., arXiv:2410.19735; Yadav et al., arXiv:2306.01708",
    &[
        LAMBDA,
        number(
            "density",
            "kept share of each task's part",
            0.2,
            Range::Share,
        ),
    ],
    &|l: &mut Lowering<'_>| {
        let density = l.parameters.number("density", 0);
        merged(l, Subspace::Aligned { density })
    },
);

/// The base plus λ times what becomes of the task vectors.
fn merged(l: &mut Lowering<'_>, op: Subspace) -> Node {
    let base = l.base();
    let lambda = l.parameters.number("lambda", 0);
    if lambda == 0.0 {
        return base;
    }
    let deltas: Vec<Node> = l.deltas().into_iter().map(|delta| delta.node).collect();
    let least = match l.shape {
        [rows, rest @ ..] if !rest.is_empty() => (*rows).min(rest.iter().product()),
        _ => 0,
    };
    let decomposed = match op {
        // Else no direction is left to each of them.
        Subspace::TaskSingular => l.shape.len() == 2 && least >= deltas.len() as u64,
        Subspace::Isotropic | Subspace::CommonAndSpecific { .. } => l.shape.len() == 2,
        Subspace::Truncated { .. } | Subspace::Aligned { .. } => true,
    };
    if !decomposed || least == 0 {
        let sum = l.total(&deltas);
        return l.shift(base, sum, lambda / deltas.len() as f64);
    }
    let merged = l.expression.host(op, &deltas);
    l.shift(base, merged, lambda)
}
