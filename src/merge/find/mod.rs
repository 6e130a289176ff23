//! What must be known about whole tensors and whole models before they are merged.

pub(super) mod flaw;
mod iterate;
mod memo;
pub(super) mod scan;
pub(super) mod statistics;
pub(super) mod survey;

pub(super) use memo::Memo;
