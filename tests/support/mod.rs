//! What several tests share.
pub mod backends;
pub mod big;
pub mod cases;
pub mod command;
#[cfg(target_os = "linux")]
pub mod disk;
pub mod fuzz;
pub mod models;
#[cfg(target_os = "linux")]
pub mod process;
pub mod random;
pub mod reduce;
pub mod tensors;
