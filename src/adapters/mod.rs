//! Adapter files: whose names their entries have, and which tensors of a base they change.
//!
//! [`Reading::of`] sorts the entries of a file by the module that they are of: an [`Adapted`] says
//! what the module is called there, which entries are which parts, and what they do to the module's
//! weight and bias ([`Effect`]). [`Names::of`] knows what every tensor of a base is called in the
//! dialects, and finds the [`Place`]s of a module: a tensor, or rows of one where the base has
//! fused what the adapter keeps apart. [`Adapted::change`] makes the arithmetic of an effect out of
//! the decoded entries.

mod adapted;
mod alias;
mod change;
mod component;
mod config;
mod entry;
mod names;
mod place;
mod reading;
mod role;
mod unet;

pub use adapted::{Adapted, Effect, Form, Of, Scale};
pub use config::PeftConfig;
pub use entry::Entry;
pub use names::{Names, Unmatched};
pub use place::Place;
pub use reading::Reading;
pub use role::Role;
