//! The YAML of mergekit 0.1.5 as a front door: a text becomes the one graph of models and merges.
//!
//! [`parse`] reads and checks a text as far as that goes without its models; every fault knows its
//! place. Nothing here computes: `table.rs` says what mergekit's methods are among the methods here.

mod document;
mod fields;
mod piece;
mod reference;
mod script;
mod setting;
mod table;
mod tokenizer;
mod values;
mod yaml;

pub use fields::Remark;
pub use reference::{Reference, Referred};
pub use script::{Script, parse, recognised};
pub use tokenizer::{Token, TokenRow, Tokenizer, TokenizerSource};
