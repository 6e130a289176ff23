//! What the benches share: key sets of real model families and the checkpoints generated from them.

pub mod args;
pub mod families;
pub mod values;
pub mod writer;
