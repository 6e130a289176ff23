//! How a merge treats what does not fit, and what its output looks like.

use super::{Addition, NodeId};
use crate::dtype::Float;
pub use crate::kernel::OnOverflow;

use crate::kernel::Compute;
use crate::keys::{BlockWeights, Filter};

/// What happens to a tensor that a model lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// The merge is refused.
    #[default]
    Error,
    /// The tensor is merged from the models that have it.
    Skip,
    /// The model counts as having the reference model's tensor.
    Base,
}

/// What happens to an infinity or NaN in a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnNan {
    /// The merge fails and names the tensor.
    #[default]
    Error,
    /// It takes part in the arithmetic.
    Keep,
    /// It counts as zero.
    Zero,
    /// It counts as the reference model's value.
    Base,
}

/// What happens to a tensor whose shape is not that of the reference model's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ShapePolicy {
    /// The merge is refused.
    #[default]
    Error,
    /// A tensor that is at least as large in every dimension is cut to the reference's shape: its
    /// leading rows, columns and so on are used.
    Crop,
    /// Besides, a tensor that is smaller is filled up with zeros.
    Pad,
}

impl ShapePolicy {
    /// Whether a tensor of one shape can stand for one of another. The ranks must be the same.
    pub fn fits(self, wanted: &[u64], found: &[u64]) -> bool {
        let large = wanted
            .iter()
            .zip(found)
            .all(|(wanted, found)| found >= wanted);
        let same_rank = wanted.len() == found.len();
        match self {
            ShapePolicy::Error => wanted == found,
            ShapePolicy::Crop => same_rank && large,
            ShapePolicy::Pad => same_rank,
        }
    }
}

/// The dtype of merged tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputDType {
    /// That of the reference model.
    #[default]
    Keep,
    /// This one.
    Float(Float),
}

/// How the tensors of the output are named.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputNames {
    /// As in the file of the reference model, as far as it has them.
    #[default]
    Reference,
    /// As in the graph: as the model config has them, without prefixes that are left out.
    Graph,
}

/// What the output's `__metadata__` carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Metadata {
    /// Only the format.
    None,
    /// The format and the recipe.
    #[default]
    Recipe,
    /// The format, the recipe and the reference model's metadata.
    Full,
}

/// Block weights, with the text that they were read from.
#[derive(Clone, Debug)]
pub struct BlockOption {
    /// The text.
    pub text: String,
    /// What it says.
    pub weights: BlockWeights,
    /// The node of the recipe that says it tensor by tensor, once the models are known.
    pub literal: Option<NodeId>,
}

/// Options of a merge. The output's bytes depend on nothing else besides inputs and graph.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Working dtype.
    pub compute: Compute,
    /// Dtype of merged tensors.
    pub dtype: OutputDType,
    /// Seed of random methods.
    pub seed: u64,
    /// Policy for tensors that a model lacks.
    pub missing: Missing,
    /// Policy for infinities and NaN.
    pub on_nan: OnNan,
    /// Policy for results that the output's type cannot hold.
    pub on_overflow: OnOverflow,
    /// Policy for tensors of another shape.
    pub shape: ShapePolicy,
    /// Which tensors are merged; the others are copied from the reference model.
    pub filter: Filter,
    /// The ratio of the last merge for every tensor by its name.
    pub block_weights: Option<BlockOption>,
    /// What the output records.
    pub metadata: Metadata,
    /// What is done to the result, in order.
    pub additions: Vec<Addition>,
    /// What is left out of the names of the models that begin with it: the first of these that
    /// any name of a model begins with.
    pub strip_prefix: Vec<String>,
    /// What is put before the names of the models instead.
    pub add_prefix: String,
    /// How the tensors of the output are named.
    pub output_names: OutputNames,
    /// The size in bytes that no file of the output exceeds, unless one tensor does.
    pub shard_bytes: Option<u64>,
}

impl Options {
    /// Whether no option makes other values than sd-mecha does, which knows none of them.
    pub(crate) fn are_mechas(&self) -> bool {
        self.compute == Compute::F32
            && self.missing == Missing::Error
            && self.on_nan == OnNan::Error
            && self.on_overflow != OnOverflow::Saturate
            && self.shape == ShapePolicy::Error
            && self.filter.is_all()
    }
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* }) => {
        impl $type {
            /// The words that name the choices on the command line.
            pub const WORDS: &'static [&'static str] = &[$($word),*];

            /// The word of this choice.
            pub fn word(self) -> &'static str {
                match self {
                    $($type::$variant => $word,)*
                }
            }

            /// The choice with this word.
            pub fn from_word(word: &str) -> Option<$type> {
                match word {
                    $($word => Some($type::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

words!(Missing { Error = "error", Skip = "skip", Base = "base" });
words!(ShapePolicy {
    Error = "error",
    Crop = "crop",
    Pad = "pad"
});
words!(OnNan { Error = "error", Keep = "keep", Zero = "zero", Base = "base" });
words!(OnOverflow {
    Error = "error",
    Saturate = "saturate",
    Keep = "keep"
});
words!(Metadata { None = "none", Recipe = "recipe", Full = "full" });

impl OutputDType {
    /// `keep` or the name of a float type.
    pub fn from_word(word: &str) -> Option<OutputDType> {
        match word {
            "keep" => Some(OutputDType::Keep),
            _ => Float::from_name(word).map(OutputDType::Float),
        }
    }

    /// The word of this choice.
    pub fn word(self) -> &'static str {
        match self {
            OutputDType::Keep => "keep",
            OutputDType::Float(float) => float.name(),
        }
    }
}
