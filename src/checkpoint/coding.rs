//! What makes up a tensor that is stored as codes.

use std::ops::Range;

use super::shape::Shape;
use crate::dtype::DType;
use crate::format::Format;
use crate::format::encode::Rule;

/// An entry of a file that belongs to a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Its key.
    pub key: String,
    /// Its element type.
    pub dtype: DType,
    /// Its dimensions.
    pub shape: Shape,
    /// The file that holds it, as an index into [`Checkpoint::files`](super::Checkpoint::files).
    pub file: usize,
    /// Its bytes in that file.
    pub span: Range<u64>,
}

/// How a tensor is stored as codes, and in which entries of its checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Coding {
    /// How its numbers are made of the entries.
    pub format: Format,
    /// The dimensions that the format goes by. They are the tensor's, or with the last two
    /// exchanged where it is [transposed](Coding::transposed).
    pub shape: Vec<u64>,
    /// Whether its rows are stored as columns.
    pub transposed: bool,
    /// Rows and columns that were added count as its own, as nothing in the file says how many
    /// the tensor has: multiples of so many.
    pub padded: Option<u64>,
    /// What it is made of, in the order of the format's parts.
    pub parts: Vec<Entry>,
    /// What belongs to it beside its numbers: markers, scales of activations.
    pub beside: Vec<Entry>,
    /// What its convention says of it in the header, as JSON.
    pub said: Option<String>,
    /// The rules by which its library makes codes; None where it is read only.
    pub rule: Option<Rule>,
    /// The convention by which it was recognised, as it is called in messages.
    pub convention: &'static str,
}

impl Coding {
    /// Whether each matrix of a tensor of several has scales of its own.
    pub fn has_scales_of_matrices(&self) -> bool {
        let lead = &self.shape[..self.shape.len().saturating_sub(2)];
        let scales = self.parts.get(1);
        !lead.is_empty() && scales.is_some_and(|scales| scales.shape.starts_with(lead))
    }

    /// The bytes of all that it is made of.
    pub fn bytes(&self) -> u64 {
        let spans = self.parts.iter().map(|part| &part.span);
        spans.map(|span| span.end - span.start).sum()
    }
}
