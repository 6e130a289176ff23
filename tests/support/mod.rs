//! What several tests share.
pub mod backends;
pub mod cases;
pub mod fuzz;
pub mod models;
