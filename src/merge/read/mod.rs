//! The reading of inputs into an arena, and what the host makes beside them.

mod arrange;
mod binomial;
mod column_sums;
mod columns;
mod factors;
mod gather;
mod inputs;
mod joint;
mod number;
mod planes;
mod rows;
mod stages;

pub(super) use inputs::{read_copy, read_input};
pub(super) use planes::{Maker, Place};
