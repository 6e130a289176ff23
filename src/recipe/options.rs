//! How a merge treats what does not fit, and what its output looks like.

use std::collections::HashMap;
use std::sync::Arc;

use super::{Addition, Card, OutputFormat};
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
    /// The output has the reference model's tensors, each merged from the models that have it.
    Reference,
    /// The output has the tensors that all models have.
    Drop,
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
    /// leading rows, columns and so on are used. Nothing is filled up.
    Crop,
    /// All are filled up with zeros to a shape that has room for each. Nothing is cut.
    Pad,
    /// The output has that shape too: what all have is merged, what some have is merged from those,
    /// what one has is that one's.
    Keep,
    /// All are repeated along the dimensions in which they have one entry, as NumPy and torch do.
    Broadcast,
    /// The same, but to the reference's shape alone.
    Expand,
    /// Matrices are filled up with zeros; of a reference of another rank all are repeated.
    PadMatrices,
}

impl ShapePolicy {
    /// Whether a tensor of one shape can be merged with one of the reference's.
    pub fn fits(self, wanted: &[u64], found: &[u64]) -> bool {
        if wanted == found {
            return true;
        }
        let same_rank = wanted.len() == found.len();
        match self {
            ShapePolicy::Error => false,
            ShapePolicy::Broadcast => broadcast(wanted, found).is_some(),
            ShapePolicy::Expand => broadcast(wanted, found).is_some_and(|both| both == wanted),
            ShapePolicy::PadMatrices => match (wanted.len(), found.len()) {
                (2, 2) => true,
                (1 | 2, _) => false,
                _ => broadcast(wanted, found).is_some(),
            },
            _ if same_numbers(wanted, found) => true,
            ShapePolicy::Crop => same_rank && is_large(wanted, found),
            ShapePolicy::Pad | ShapePolicy::Keep => same_rank,
        }
    }

    /// Whether a tensor of one shape becomes one of another, which it fits, by being repeated.
    pub(crate) fn repeats(self, shape: &[u64], found: &[u64]) -> bool {
        match self {
            ShapePolicy::Broadcast | ShapePolicy::Expand => true,
            ShapePolicy::PadMatrices => (shape.len(), found.len()) != (2, 2),
            _ => false,
        }
    }

    /// Whether shapes that differ in trailing ones alone are the same.
    pub(crate) fn ignores_ones(self) -> bool {
        !self.repeats(&[], &[])
    }

    /// Whether the output has room for the largest tensor, not only for the reference's.
    pub fn grows(self) -> bool {
        use ShapePolicy::{Broadcast, Keep, Pad, PadMatrices};
        matches!(self, Pad | Keep | Broadcast | PadMatrices)
    }

    /// What helps where a shape does not fit that of the reference.
    pub fn advice(self, wanted: &[u64], found: &[u64]) -> &'static str {
        match self {
            ShapePolicy::Expand => "it cannot be repeated to that shape",
            ShapePolicy::Broadcast => "they cannot be repeated to a common shape",
            ShapePolicy::PadMatrices => {
                "matrices are filled up with zeros, tensors of more dimensions repeated; these are \
                 neither"
            }
            _ if same_numbers(wanted, found) => {
                "--shape keep takes one form for the other: they hold the same numbers"
            }
            _ if wanted.len() != found.len() => {
                "tensors of different rank cannot be fitted to each other"
            }
            ShapePolicy::Error if is_large(wanted, found) => {
                "--shape crop cuts the larger tensors, keep merges what all have and keeps the rest"
            }
            ShapePolicy::Error => {
                "--shape keep merges what all have and keeps the rest, pad fills up with zeros"
            }
            ShapePolicy::Crop => {
                "--shape crop fills nothing up; keep merges what all have and keeps the rest"
            }
            ShapePolicy::Pad | ShapePolicy::Keep => {
                "tensors of these shapes cannot be fitted to each other"
            }
        }
    }
}

/// The shape to which both are repeated, if there is one: behind what only one has, each length is
/// the same in both, or one.
pub(crate) fn broadcast(a: &[u64], b: &[u64]) -> Option<Vec<u64>> {
    let rank = a.len().max(b.len());
    let length = |shape: &[u64], axis: usize| match (axis + shape.len()).checked_sub(rank) {
        Some(own) => shape[own],
        None => 1,
    };
    let both = (0..rank).map(|axis| match (length(a, axis), length(b, axis)) {
        (a, b) if a == b || b == 1 => Some(a),
        (1, b) => Some(b),
        _ => None,
    });
    both.collect()
}

/// Whether two shapes differ in trailing ones alone, as those of a linear layer and a 1x1
/// convolution do.
pub(crate) fn same_numbers(a: &[u64], b: &[u64]) -> bool {
    fn bare(shape: &[u64]) -> &[u64] {
        let end = shape
            .iter()
            .rposition(|n| *n != 1)
            .map_or(0, |last| last + 1);
        &shape[..end]
    }
    bare(a) == bare(b)
}

/// Whether a tensor is at least as large as another in every dimension.
fn is_large(wanted: &[u64], found: &[u64]) -> bool {
    wanted.len() == found.len()
        && wanted
            .iter()
            .zip(found)
            .all(|(wanted, found)| found >= wanted)
}

/// What is one tensor to a method where a checkpoint holds all experts of a layer as one, a matrix
/// for each along the first dimension.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Experts {
    /// What is stored as one.
    #[default]
    Stored,
    /// The matrix of each expert.
    Each,
}

/// The dtype of merged tensors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutputDType {
    /// That of the reference model.
    #[default]
    Keep,
    /// That of the arithmetic, as torch promotes the types of the models' tensors.
    Computed,
    /// This one.
    Float(Float),
    /// The one to which torch promotes the types of the models that have the tensor; a tensor that
    /// one model has keeps its type.
    Promoted,
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

/// Which files of the reference model's folder come along.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SideFiles {
    /// Those of the folder and of the folders in it, with a card of the merge in place of the
    /// model's.
    #[default]
    All,
    /// Those that lie in the folder itself, as they are, without a card or any other README. A file
    /// of weights keeps its name as well where the model is that file.
    Flat,
}

/// Block weights, with the text that they were read from.
#[derive(Clone, Debug)]
pub struct BlockOption {
    /// The text.
    pub text: String,
    /// What it says.
    pub weights: BlockWeights,
}

/// Options of a merge. The output's bytes depend on nothing else besides inputs and graph.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Working dtype.
    pub compute: Compute,
    /// Dtype of merged tensors.
    pub dtype: OutputDType,
    /// How they are stored where they are codes, or are to be.
    pub format: OutputFormat,
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
    /// What experts that are stored as one tensor are to a method.
    pub experts: Experts,
    /// Whether models are compared: what is found of tensors is told, and nothing is stored. What
    /// would be copied is compared by its bytes, and tensors of another shape are left out.
    pub compares: bool,
    /// Of a comparison, the tensors that are looked at, by their names in the output, each with a
    /// number of equal runs of rows of which the middle one is read; None of all as they are.
    pub sample: Option<Arc<HashMap<String, u64>>>,
    /// Whether integers and truth values are merged as numbers; else they are copied.
    pub integers: bool,
    /// Whether names are compared as they are: no prefix is found out beyond those of
    /// [`Options::strip_prefix`], of two names that become one the later in alphabetical order
    /// counts, and models need not have names in common.
    pub exact_names: bool,
    /// Whether what nothing is computed of is cast from the stored type, without being rounded to
    /// the working dtype before.
    pub direct_casts: bool,
    /// Which tensors are merged; the others are copied from the reference model.
    pub filter: Filter,
    /// The ratio of the last merge for every tensor by its name.
    pub block_weights: Option<BlockOption>,
    /// What the output records.
    pub metadata: Metadata,
    /// Whether an output folder gets a card of the merge.
    pub card: Card,
    /// What comes along from the reference model's folder.
    pub side_files: SideFiles,
    /// What its metadata has besides, name and text, in place of what is carried from the models.
    pub entries: Vec<(String, String)>,
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
            && !self.integers
            && !self.direct_casts
            && self.format == OutputFormat::default()
            && self.filter.is_all()
    }
}

wgmerge_compute::words!(Missing {
    Error = "error",
    Skip = "skip",
    Base = "base",
    Reference = "reference",
    Drop = "drop"
});
wgmerge_compute::words!(ShapePolicy {
    Error = "error",
    Crop = "crop",
    Pad = "pad",
    Keep = "keep",
    Broadcast = "broadcast",
    Expand = "expand",
    PadMatrices = "pad-matrices"
});
wgmerge_compute::words!(OnNan { Error = "error", Keep = "keep", Zero = "zero", Base = "base" });
wgmerge_compute::words!(Experts {
    Stored = "stored",
    Each = "each"
});
wgmerge_compute::words!(Metadata { None = "none", Recipe = "recipe", Full = "full" });

impl OutputDType {
    /// `keep` or the name of a float type.
    pub fn from_word(word: &str) -> Option<OutputDType> {
        match word {
            "keep" => Some(OutputDType::Keep),
            "promoted" => Some(OutputDType::Promoted),
            "computed" => Some(OutputDType::Computed),
            _ => Float::from_name(word).map(OutputDType::Float),
        }
    }

    /// The word of this choice.
    pub fn word(self) -> &'static str {
        match self {
            OutputDType::Keep => "keep",
            OutputDType::Computed => "computed",
            OutputDType::Float(float) => float.name(),
            OutputDType::Promoted => "promoted",
        }
    }
}
