//! What can be wrong with views.

use crate::dtype::DType;

/// A view that does not fit the tensors it is of.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ViewError {
    #[error("`{name}` of shape {shape:?} cannot be {wanted}")]
    Shape {
        name: String,
        shape: Vec<u64>,
        wanted: String,
    },
    #[error(
        "`{name}` of shape {shape:?} is of type {dtype}, whose elements share bytes: it cannot be \
         {wanted}"
    )]
    Packed {
        name: String,
        shape: Vec<u64>,
        dtype: DType,
        wanted: String,
    },
    #[error("to {purpose} a layer's tensors is not possible, as they {fault}: {found}")]
    Joint {
        purpose: &'static str,
        fault: String,
        found: String,
    },
    #[error("the factors of an adapter do not fit each other, or are no floats: {found}")]
    Factors { found: String },
    #[error("{names} are to be gathered row by row, but {wanted}: {found}")]
    Rows {
        names: String,
        wanted: &'static str,
        found: String,
    },
    #[error("{names} are joined, but are of types or shapes that do not fit: {found}")]
    Parts { names: String, found: String },
}
