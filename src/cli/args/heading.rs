//! Headings of the help.

pub(super) const MERGE: &str = "What is computed";
pub(super) const FIT: &str = "Which tensors, and what does not fit";
pub(super) const OUTPUT: &str = "Output";
pub(super) const WORK: &str = "Where the work is done";
pub(super) const REPORT: &str = "What is said";
