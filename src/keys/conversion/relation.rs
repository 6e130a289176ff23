//! How a tensor of one form is made of tensors of another.

/// How a tensor of the target is made of tensors of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// The tensor of this name; of a block config, the block's value.
    Same(String),
    /// The same numbers in another shape.
    Reshaped(String, Reshape),
    /// A matrix with its dimensions swapped.
    Transposed(String),
    /// One of several equal runs of rows.
    Rows {
        /// Of which tensor.
        source: String,
        /// Which run.
        part: u64,
        /// How many there are.
        parts: u64,
    },
    /// Several tensors, one after the other along the first dimension.
    Joined(Vec<String>),
}

/// Between a linear layer and a convolution with a kernel of one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reshape {
    /// \[m, n\] to \[m, n, 1, 1\].
    AddOnes,
    /// \[m, n, 1, 1\] to \[m, n\].
    DropOnes,
}
