//! The reading of inputs into an arena, and what the host makes beside them.

mod arrange;
mod binomial;
mod coded;
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

pub(super) use coded::{read as read_codes, read_entries};
pub(super) use inputs::{read_copy, read_elements, read_input};
pub(super) use planes::{Maker, Place};
