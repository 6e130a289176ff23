//! How numbers are stored as codes: what a quantised tensor is made of, and its numbers.
//!
//! A quantised tensor is several entries of a file, its **parts**: codes, scales, tables. A
//! [`Format`] says how they make up the numbers; it is plain data, and knows no file and no name.
//! Numbers are decoded as the library decodes that the format comes from, bit for bit, and encoded
//! as that library encodes, where it does so rightly.
//!
//! A tensor of more than two dimensions is a list of matrices, each of which is stored by itself;
//! one of a single dimension is one row. Elements are numbered as they are seen, without padding.

#![allow(unsafe_code, reason = "loops compiled for an instruction set")]
#![allow(
    clippy::needless_range_loop,
    reason = "plain loops over indices become vector instructions"
)]

mod affine;
mod awq;
mod blocks;
mod bnb8;
mod decode;
mod display;
pub mod encode;
mod gguf;
mod grid;
mod layout;
mod levels;
mod number;
mod packed;
mod part;
mod rotation;
mod rounding;
mod run;
mod scale;
mod scaled;
mod stored;
mod superblocks;
mod table;
mod tiles;

pub use encode::{Encoding, Exponent, Rounding, Rule, Scales, Stretch};
pub use layout::{
    Affine, Awq, Block, Code, E8M0, Format, Gguf, Global, Levels, Over, Packed, Scaled, Table,
    TableScale,
};
pub use part::{Part, Role};
