//! Formats of quantised weights that an output can be asked for, by name.
//!
//! A target says how the weights of a model are stored, what their entries are called, and where
//! the host that loads them looks for what says so. Which weights it is for, and which stay in high
//! precision as the converters leave them, is in [`Layers`].

mod layers;
mod marks;
mod settings;
mod table;

pub use layers::Layers;
pub use marks::{Mark, Marks};
pub use table::TARGETS;

use crate::dtype::{DType, Float};
use crate::format::encode::Rule;
use crate::format::{Block, Format, Over, Part, Role};

/// A format that weights can be stored in.
#[derive(Debug)]
pub struct Target {
    /// The word for it on the command line and in records.
    pub word: &'static str,
    /// Other words for it.
    pub also: &'static [&'static str],
    /// What it is and who loads it, in one line.
    pub summary: &'static str,
    /// How numbers are stored.
    pub(super) format: fn(Float) -> Format,
    /// The rules by which codes are made.
    pub rule: Rule,
    /// What the entries of a layer are called, in the order of the format's parts, behind the
    /// layer's name and a dot.
    pub(super) names: &'static [&'static str],
    /// The dimensions of a scale of the whole tensor.
    pub(super) scalar: &'static [u64],
    /// A matrix is stored so only if it has a multiple of so many rows and columns.
    pub(super) block: Block,
    /// Where it is said that weights are stored so.
    pub marks: Marks,
}

/// How a name of a weight ends.
const WEIGHT: &str = ".weight";

impl Target {
    /// The target of a word.
    pub fn from_word(word: &str) -> Option<&'static Target> {
        let is_own = |target: &&Target| target.word == word || target.also.contains(&word);
        TARGETS.iter().find(is_own)
    }

    /// How numbers of a model of some type are stored.
    pub fn format(&self, float: Float) -> Format {
        (self.format)(match float {
            Float::F16 | Float::BF16 => float,
            _ => Float::F32,
        })
    }

    /// Whether a tensor of this name and shape can be stored so: the matrix of a layer.
    pub fn takes(&self, name: &str, shape: &[u64]) -> bool {
        let [rows, columns] = *shape else {
            return false;
        };
        let Block {
            rows: down,
            columns: across,
        } = self.block;
        let is_whole = rows.is_multiple_of(down) && columns.is_multiple_of(across);
        name.ends_with(WEIGHT) && rows > 0 && columns > 0 && is_whole
    }

    /// Which matrices can be stored so, in words.
    pub fn wanted(&self) -> String {
        match self.block {
            Block {
                rows: 1,
                columns: 1,
            } => "of any size".to_owned(),
            Block { rows: 1, columns } => format!("whose columns are a multiple of {columns}"),
            Block { rows, columns } => {
                format!("whose rows are a multiple of {rows} and columns of {columns}")
            }
        }
    }

    /// The layer that a weight belongs to.
    pub fn layer(name: &str) -> &str {
        name.strip_suffix(WEIGHT).unwrap_or(name)
    }

    /// The entries of a weight, in the order of the format's parts: their names, with type and
    /// dimensions.
    pub fn entries(&self, name: &str, format: &Format, shape: &[u64]) -> Vec<(String, Part)> {
        let layer = Target::layer(name);
        let parts = format.parts(shape).into_iter().zip(self.names);
        let parts = parts.map(|(mut part, tail)| {
            let is_scalar = part.role != Role::Values && part.shape.iter().product::<u64>() == 1;
            let over_tensor = is_scalar && shape.iter().product::<u64>() > 1;
            if over_tensor && part.dtype == DType::F32 && !has_blocks(format, part.role) {
                part.shape = self.scalar.to_vec();
            }
            (format!("{layer}.{tail}"), part)
        });
        parts.collect()
    }
}

/// Whether an entry has a number for each block or row, even where there is only one.
fn has_blocks(format: &Format, role: Role) -> bool {
    match format {
        Format::Scaled(scaled) => role == Role::Scale && scaled.over != Over::Tensor,
        _ => role == Role::Scale,
    }
}
