//! The record of a recipe that travels in the output's metadata, written and read back.
//!
//! What stands in it makes the recipe again, with nothing else known but the models: every node and
//! every option that decides about a byte. A recipe in mergekit's language is recorded by its text,
//! from which its rules about names are made again; nodes stand beside it for who reads the record.

mod error;
mod field;
mod nodes;
mod options;
mod read;
mod write;

pub use crate::loader::RECORD;
pub use error::RecordError;
pub use read::{Recorded, RecordedInput, RecordedText};
pub use write::record;
