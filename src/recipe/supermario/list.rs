//! `hf_merge.py`: the models of a list, one after the other.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::SupermarioError;
use super::chain::{Chain, Merged, check_base};
use crate::recipe::Recipe;

/// What the script is told.
#[derive(Clone, Debug)]
pub struct List {
    /// The list: a model per line, or mergekit's YAML in a file that ends in `.yaml` or `.yml`.
    pub path: PathBuf,
    /// The share of entries that is kept, where the list does not say it.
    pub p: f64,
    /// The factor of what is kept; in YAML one divided by it, where the list does not say it.
    pub lambda: f64,
    /// Seed of the masks.
    pub seed: u64,
}

/// The part of mergekit's YAML that the script reads.
#[derive(Deserialize)]
struct Yaml {
    models: Vec<YamlModel>,
}

#[derive(Deserialize)]
struct YamlModel {
    model: String,
    #[serde(default)]
    parameters: YamlParameters,
}

#[derive(Default, Deserialize)]
struct YamlParameters {
    weight: Option<f64>,
    density: Option<f64>,
}

/// A line of the list.
struct Entry {
    model: String,
    p: f64,
    lambda: f64,
}

impl List {
    /// What the script does with a list.
    pub fn new(path: impl Into<PathBuf>) -> List {
        List {
            path: path.into(),
            p: 0.5,
            lambda: 1.0,
            seed: 0,
        }
    }

    /// The recipe.
    ///
    /// # Errors
    /// What is wrong with the list or with its numbers, and models that are not there.
    pub fn recipe(&self) -> Result<Recipe, SupermarioError> {
        let text = std::fs::read_to_string(&self.path);
        let text = text.map_err(|fault| SupermarioError::Unreadable {
            list: self.path.clone(),
            fault,
        })?;
        let ending = self.path.extension().unwrap_or_default();
        let is_yaml = ending == "yaml" || ending == "yml";
        let entries = match is_yaml {
            true => self.yaml(&text)?,
            false => self.lines(&text),
        };
        let mut entries = entries.into_iter();
        let Some(base) = entries.next() else {
            let list = self.path.clone();
            return Err(SupermarioError::NoModels { list });
        };
        let base = self.find(&base.model);
        check_base(&base)?;
        let merged = entries.map(|entry| Merged {
            path: self.find(&entry.model),
            p: entry.p,
            lambda: entry.lambda,
        });
        let chain = Chain {
            base,
            merged: merged.collect(),
            seed: self.seed,
            folders: true,
        };
        chain.recipe()
    }

    fn lines(&self, text: &str) -> Vec<Entry> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let entry = |line: &str| Entry {
            model: line.to_owned(),
            p: self.p,
            lambda: self.lambda,
        };
        lines.map(entry).collect()
    }

    /// The models of a YAML. What the base's parameters say has no meaning.
    fn yaml(&self, text: &str) -> Result<Vec<Entry>, SupermarioError> {
        let yaml: Yaml = serde_saphyr::from_str(text).map_err(|fault| SupermarioError::Yaml {
            list: self.path.clone(),
            fault: fault.to_string(),
        })?;
        let models = yaml.models.into_iter().enumerate();
        let entries = models.map(|(at, model)| {
            let lambda = match at {
                0 => self.lambda,
                _ => self.inverse(&model)?,
            };
            Ok(Entry {
                p: model.parameters.weight.unwrap_or(self.p),
                lambda,
                model: model.model,
            })
        });
        entries.collect()
    }

    /// One divided by the density, or else by the command line's lambda.
    fn inverse(&self, model: &YamlModel) -> Result<f64, SupermarioError> {
        let usable = |number: f64| number != 0.0 && number.is_finite();
        let list = self.path.clone();
        match model.parameters.density {
            Some(density) if usable(density) => Ok(1.0 / density),
            Some(density) => Err(SupermarioError::Density {
                list,
                model: model.model.clone(),
                density,
            }),
            None if usable(self.lambda) => Ok(1.0 / self.lambda),
            None => Err(SupermarioError::Lambda {
                list,
                lambda: self.lambda,
            }),
        }
    }

    /// Where a model of the list is: here, or beside the list, or else a name of the Hub.
    fn find(&self, entry: &str) -> PathBuf {
        let here = PathBuf::from(entry);
        let beside = self.path.parent().unwrap_or(Path::new("")).join(entry);
        match !here.exists() && beside.exists() {
            true => beside,
            false => here,
        }
    }
}
