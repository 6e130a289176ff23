//! Operations on whole tensors, a file each.

mod crossover;
mod exchange;
mod rank;

pub use crossover::Crossover;
pub use exchange::{Exchange, Region};
pub use rank::CentredRank;

/// Elements of a shape.
fn elements(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |all, own| all.saturating_mul(*own))
}
