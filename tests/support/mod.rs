//! What several tests share.
pub mod backends;
pub mod cases;
pub mod models;
