//! What an adapter makes of a weight: LoRA, LoHa, LoKr, DoRA, IA3, OFT, BOFT and their kin.
//!
//! A [`Change`] is an adapter's part for one tensor: factors in f32, and how they are put together.
//! It is checked against the shape of the weight, and applied to rows of it. How files name the
//! factors is not known here.
//!
//! Products are summed in one order, whatever part is asked for and whatever the instruction set:
//! runs of 16 terms, the runs pairwise, all in f32.

mod bank;
mod change;
mod delta;
mod extent;
mod factor;
mod kind;
mod magnitude;
mod matrix;
mod rotation;
mod square;
mod sum;
mod turns;

pub use bank::Bank;
pub use change::Change;
pub use delta::Delta;
pub use factor::Factor;
pub use kind::{Glora, Kind, Multiplied, Tokens};
pub use magnitude::{Axis, Dialect, Magnitude};
pub use matrix::{Matrix, Product};
pub use rotation::Rotation;
pub use turns::{Cayley, Turns};
