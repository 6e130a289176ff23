//! How the weights of an output are stored.

use super::target::{Layers, Target};
use crate::format::encode::{Rounding, Scales};

/// In which format merged weights are stored.
#[derive(Clone, Copy, Debug, Default)]
pub enum Storing {
    /// In that of the tensor that they go out from; numbers as numbers.
    #[default]
    Keep,
    /// Weights of layers in this one.
    Target(&'static Target),
}

impl PartialEq for Storing {
    fn eq(&self, other: &Storing) -> bool {
        self.word() == other.word()
    }
}

impl Storing {
    /// `keep` or the word of a target.
    pub fn from_word(word: &str) -> Option<Storing> {
        match word {
            "keep" => Some(Storing::Keep),
            _ => Target::from_word(word).map(Storing::Target),
        }
    }

    /// The word of it.
    pub fn word(self) -> &'static str {
        match self {
            Storing::Keep => "keep",
            Storing::Target(target) => target.word,
        }
    }
}

/// How numbers become codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeRounding {
    /// The nearest code, as the library of the format does it.
    #[default]
    Nearest,
    /// One of the two next to it, so that the mean is the number; by the seed.
    Stochastic,
}

wgmerge_compute::words!(CodeRounding { Nearest = "nearest", Stochastic = "stochastic" });

/// Where the scales of codes come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeScales {
    /// The largest magnitudes of the result.
    #[default]
    Fresh,
    /// The base, where it has the same format.
    Static,
}

wgmerge_compute::words!(CodeScales { Fresh = "fresh", Static = "static" });

/// How the weights of an output are stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OutputFormat {
    /// In which format.
    pub storing: Storing,
    /// Which weights stay in high precision, where a format is asked for.
    pub layers: Layers,
    /// How numbers become codes.
    pub rounding: CodeRounding,
    /// Where scales come from.
    pub scales: CodeScales,
}

impl OutputFormat {
    /// The rounding of a tensor, by the seed and a number of its own.
    pub fn rounding(&self, key: [u32; 2]) -> Rounding {
        match self.rounding {
            CodeRounding::Nearest => Rounding::Nearest,
            CodeRounding::Stochastic => Rounding::Stochastic { key },
        }
    }

    /// Where the scales of codes come from, if the base has the same format.
    pub fn scales(&self) -> Scales {
        match self.scales {
            CodeScales::Fresh => Scales::Fresh,
            CodeScales::Static => Scales::Kept,
        }
    }
}
