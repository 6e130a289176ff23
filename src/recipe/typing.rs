//! The types that values count as being of, tensor by tensor.

use std::fmt::Debug;

use crate::dtype::Float;

/// Of which type the tensors of a node are. Arithmetic on values of one type that is narrower than
/// f32 is rounded to it, as the tools round that compute in it.
pub trait Typing: Debug + Send + Sync {
    /// The type of a tensor by the name that the node gives it; None leaves it f32.
    fn float(&self, name: &str) -> Option<Float>;
}

/// The type of what is computed from values of several types, as torch promotes them; None is f32.
pub(super) fn promoted(types: &[Option<Float>]) -> Option<Float> {
    let (first, rest) = types.split_first()?;
    if types.contains(&Some(Float::F64)) {
        return Some(Float::F64);
    }
    match rest.iter().all(|other| other == first) {
        true => *first,
        false => None,
    }
}
