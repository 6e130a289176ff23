//! Tensor names: which are merged, what they are called in the formats of a model family, and the
//! account of those that do not match.

pub mod adapter;
pub mod blocks;
pub mod config;
pub mod conversion;
mod counter;
mod filter;
mod layers;
pub(crate) mod nearest;
mod report;

pub use blocks::{BlockError, BlockRatio, BlockWeights};
pub use config::{Config, ConfigError, Configs, Verdict};
pub use conversion::{Conversion, Relation, Reshape};
pub use counter::is_counter;
pub use filter::{Filter, FilterError};
pub use layers::{LAYERED, Layer, layer_of};
pub use report::{KeyReport, Mismatch, ModelKeys};
