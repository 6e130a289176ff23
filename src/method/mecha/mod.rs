//! The methods that sd-mecha's recipes name, under its identifiers and with its meaning.
//!
//! Where a method of the same name exists for flags and means something else (`slerp` keeps norms
//! there, `add_difference` takes three models), both rows stand side by side: recipes find theirs
//! here, flags find theirs in [`METHODS`](super::METHODS).

mod clamp;
mod dropout;
mod linear;
mod mask;
mod median;
mod slerp;
mod stock;
mod ties;
mod whole;

use super::{Default, Method, Parameter, Range, Shape};

/// Every method of sd-mecha's recipes, in the order of the documentation.
pub static RECIPE_METHODS: &[&Method] = &[
    &linear::WEIGHTED_SUM,
    &super::linear::N_AVERAGE,
    &slerp::SLERP,
    &linear::SUBTRACT,
    &linear::ADD_DIFFERENCE,
    &linear::SCALE,
    &linear::PERPENDICULAR_COMPONENT,
    &mask::TRAIN_DIFFERENCE_MASK,
    &mask::ADD_OPPOSITE_MASK,
    &mask::ADD_STRICT_OPPOSITE_MASK,
    &clamp::CLAMP,
    &whole::CROSSOVER,
    &whole::TOP_K_TENSOR_SUM,
    &ties::TIES_SUM,
    &ties::TIES_SUM_EXTENDED,
    &dropout::TIES_SUM_WITH_DROPOUT,
    &stock::MODEL_STOCK,
    &median::GEOMETRIC_MEDIAN,
];

/// The method that a recipe means by this identifier.
pub fn in_recipes(id: &str) -> Option<&'static Method> {
    RECIPE_METHODS
        .iter()
        .copied()
        .find(|method| method.id == id)
}

/// A ratio or factor, which may be given per element.
const fn amount(name: &'static str, help: &'static str, default: f64) -> Parameter {
    Parameter {
        per_element: true,
        ..number(name, help, default, Range::Finite)
    }
}

/// A number per tensor.
pub(super) const fn number(
    name: &'static str,
    help: &'static str,
    default: f64,
    range: Range,
) -> Parameter {
    Parameter {
        name,
        help,
        shape: Shape::Number(Default::Is(default), range),
        per_model: false,
        per_element: false,
        complement: None,
    }
}

/// A yes or no.
pub(super) const fn flag(name: &'static str, help: &'static str, default: bool) -> Parameter {
    Parameter {
        name,
        help,
        shape: Shape::Flag(default),
        per_model: false,
        per_element: false,
        complement: None,
    }
}
