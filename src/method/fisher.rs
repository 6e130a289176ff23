//! Fisher merging, from statistics that were found beforehand.

use super::mecha::number;
use super::{
    Argument, Base, Domain, Group, Input, Lowering, Method, Parameter, ParameterError, Range, Space,
};
use crate::kernel::{Formula, Node};

/// Factors of the statistics.
const WEIGHT: Parameter = Parameter {
    per_model: true,
    ..number(
        "weight",
        "factor of the statistics: one for all inputs, or one for each of them, of which those of \
            a model and its statistics are multiplied",
        1.0,
        Range::Positive,
    )
};

/// Fisher merging.
pub(super) static FISHER: Method = Method {
    id: "fisher",
    summary: "the mean of models, each element weighted by how much its model depends on it",
    formula: "Σ Fᵢ mᵢ / Σ Fᵢ, Fᵢ = wᵢ max(fᵢ, floor); the inputs are pairs of a model mᵢ and its \
        statistics fᵢ, the diagonal of its Fisher information under the tensors' own names; \
        what is below the floor, numbers below 0 too, counts as the floor, as in its code",
    source: "Matena and Raffel, arXiv:2111.09832",
    group: Group::Averages,
    peers: &[],
    base: Base::None,
    models_min: 4,
    models_max: usize::MAX,
    inputs: &[Input::weight("models_and_statistics")],
    result: Domain::Only(Space::Weight),
    parameters: &[
        WEIGHT,
        number(
            "floor",
            "what smaller statistics count as",
            1e-6,
            Range::Positive,
        ),
    ],
    ratio: None,
    lower: &fisher,
};

fn fisher(l: &mut Lowering<'_>) -> Node {
    let models = l.models.clone();
    let floor = l.parameters.number("floor", 0);
    let floor = l.constant(floor);
    let mut factors: Vec<(Node, Node)> = Vec::new();
    for pair in pairs(l, &models) {
        let [model, statistics] = pair;
        let weight = l.number("weight", model) * l.number("weight", statistics);
        let factor = l.call(Formula::Greatest, &[statistics.node, floor]);
        factors.push((model.node, l.scale(factor, weight)));
    }
    let [(anchor, first), others @ ..] = factors.as_slice() else {
        return models[0].node;
    };
    // The first model moved by the others' differences: so copies of a model give the model.
    let (mut total, mut moved) = (*first, None);
    for &(model, factor) in others {
        let difference = l.call(Formula::Sub, &[model, *anchor]);
        let part = l.call(Formula::Mul, &[difference, factor]);
        total = l.call(Formula::Add, &[total, factor]);
        moved = Some(match moved {
            None => part,
            Some(moved) => l.call(Formula::Add, &[moved, part]),
        });
    }
    let Some(moved) = moved else {
        return *anchor;
    };
    let mean = l.call(Formula::Mean, &[moved, total]);
    l.shift(*anchor, mean, 1.0)
}

/// Models with their statistics. That one lacks the other is a fault.
fn pairs(l: &mut Lowering<'_>, inputs: &[Argument]) -> Vec<[Argument; 2]> {
    let mut pairs = Vec::new();
    for pair in inputs.chunk_by(|a, b| a.position / 2 == b.position / 2) {
        match pair {
            &[model, statistics] => pairs.push([model, statistics]),
            _ => {
                let position = pair[0].position;
                l.fault.get_or_insert(ParameterError::Unpaired {
                    method: l.method.id,
                    input: position + 1,
                    lacks: if position % 2 == 0 {
                        "statistics"
                    } else {
                        "model"
                    },
                });
            }
        }
    }
    pairs
}
