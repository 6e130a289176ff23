//! The merge of tasks and the writing of what comes out.

mod chunked;
mod coded;
mod put;
mod run;
pub(super) mod told;
mod whole;
pub(super) mod window;

pub(super) use put::Put;
pub(super) use run::Run;
