//! What must be known about whole tensors and whole models before they are merged.

pub(super) mod flaw;
pub(super) mod loaded;
mod memo;
mod pass;
mod rows;
mod search;
pub(super) mod survey;
pub(super) mod tensor;
mod turns;

pub(super) use memo::Memo;
pub(super) use rows::Rows;
