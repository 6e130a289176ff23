//! The arithmetic of wgmerge: what an element is, and what becomes of it.
//!
//! [`dtype`] says how numbers are stored, [`kernel`] writes the arithmetic of a tensor down as a
//! Program, and [`exec`] runs Programs on the CPU; graphics devices are the `wgmerge` crate's. What
//! is slow to compile is here: a change of plans, recipes or commands does not wait for it.
//!
//! This crate is a part of [`wgmerge`](https://docs.rs/wgmerge), which shows all of it under its
//! own name, and has no stability of its own.
#![deny(missing_docs)]

pub mod adapter;
pub mod dtype;
pub mod exec;
pub mod fault;
pub mod figures;
pub mod format;
pub mod id;
pub mod kernel;
pub mod level;
pub mod wgsl;
mod words;
