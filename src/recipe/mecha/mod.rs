//! The `.mecha` text format of sd-mecha, version 0.1.0, and its headerless forerunner.
//!
//! [`parse`] makes a [`Script`], which keeps every place in the text; [`read`] makes a recipe of
//! it; [`write()`] makes a script of a recipe. A text is read with more tolerance than sd-mecha
//! has: blank lines, line ends of any kind, numbers that are not finite, `=` in quoted paths.

mod arguments;
mod given;
mod instruction;
mod legacy;
mod merge;
mod named;
mod print;
mod read;
mod reader;
mod route;
mod script;
mod token;
mod write;

pub use given::GivenError;
pub use read::read;
pub use script::{Argument, ArgumentValue, Command, Dialect, Instruction, Line, Script, parse};
pub use write::{WriteError, write};
