//! Operations on whole tensors, a file each.

mod crossover;
mod directions;
mod divergence;
mod draws;
mod exchange;
mod order;
mod rank;
mod row_rank;

pub use crossover::Crossover;
pub use directions::RowDirections;
pub use divergence::RowDivergence;
pub use draws::{AddDraws, Law};
pub use exchange::{Exchange, Region};
pub use rank::CentredRank;
pub use row_rank::RowRank;

/// Elements of a shape.
fn elements(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |all, own| all.saturating_mul(*own))
}
