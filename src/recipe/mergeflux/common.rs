//! What both scripts are told.

use std::path::{Path, PathBuf};

use super::Precision;
use crate::kernel::OnOverflow;
use crate::method::Space;
use crate::recipe::{
    Form, Metadata, Missing, ModelId, OnNan, Options, OutputDType, OutputNames, RecipeNode,
    ShapePolicy,
};

/// What is left out of the names of all models.
pub const PREFIX: &str = "model.diffusion_model.";

/// What the output's name ends in.
const EXTENSION: &str = ".safetensors";

/// What both scripts are told.
#[derive(Clone, Debug)]
pub struct Common {
    /// Working dtype.
    pub precision: Precision,
    /// Dtype of the output.
    pub saving_precision: Precision,
    /// Whether the merge's parameters are written to the output's metadata.
    pub save_metadata: bool,
    /// Whether tensors keep the names that they have in the first model that has them, instead of
    /// losing [`PREFIX`].
    pub keep_prefix: bool,
}

impl Default for Common {
    fn default() -> Common {
        Common {
            precision: Precision::Float,
            saving_precision: Precision::Bf16,
            save_metadata: false,
            keep_prefix: false,
        }
    }
}

impl Common {
    /// Where the output goes: the name as it is given, with `.safetensors` behind it.
    pub fn output(given: &Path) -> PathBuf {
        let bytes = given.as_os_str().as_encoded_bytes();
        if bytes.ends_with(EXTENSION.as_bytes()) {
            return given.to_owned();
        }
        let mut output = given.as_os_str().to_owned();
        output.push(EXTENSION);
        output.into()
    }

    /// The options of both scripts: names are compared as they are, everything is a number, and
    /// what is not finite takes part.
    pub(super) fn options(&self, missing: Missing, shape: ShapePolicy) -> Options {
        Options {
            compute: self.precision.compute(),
            dtype: OutputDType::Float(self.saving_precision.float()),
            missing,
            shape,
            on_nan: OnNan::Keep,
            on_overflow: OnOverflow::Keep,
            integers: true,
            exact_names: true,
            strip_prefix: vec![PREFIX.to_owned()],
            output_names: match self.keep_prefix {
                true => OutputNames::Reference,
                false => OutputNames::Graph,
            },
            metadata: match self.save_metadata {
                true => Metadata::Recipe,
                false => Metadata::None,
            },
            ..Options::default()
        }
    }

    /// What both write to the metadata, if they are to.
    pub(super) fn entries(&self, own: Vec<(&str, String)>) -> Vec<(String, String)> {
        if !self.save_metadata {
            return Vec::new();
        }
        let precisions = [
            ("calculation_precision", self.precision.word().to_owned()),
            ("saving_precision", self.saving_precision.word().to_owned()),
        ];
        let entries = own.into_iter().chain(precisions);
        let entries = entries.map(|(name, value)| (name.to_owned(), value));
        entries.collect()
    }
}

/// The models' nodes, by the names in their files.
pub(super) fn model_nodes(count: usize) -> Vec<RecipeNode> {
    let node = |model| RecipeNode::Model {
        model,
        form: Form::Own,
        space: Space::Weight,
    };
    ModelId::all().take(count).map(node).collect()
}

/// A path as the user gave it.
pub(super) fn text(path: &Path) -> String {
    path.display().to_string()
}
