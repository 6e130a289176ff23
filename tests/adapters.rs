//! Adapter files in all dialects: which entries change which tensors, and to what.

mod config;
mod converted;
mod dialects;
mod file;
mod merged;
mod names;
