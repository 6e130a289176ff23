//! Assembly of Experts: only tensors that differ enough are merged.

use super::mecha::number;
use super::{
    Base, Default, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Shape, Space,
};
use crate::kernel::{Derive, Formula, Node};

/// A weight per model; what they lack of one is the base's.
const WEIGHT: Parameter = Parameter {
    name: "weight",
    help: "weight of each model; the base has what they lack of one",
    shape: Shape::Number(Default::EqualShare, Range::Finite),
    per_model: true,
    per_element: false,
    complement: None,
};

/// Assembly of Experts.
pub(super) static ASSEMBLY_OF_EXPERTS: Method = Method {
    id: "assembly_of_experts",
    summary: "merges those tensors in which a model is far enough from the base",
    formula: "(1 - Σ wᵢ) b + Σ wᵢ mᵢ where max |mᵢ - b|/√n > threshold with n elements in the \
        tensor and its Frobenius norm, else b",
    source: "Klagges et al., arXiv:2506.14794",
    group: Group::Geometry,
    peers: &[],
    base: Base::Required,
    models_min: 1,
    models_max: usize::MAX,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[
        WEIGHT,
        number(
            "threshold",
            "root mean square of a tensor's differences up to which it stays the base's",
            0.0,
            Range::NotNegative,
        ),
    ],
    ratio: None,
    lower: &assembly_of_experts,
};

fn assembly_of_experts(l: &mut Lowering<'_>) -> Node {
    let base = l.base();
    let weights = l.weights();
    let rest = 1.0 - weights.iter().sum::<f64>();
    let terms: Vec<(Node, f64)> = l.values().into_iter().zip(weights).collect();
    let terms = [&[(base, rest)], &terms[..]].concat();
    let merged = l.mean(&terms);
    let deltas = l.deltas();
    let squares = deltas
        .iter()
        .map(|delta| l.call(Formula::Mul, &[delta.node, delta.node]));
    let squares: Vec<Node> = squares.collect();
    let derive = Derive {
        function: |sums, parameters| {
            let &[elements, threshold] = parameters else {
                return Vec::new();
            };
            let far = |sum: &f64| (sum / elements).sqrt() > threshold;
            vec![f64::from(u8::from(sums.iter().any(far)))]
        },
        parameters: vec![l.elements as f64, l.parameters.number("threshold", 0)],
    };
    let far = l.expression.sums(&squares, derive, 1)[0];
    let operands = [merged.into(), base.into(), far];
    l.expression.call(Formula::Choose, &operands)
}
