//! Tensors that are stored as codes, through the command line: how they are read, merged and
//! written, and what is refused.

mod decode;
mod encode;
mod golden;
mod hostile;
mod keep;
mod kept;
mod marks;
mod mixed;
mod models;
mod same;
mod steps;
mod stochastic;
