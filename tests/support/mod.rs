//! What several tests share.
pub mod backends;
pub mod cases;
pub mod command;
pub mod fuzz;
pub mod models;
pub mod reduce;
