//! Operations on whole tensors, a file each.

mod band;
mod channel_gate;
mod column_slice;
mod competition;
mod crossover;
mod directions;
mod divergence;
mod draws;
mod exchange;
mod kronecker;
mod largest_of_each;
mod low_rank;
mod order;
mod rank;
mod ranked_crossover;
mod rotate;
mod row_rank;
mod smooth;
mod subspace;

pub use band::Band;
pub use channel_gate::ChannelGate;
pub use column_slice::ColumnSlice;
pub use competition::Competition;
pub use crossover::Crossover;
pub use directions::RowDirections;
pub use divergence::RowDivergence;
pub use draws::{AddDraws, Law};
pub use exchange::{Exchange, Region};
pub use kronecker::{Factors, Kronecker};
pub use largest_of_each::LargestOfEach;
pub use low_rank::LowRank;
pub use rank::CentredRank;
pub use ranked_crossover::RankedCrossover;
pub use rotate::Rotate;
pub use row_rank::RowRank;
pub use smooth::Smooth;
pub use subspace::Subspace;

/// Elements of a shape.
fn elements(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |all, own| all.saturating_mul(*own))
}
