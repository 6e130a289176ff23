//! The front door of MergeFlux: what its two scripts are told, as a recipe.
//!
//! [`Mix`] is `mergeflux.py`, a weighted average whose ratios move along the blocks; [`Delta`] is
//! `mergeflux-delta.py`, which prunes task vectors and adds them up. Both are the methods of the
//! table with a schedule: nothing is computed here.

mod common;
mod delta;
mod fault;
mod mix;
mod precision;
mod window;

pub use common::{Common, PREFIX};
pub use delta::{Delta, DeltaMerge, Election, Prune, TrimScope};
pub use fault::MergeFluxError;
pub use mix::{Mix, Mixed};
pub use precision::Precision;
pub use window::BlockOrder;
pub(super) use window::scheduled;
