//! The merge of tasks and the writing of what comes out.

mod chunked;
mod run;
mod whole;
pub(super) mod window;
