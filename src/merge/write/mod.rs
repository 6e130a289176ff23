//! The merge of tasks and the writing of what comes out.

mod chunked;
mod run;
pub(super) mod told;
mod whole;
pub(super) mod window;
