//! mergekit's methods by their names: what they take, and what they are among the methods here.

use super::parameter::{Default, Parameter, each, flag, number};
use super::values::Values;
use crate::figures::counted;
use crate::method::ParameterValue;

/// A method of mergekit.
#[derive(Debug)]
pub(super) struct Row {
    /// Its name.
    pub name: &'static str,
    /// Its parameters.
    pub parameters: &'static [Parameter],
    /// What it does with a base model.
    pub base: Base,
    /// The least number of inputs besides a base that stands apart.
    pub min: usize,
    /// The greatest number.
    pub max: usize,
    /// What it is among the methods here.
    pub core: Core,
}

/// What a method does with a base model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// It is an input like any other.
    Input,
    /// It must be one of the inputs, and comes first.
    First,
    /// The method needs it, apart from the inputs.
    Apart,
    /// The method takes one apart from the inputs, if it is given.
    Optional,
}

/// A method here, and how it gets its parameters.
#[derive(Clone, Copy, Debug)]
pub(super) struct Core {
    /// The method's identifier.
    pub id: &'static str,
    /// Its parameters for a tensor.
    pub values: fn(&Values) -> Vec<(&'static str, ParameterValue)>,
}

const WEIGHT: Parameter = each("weight", Default::Required);
const DENSITY: Parameter = each("density", Default::Is(1.0));
const GAMMA: Parameter = each("gamma", Default::Is(0.01));
const EPSILON: Parameter = each("epsilon", Default::Is(0.15));
const LAMBDA: Parameter = number("lambda", Default::Is(1.0));
const SHARED: Parameter = number("epsilon", Default::Is(1e-5));
const RESCALE: Parameter = flag("rescale", true);
const RESCALE_OFF: Parameter = flag("rescale", false);
const NORMALIZE: Parameter = flag("normalize", true);
const NORMALIZE_OFF: Parameter = flag("normalize", false);

const fn row(name: &'static str, base: Base, parameters: &'static [Parameter]) -> Row {
    Row {
        name,
        parameters,
        base,
        // The base alone is the result.
        min: if matches!(base, Base::Apart) { 0 } else { 1 },
        max: usize::MAX,
        core: Core {
            id: name,
            values: |_| Vec::new(),
        },
    }
}

impl Row {
    const fn inputs(self, min: usize, max: usize) -> Row {
        Row { min, max, ..self }
    }

    const fn is(
        self,
        id: &'static str,
        values: fn(&Values) -> Vec<(&'static str, ParameterValue)>,
    ) -> Row {
        Row {
            core: Core { id, values },
            ..self
        }
    }

    /// The parameter of a name.
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|own| own.name == name)
    }

    /// How many inputs it takes, as a text.
    pub fn count(&self) -> String {
        match (self.min, self.max) {
            (min, usize::MAX) => format!("at least {}", counted(min, "model")),
            (min, max) if min == max => format!("exactly {}", counted(min, "model")),
            (min, max) => format!("{min} to {}", counted(max, "model")),
        }
    }
}

/// The methods.
pub(super) static ROWS: [Row; 20] = [
    row("linear", Base::Input, &[WEIGHT, NORMALIZE]).is("linear", Values::linear),
    row("slerp", Base::First, &[number("t", Default::Required)])
        .inputs(2, 2)
        .is("slerp", Values::slerp),
    row(
        "task_arithmetic",
        Base::Apart,
        &[WEIGHT, NORMALIZE_OFF, RESCALE_OFF, LAMBDA],
    )
    .is("task_arithmetic", Values::task_arithmetic),
    row(
        "ties",
        Base::Apart,
        &[WEIGHT, DENSITY, NORMALIZE, RESCALE_OFF, LAMBDA],
    )
    .is("ties", Values::ties),
    row(
        "dare_linear",
        Base::Apart,
        &[WEIGHT, DENSITY, NORMALIZE_OFF, RESCALE, LAMBDA],
    )
    .is("dare_linear", Values::dare_linear),
    row(
        "dare_ties",
        Base::Apart,
        &[WEIGHT, DENSITY, NORMALIZE_OFF, RESCALE, LAMBDA],
    )
    .is("dare_ties", Values::dare_ties),
    row(
        "passthrough",
        Base::Input,
        &[each("scale", Default::Absent)],
    )
    .inputs(1, 1)
    .is("linear", Values::passthrough),
    row(
        "breadcrumbs",
        Base::Apart,
        &[WEIGHT, DENSITY, GAMMA, NORMALIZE_OFF, RESCALE_OFF, LAMBDA],
    )
    .is("breadcrumbs", Values::breadcrumbs),
    row(
        "breadcrumbs_ties",
        Base::Apart,
        &[WEIGHT, DENSITY, GAMMA, NORMALIZE_OFF, RESCALE_OFF, LAMBDA],
    )
    .is("breadcrumbs_ties", Values::breadcrumbs_ties),
    row(
        "della",
        Base::Apart,
        &[WEIGHT, DENSITY, EPSILON, NORMALIZE, RESCALE, LAMBDA],
    )
    .is("della", Values::della),
    row(
        "della_linear",
        Base::Apart,
        &[WEIGHT, DENSITY, EPSILON, NORMALIZE_OFF, RESCALE, LAMBDA],
    )
    .is("della_linear", Values::della_linear),
    row(
        "nuslerp",
        Base::Optional,
        &[
            WEIGHT,
            flag("nuslerp_flatten", true),
            flag("nuslerp_row_wise", false),
        ],
    )
    .inputs(2, 2)
    .is("nuslerp", Values::nuslerp),
    row(
        "multislerp",
        Base::Optional,
        &[
            WEIGHT,
            flag("normalize_weights", true),
            number("eps", Default::Is(1e-8)),
        ],
    )
    .is("multislerp", Values::multislerp),
    row(
        "karcher",
        Base::Input,
        &[
            number("max_iter", Default::Is(10.0)),
            number("tol", Default::Is(1e-5)),
        ],
    )
    .is("karcher", Values::karcher),
    row(
        "sce",
        Base::Apart,
        &[number("select_topk", Default::Is(1.0))],
    )
    .is("sce", Values::sce),
    row("model_stock", Base::Apart, &[flag("filter_wise", false)])
        .inputs(2, usize::MAX)
        .is("model_stock", Values::model_stock),
    row("nearswap", Base::Apart, &[number("t", Default::Required)])
        .inputs(1, 1)
        .is("nearswap", Values::nearswap),
    row("arcee_fusion", Base::Apart, &[]).inputs(1, 1),
    row("ram", Base::Apart, &[SHARED]).is("ram", Values::ram),
    row(
        "ramplus_tl",
        Base::Apart,
        &[
            number("r", Default::Is(0.1)),
            number("alpha", Default::Is(0.2)),
            SHARED,
        ],
    )
    .is("ramplus_tl", Values::ramplus),
];

/// The method of a name.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.name == name)
}

/// Parameters that change no result, and why.
pub(super) const IDLE: [(&str, &str); 1] = [(
    "int8_mask",
    "it is the type of a temporary of mergekit, and changes no result",
)];

/// The names of all parameters.
pub(super) fn parameter_names() -> impl Iterator<Item = &'static str> + Clone {
    let own = ROWS.iter().flat_map(|row| row.parameters);
    let own = own.map(|parameter| parameter.name);
    own.chain(IDLE.iter().map(|(name, _)| *name))
}
