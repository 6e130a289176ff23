//! Recipes of mergekit-moe: dense models become the experts of a mixture.
//!
//! The base model gives attention, norms and embeddings, the experts their feed-forward layers, and
//! gates are drawn or made of the embeddings of prompts.

mod builder;
mod compose;
mod config;
mod dense;
mod experts;
mod form;
mod gates;
mod made;
mod names;
mod read;
mod select;

pub use builder::CONFIG;
pub use dense::Dense;
pub use gates::PromptTokens;
pub use read::{Mixture, mixture};
