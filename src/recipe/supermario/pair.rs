//! `merge.py`: one model into another.

use std::path::PathBuf;

use super::SupermarioError;
use super::chain::{Chain, Merged, check_base, is_folder};
use crate::recipe::Recipe;

/// What the script is told.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The base: a file or a folder.
    pub base: PathBuf,
    /// What is merged into it, of the same kind.
    pub second: PathBuf,
    /// The share of entries that is kept.
    pub p: f64,
    /// The factor of what is kept, which is divided by 1 - p besides.
    pub lambda: f64,
    /// Seed of the masks.
    pub seed: u64,
}

impl Pair {
    /// What the script does with two models.
    pub fn new(base: impl Into<PathBuf>, second: impl Into<PathBuf>) -> Pair {
        Pair {
            base: base.into(),
            second: second.into(),
            p: 0.5,
            lambda: 1.0,
            seed: 0,
        }
    }

    /// The recipe.
    ///
    /// # Errors
    /// Where p is no share below one, where one is a file and the other a folder, and where a base
    /// has nothing that is read.
    pub fn recipe(&self) -> Result<Recipe, SupermarioError> {
        check_base(&self.base)?;
        let (base, second) = (self.base.clone(), self.second.clone());
        if !second.exists() && !is_folder(&second) {
            return Err(SupermarioError::Missing { path: second });
        }
        match (is_folder(&base), is_folder(&second)) {
            (true, false) => return Err(SupermarioError::FolderAndFile { base, second }),
            (false, true) => return Err(SupermarioError::FileAndFolder { base, second }),
            _ => {}
        }
        let chain = Chain {
            folders: is_folder(&base),
            base,
            merged: vec![Merged {
                path: second,
                p: self.p,
                lambda: self.lambda,
            }],
            seed: self.seed,
        };
        chain.recipe()
    }

    /// Where the output goes: it is of the base's kind.
    ///
    /// # Errors
    /// Where the base is a file and the output's name is none of a file.
    pub fn output(&self, given: &std::path::Path) -> Result<PathBuf, SupermarioError> {
        let ending = given.extension().unwrap_or_default().to_ascii_lowercase();
        match is_folder(&self.base) {
            true => Ok(given.join("")),
            false if ending == "safetensors" || ending == "sft" => Ok(given.to_owned()),
            false => Err(SupermarioError::NotAFile {
                output: given.to_owned(),
            }),
        }
    }
}
