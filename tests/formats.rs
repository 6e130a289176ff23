//! Checkpoints on disk: every way a file, an index or a folder can be wrong has a test that is
//! named after it and states the whole message; then what can be opened, and that nothing panics.

mod bytes;
mod conventions;
mod dtypes;
mod files;
mod folders;
mod fuzz;
mod gguf;
mod headers;
mod indexes;
mod limits;
mod random;
