//! The front door of safetensors-merge-supermario: what its two scripts are told, as a recipe.
//!
//! [`Pair`] is `merge.py`, one model into another; [`List`] is `hf_merge.py`, a list of models one
//! after the other. Each merge is by the method `supermario`, whose base is the merge before it.

mod chain;
mod fault;
mod list;
mod pair;

pub use fault::SupermarioError;
pub use list::List;
pub use pair::Pair;
