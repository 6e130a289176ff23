//! Tensor names: which are merged, and the account of those that do not match.

mod filter;
mod report;

pub use filter::{Filter, FilterError};
pub use report::{KeyReport, Mismatch, ModelKeys};
