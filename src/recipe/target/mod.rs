//! Formats of quantised weights that an output can be asked for, by name.
//!
//! A target says how the weights of a model are stored, what their entries are called, and where
//! the host that loads them looks for what says so. Which weights it is for, and which stay in high
//! precision as the converters leave them, is in [`Layers`].

mod layers;
mod marks;
mod table;

pub use layers::Layers;
pub use marks::{Mark, Marks};
pub use table::TARGETS;

use crate::dtype::DType;
use crate::format::encode::Rule;
use crate::format::{Format, Part, Role};

/// A format that weights can be stored in.
#[derive(Debug)]
pub struct Target {
    /// The word for it on the command line and in records.
    pub word: &'static str,
    /// What it is and who loads it, in one line.
    pub summary: &'static str,
    /// How numbers are stored.
    pub(super) format: fn() -> Format,
    /// The rules by which codes are made.
    pub rule: Rule,
    /// What the entries of a layer are called, in the order of the format's parts, behind the
    /// layer's name and a dot.
    pub(super) names: &'static [&'static str],
    /// The dimensions of a scale of the whole tensor.
    pub(super) scalar: &'static [u64],
    /// A row is stored only if it has a multiple of so many columns.
    pub(super) columns: u64,
    /// Where it is said that weights are stored so.
    pub marks: Marks,
}

/// How a name of a weight ends.
const WEIGHT: &str = ".weight";

impl Target {
    /// The target of a word.
    pub fn from_word(word: &str) -> Option<&'static Target> {
        TARGETS.iter().find(|target| target.word == word)
    }

    /// How numbers are stored.
    pub fn format(&self) -> Format {
        (self.format)()
    }

    /// Whether a tensor of this name and shape can be stored so: the matrix of a layer.
    pub fn takes(&self, name: &str, shape: &[u64]) -> bool {
        let [rows, columns] = *shape else {
            return false;
        };
        let is_whole = rows > 0 && columns > 0 && columns.is_multiple_of(self.columns);
        name.ends_with(WEIGHT) && is_whole
    }

    /// The layer that a weight belongs to.
    pub fn layer(name: &str) -> &str {
        name.strip_suffix(WEIGHT).unwrap_or(name)
    }

    /// The entries of a weight, in the order of the format's parts: their names, with type and
    /// dimensions.
    pub fn entries(&self, name: &str, shape: &[u64]) -> Vec<(String, Part)> {
        let layer = Target::layer(name);
        let parts = self.format().parts(shape).into_iter().zip(self.names);
        let parts = parts.map(|(mut part, tail)| {
            let is_scalar = part.role != Role::Values && part.shape.iter().product::<u64>() == 1;
            let over_tensor = is_scalar && shape.iter().product::<u64>() > 1;
            if over_tensor && part.dtype == DType::F32 && !self.has_blocks(part.role) {
                part.shape = self.scalar.to_vec();
            }
            (format!("{layer}.{tail}"), part)
        });
        parts.collect()
    }

    /// Whether an entry has a number for each block or row, even where there is only one.
    fn has_blocks(&self, role: Role) -> bool {
        use crate::format::Over;
        match self.format() {
            Format::Scaled(scaled) => role == Role::Scale && scaled.over != Over::Tensor,
            _ => role == Role::Scale,
        }
    }
}
