//! Functions that are written in WGSL: interpreted beside what rustc makes of the shader files, run
//! on elements beside the same in Rust, and as methods of files.

mod control;
mod files;

mod shaders;
