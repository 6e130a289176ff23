//! What encoding gives, against what the libraries gave.

#[path = "encode/bands.rs"]
mod bands;
#[path = "encode/comfy.rs"]
mod comfy;
#[path = "encode/golden.rs"]
mod golden;
#[path = "encode/layouts.rs"]
mod layouts;
#[path = "encode/others.rs"]
mod others;
#[path = "encode/random.rs"]
mod random;
#[path = "encode/tables.rs"]
mod tables;
