//! The YAML of mergekit 0.1.5 as a front door: a text becomes the one graph of models and merges.
//!
//! [`parse`] reads and checks a text as far as that goes without its models, and
//! [`Script::compose`] makes the graph; every fault knows its place. Nothing here computes:
//! `table.rs` says what the methods of mergekit are among the methods here.

mod compose;
mod composer;
mod document;
mod extent;
mod fields;
mod layers;
mod merge;
mod mixture;
mod outline;
mod parameter;
mod reference;
mod rows;
mod rules;
mod schedule;
mod script;
mod segment;
mod setting;
mod stack;
mod table;
mod texts;
mod tokenizer;
mod values;
mod vocabulary;
mod yaml;

pub use compose::{CONFIG, Composed};
pub use fields::Remark;
pub use mixture::{CONFIG as MIXTURE_CONFIG, Dense, Mixture, PromptTokens, mixture};
pub use outline::{Outline, Outlines};
pub use reference::{Reference, Referred};
pub use script::{Script, parse, recognised};
