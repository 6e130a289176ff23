//! Functions that are written in WGSL and run on an expression.
//!
//! naga reads the text. A function is run statement by statement on [`Value`]s: what is known when
//! the merge is planned (numbers, loop counters, conditions on them) is computed here, and what
//! hangs on a tensor's elements becomes steps of the [`Expression`](super::Expression), which every
//! device computes with the same bytes. Loops are unrolled, branches become choices between values.
//! Only operations that have one meaning everywhere are taken.
//!
//! With all arguments known it is an interpreter: tests run the shader files by it, beside what
//! rustc makes of them.

mod check;
mod math;
mod operator;
mod run;
mod scope;
mod shaders;
mod source;
mod value;

pub use run::{Rounding, Run};
pub use shaders::{folded, formula, interpret};
pub use source::{Parameter, Source, Type};
pub use value::{Number, Truth, Value};
