#![doc = include_str!("../README.md")]
#![deny(missing_docs)]
#![deny(unsafe_code)]

pub mod checkpoint;
pub mod cli;
pub mod dtype;
pub mod exec;
pub mod kernel;
pub mod keys;
pub mod merge;
pub mod method;
pub mod plan;
pub mod recipe;
pub mod sink;
pub mod wgsl;
