//! The formats of quantised tensors, against what the libraries compute that they come from:
//! `data/formats`, of which `README.md` there says how it was made.

#[path = "formats/cases.rs"]
mod cases;
#[path = "formats/compare.rs"]
mod compare;
#[path = "formats/dialects.rs"]
mod dialects;
#[path = "formats/gguf.rs"]
mod gguf;
#[path = "formats/numbers.rs"]
mod numbers;
#[path = "formats/ranges.rs"]
mod ranges;
#[path = "formats/shapes.rs"]
mod shapes;
