//! The drop of safetensors-merge-supermario, whose probability is that of keeping.

use super::consensus::LAMBDA;
use super::dare::kept;
use super::peer;
use super::{
    Argument, Base, Default, Domain, Group, Lowering, MODELS, Method, Parameter, Range, Shape,
    Space,
};
use crate::kernel::{Formula, Node};

/// The kept share.
const P: Parameter = Parameter {
    name: "p",
    help: "probability with which an entry is KEPT; what is kept is divided by 1 - p",
    shape: Shape::Number(Default::Is(0.5), Range::BelowOne),
    per_model: false,
    per_element: false,
    complement: None,
};

/// What becomes of the gates of mixtures of experts.
const AVERAGE: Parameter = Parameter {
    name: "average",
    help: "take the plain average of both instead, as the tool does with gates of mixtures",
    shape: Shape::Flag(false),
    per_model: false,
    per_element: false,
    complement: None,
};

/// supermario's merge of two models.
pub(super) static SUPERMARIO: Method = Method {
    id: "supermario",
    summary: "keeps random entries of a task vector and rescales them as \
        safetensors-merge-supermario does; the paper's is dare_linear",
    formula: "b + λ x (m - b) / (1 - p), x ~ Bernoulli(p)",
    source: "Yu et al., arXiv:2311.03099, at p = 0.5",
    group: Group::Random,
    peers: &[peer::supermario("merge.py")],
    base: Base::Required,
    models_min: 1,
    models_max: 1,
    inputs: MODELS,
    result: Domain::Only(Space::Weight),
    parameters: &[P, LAMBDA, AVERAGE],
    ratio: Some("lambda"),
    lower: &supermario,
};

fn supermario(l: &mut Lowering<'_>) -> Node {
    let base = l.base();
    let model = l.models[0];
    if l.parameters.flag("average") {
        let sum = l.call(Formula::Add, &[base, model.node]);
        return l.scale(sum, 0.5);
    }
    let p = l.number("p", model);
    let lambda = l.parameters.number("lambda", 0);
    if p == 0.0 || lambda == 0.0 {
        return base;
    }
    let delta = l.call(Formula::Sub, &[model.node, base]);
    let delta = Argument {
        node: delta,
        ..model
    };
    let kept = kept(l, delta, p);
    l.shift(base, kept, lambda / (1.0 - p))
}
