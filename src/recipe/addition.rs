//! What is done to a recipe's result in one word: elements kept within bounds, adapters added,
//! another VAE, tensors left out.
//!
//! Each is short for nodes that a recipe can have as well. Which nodes shows when the models are
//! known: the key format of the result decides about conversions.

use super::{ModelId, Pattern, Recipe};

/// Something that is done to the result.
#[derive(Clone, Debug, PartialEq)]
pub enum Addition {
    /// Elements are kept between those of the first two inputs of the merge that gives the result.
    Clip,
    /// The deltas of an adapter are added.
    Lora {
        /// Its number in [`Recipe::models`].
        model: ModelId,
        /// What they are multiplied with.
        strength: f64,
    },
    /// The VAE of a model, or one alone, takes the place of the result's.
    Vae {
        /// Its number in [`Recipe::models`].
        model: ModelId,
    },
    /// Tensors are left out: those of a component, or those whose names match.
    Drop(Pattern),
}

impl Recipe {
    /// Keeps each element of the result between those of the first two inputs of its last merge;
    /// a base is the first.
    pub fn add_clip(&mut self) {
        self.options.additions.push(Addition::Clip);
    }

    /// Adds the deltas of an adapter, times a strength, to the result.
    pub fn add_lora(&mut self, path: std::path::PathBuf, strength: f64) {
        let model = self.add_model(path);
        let addition = Addition::Lora { model, strength };
        self.options.additions.push(addition);
    }

    /// Puts the VAE of a file in the place of the result's.
    pub fn add_vae(&mut self, path: std::path::PathBuf) {
        let model = self.add_model(path);
        self.options.additions.push(Addition::Vae { model });
    }

    /// Leaves a component, or else the tensors whose names match, out of the result.
    pub fn add_drop(&mut self, pattern: Pattern) {
        self.options.additions.push(Addition::Drop(pattern));
    }

    fn add_model(&mut self, path: std::path::PathBuf) -> ModelId {
        let known = self.models.iter().position(|known| *known == path);
        let number = known.unwrap_or_else(|| {
            self.models.push(path);
            self.models.len() - 1
        });
        ModelId::new(number)
    }
}
