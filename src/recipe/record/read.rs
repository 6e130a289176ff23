//! The record of an output, read back.

use serde_json::Value as Json;

use super::RecordError;
use super::field::Field;
use super::{nodes, options};
use crate::checkpoint::Checkpoint;
use crate::recipe::mergeflux::scheduled;
use crate::recipe::{ModelId, Options, Recipe, Sweep};

/// What an output says about how it came about.
#[derive(Clone, Debug)]
pub struct Recorded {
    record: Json,
    /// The version of the program that wrote it.
    pub version: String,
    /// What it was made of.
    pub inputs: Vec<RecordedInput>,
}

/// A checkpoint that an output was made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedInput {
    /// The name of its file or folder, or its repository and commit.
    pub name: String,
    /// Its [fingerprint](Checkpoint::fingerprint).
    pub fingerprint: String,
}

/// A recipe in another program's language, as it was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedText {
    /// The language: `mergekit` or `mergekit-moe`.
    pub dialect: &'static str,
    /// What was written.
    pub text: String,
    /// The name in it of the merge that is meant; None for the one without a name.
    pub name: Option<String>,
    /// What the text calls the inputs, in their order.
    pub references: Vec<String>,
    /// Whether tensors with a row for each token were cut to as many rows as all models have.
    pub truncates: bool,
}

/// Inputs of a merge at most.
const INPUTS_MAX: usize = u16::MAX as usize;

/// The languages whose texts recipes are made of again.
const DIALECTS: [&str; 2] = ["mergekit", "mergekit-moe"];

impl Recorded {
    /// Reads a record.
    ///
    /// # Errors
    /// A text that is no record.
    pub fn parse(text: &str) -> Result<Recorded, RecordError> {
        let record: Json = serde_json::from_str(text).map_err(|fault| RecordError::NotJson {
            fault: fault.to_string(),
        })?;
        let root = Field::root(&record);
        let version = root.need("wgmerge")?.text()?.to_owned();
        let inputs = root.need("inputs")?.list()?.into_iter().map(|own| {
            Ok(RecordedInput {
                name: own.need("name")?.text()?.to_owned(),
                fingerprint: own.need("fingerprint")?.text()?.to_owned(),
            })
        });
        let inputs = inputs.collect::<Result<Vec<_>, RecordError>>()?;
        if inputs.len() > INPUTS_MAX {
            return Err(root
                .need("inputs")?
                .unsound(format!("{INPUTS_MAX} at most are merged")));
        }
        Ok(Recorded {
            record,
            version,
            inputs,
        })
    }

    /// The options.
    ///
    /// # Errors
    /// A word or value that this version does not know.
    pub fn options(&self) -> Result<Options, RecordError> {
        options::options(&self.root(), self.inputs.len())
    }

    /// The recipe's text, where it is one that stands for the nodes.
    ///
    /// # Errors
    /// A field that is not of its kind.
    pub fn text(&self) -> Result<Option<RecordedText>, RecordError> {
        let root = self.root();
        let found = DIALECTS.iter().find_map(|own| Some((*own, root.get(own)?)));
        let Some((dialect, text)) = found else {
            return Ok(None);
        };
        let references = root.need("references")?;
        if references.texts()?.len() != self.inputs.len() || self.inputs.is_empty() {
            return Err(references.wrong("what the text calls each of the inputs"));
        }
        let name = root.get("merge_name").map(|own| own.text()).transpose()?;
        Ok(Some(RecordedText {
            dialect,
            text: text.text()?.to_owned(),
            name: name.map(str::to_owned),
            references: references.texts()?,
            truncates: options::flag(&root, "truncates")?,
        }))
    }

    /// The texts of the method files that it names.
    ///
    /// # Errors
    /// A field that is not of its kind.
    pub fn method_files(&self) -> Result<Vec<String>, RecordError> {
        let Some(own) = self.root().get("methods") else {
            return Ok(Vec::new());
        };
        let texts = own.entries()?.into_iter();
        texts
            .map(|(_, own)| own.text().map(str::to_owned))
            .collect()
    }

    /// The value that a sweep gave a parameter.
    ///
    /// # Errors
    /// A field that is not of its kind.
    pub fn swept(&self) -> Result<Option<Sweep>, RecordError> {
        let Some(own) = self.root().get("swept") else {
            return Ok(None);
        };
        let name = own.need("parameter")?.text()?;
        let swept = Sweep::new(name, vec![own.need("value")?.number()?]);
        swept.map(Some).map_err(|fault| own.unsound(fault))
    }

    /// The recipe, of its inputs in their order.
    ///
    /// # Errors
    /// What this version does not know, what does not fit together, and rules that only the
    /// program knew that called the library.
    pub fn recipe(&self, inputs: &[Checkpoint]) -> Result<Recipe, RecordError> {
        let root = self.root();
        let list = root.need("nodes")?;
        let mut read = Vec::new();
        let schedules = |own: &Field<'_>| scheduled(own.value, inputs);
        for own in list.list()? {
            let node = nodes::node(&own, (inputs.len(), read.len()), &schedules)?;
            read.push(node);
        }
        if read.is_empty() {
            return Err(list.wrong("at least one node"));
        }
        let models = inputs.iter().map(|input| input.path().to_owned());
        let reference = root.get("reference").map(|own| own.index(inputs.len()));
        Ok(Recipe {
            reference: ModelId::new(reference.transpose()?.unwrap_or_default()),
            ..Recipe::new(models.collect(), read, self.options()?)
        })
    }

    fn root(&self) -> Field<'_> {
        Field::root(&self.record)
    }
}
