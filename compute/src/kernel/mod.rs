//! What a merge computes, as data: formulas, Programs and their shader text.
//!
//! A [`Program`] is the fused straight-line form of one tensor's expression. Both executors
//! interpret it: the CPU runs it tile by tile, the GPU compiles the WGSL that [`wgsl::assemble`]
//! writes for it. This module knows no device and no file.

mod change;
mod compute;
mod expression;
mod formula;
mod fusion;
pub mod host;
mod id;
pub mod joint;
mod levels;
pub mod linear;
mod made;
mod node;
mod overflow;
mod pair;
mod plane;
mod program;
pub mod reduce;
mod row;
mod selection;
mod stage;
mod statistic;
mod stream;
pub mod table;
mod tally;
mod weiszfeld;
pub mod wgsl;
pub mod written;

pub use change::{Change, ExactSum, FoundChange, TileChange};
pub use compute::Compute;
pub use expression::{Expression, TooLarge};
pub(crate) use formula::formulas;
pub use formula::{Formula, Kind};
pub use id::{CutoffId, ScalarId, SlotId, StatisticId, StreamId, ValueId};
pub use made::Parts;
pub use node::Node;
pub use overflow::OnOverflow;
pub use pair::TilePair;
pub use plane::{Made, Plane, RowSums};
pub use program::{Entry, Operand, Output, Program, Step, Storing};
pub use reduce::{
    Derive, Greatest, Iterate, Largest, LargestNonzero, Measure, Measures, Passes, Reduce,
    Reduction, Sums,
};
pub use row::Row;
pub use selection::{BINS, Contradiction, Grid, Kept, Selection, Threshold, Ties};
pub use stage::{HostOp, Stage};
pub use statistic::{Scope, Statistic};
pub use stream::Stream;
pub use tally::{Counts, Equals, Keys, Place, Tally};
pub use weiszfeld::Weiszfeld;

/// Elements of one tile: the unit of reduction, of GPU workgroups and of chunk boundaries.
/// Chunks of a tensor begin at multiples of it, so sums do not depend on how a tensor is cut.
pub const TILE: usize = 1024;

/// Columns of a product of matrices that are computed together.
pub const PANEL: usize = 64;

/// Inputs begin at multiples of this many bytes in an arena, and the bytes up to the next multiple
/// after an input are zero.
pub const ARENA_ALIGNMENT: usize = 16;
