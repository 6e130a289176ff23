//! The methods that sd-mecha's recipes name, under its identifiers and with its meaning.
//!
//! Where a method of the same name exists for flags and means something else (`slerp` keeps norms
//! there, `add_difference` takes three models), both rows stand side by side: recipes find theirs
//! here, flags find theirs in [`METHODS`](super::METHODS).

mod clamp;
mod cosine;
mod decomposed;
mod dropout;
mod linear;
mod mask;
mod median;
mod overlap;
mod power;
mod slerp;
mod slice;
mod stock;
mod ties;
mod whole;

use super::peer::sd_mecha;
use super::{Default, Method, Parameter, Range, Shape, diffusion};

/// Every method of recipes, in the order of the documentation: sd-mecha's, then those of diffusion
/// mergers.
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
    &power::GEOMETRIC_SUM,
    &power::MULTIPLY_QUOTIENT,
    &cosine::ADD_COSINE_A,
    &cosine::ADD_COSINE_B,
    &clamp::CLAMP,
    &whole::CROSSOVER,
    &whole::TOP_K_TENSOR_SUM,
    &decomposed::ROTATE,
    &decomposed::TRUNCATE_RANK,
    &decomposed::GET_RANK_FROM_RATIO,
    &decomposed::TRUNCATE_KRONECKER,
    &slice::TENSOR_SUM,
    &ties::TIES_SUM,
    &ties::TIES_SUM_EXTENDED,
    &dropout::TIES_SUM_WITH_DROPOUT,
    &overlap::DROPOUT,
    &stock::MODEL_STOCK,
    &median::GEOMETRIC_MEDIAN,
    &diffusion::TRIPLE_SUM,
    &diffusion::SUM_TWICE,
    &diffusion::WEIGHTED_SUBTRACTION,
    &diffusion::SCALE_WEIGHTS,
    &diffusion::SLICE_SUM,
    &diffusion::NORMALIZED_SUM,
    &diffusion::ADD_TRAIN_DIFFERENCE,
    &diffusion::ADD_MULTIPLIED_DIFFERENCE,
    &diffusion::ADD_EUCLIDEAN_DIFFERENCE,
    &diffusion::ADD_SIMILAR_DIFFERENCE,
    &diffusion::ADD_COMMON_FEATURES,
    &diffusion::MAXIMUM,
    &diffusion::SIGMOID_SUM,
    &diffusion::ADD_ORTHOGONAL_DIFFERENCE,
    &diffusion::ADD_LARGEST_DIFFERENCE,
    &diffusion::CHANNEL_SUM,
    &diffusion::BAND_SUM,
    &diffusion::ADD_SMOOTH_DIFFERENCE,
    &diffusion::COLUMN_SLICE_SUM,
    &diffusion::DISTRIBUTION_CROSSOVER,
    &diffusion::ADD_NOISE,
    &diffusion::ADJUST,
];

/// Whether sd-mecha has the method, under its identifier and with its meaning.
pub(crate) fn is_of_sd_mecha(method: &Method) -> bool {
    let known = RECIPE_METHODS.contains(&method);
    known && method.peers.contains(&sd_mecha(method.id))
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
