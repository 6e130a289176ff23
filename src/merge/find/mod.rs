//! What must be known about whole tensors and whole models before they are merged.

pub(super) mod flaw;
mod iterate;
mod memo;
mod rows;
pub(super) mod scan;
pub(super) mod statistics;
pub(super) mod survey;

pub(super) use memo::Memo;
pub(super) use rows::Rows;
