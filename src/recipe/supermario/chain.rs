//! Merges one after the other, each into the result of those before it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::SupermarioError;
use crate::kernel::OnOverflow;
use crate::method::{ParameterValue, Parameters, Space, find};
use crate::recipe::{
    Form, Metadata, Missing, ModelId, NodeId, OnNan, Options, OutputDType, Recipe, RecipeNode,
    Rule, Schedule, Scheduled, ShapePolicy, SideFiles,
};

/// In the names of what chooses the experts of a mixture.
const GATE: &str = "block_sparse_moe.gate";

/// A model that is merged into those before it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Merged {
    pub(super) path: PathBuf,
    /// The share of entries that is kept.
    pub(super) p: f64,
    /// The factor of what is kept, which is divided by 1 - p besides.
    pub(super) lambda: f64,
}

/// A base and what is merged into it.
#[derive(Clone, Debug)]
pub(super) struct Chain {
    pub(super) base: PathBuf,
    pub(super) merged: Vec<Merged>,
    pub(super) seed: u64,
    /// Whether they are treated as the tool treats folders: the base's tensors that others lack are
    /// kept, and gates averaged.
    pub(super) folders: bool,
}

impl Chain {
    /// The recipe: names are compared as they are, and everything is a number.
    pub(super) fn recipe(&self) -> Result<Recipe, SupermarioError> {
        let model = |model| RecipeNode::Model {
            model,
            form: Form::Own,
            space: Space::Weight,
        };
        let mut nodes: Vec<RecipeNode> = ModelId::all()
            .take(self.merged.len() + 1)
            .map(model)
            .collect();
        let method = find("supermario").expect("the table has supermario");
        let schedule = self
            .folders
            .then(|| Scheduled::Bound(Rule(Arc::new(Gates))));
        let mut base = NodeId::new(0);
        for (at, merged) in self.merged.iter().enumerate() {
            if !(0.0..1.0).contains(&merged.p) {
                return Err(SupermarioError::P { p: merged.p });
            }
            let given = [("p", merged.p), ("lambda", merged.lambda)]
                .map(|(name, number)| (name.to_owned(), ParameterValue::Numbers(vec![number])));
            nodes.push(RecipeNode::Merge {
                method,
                base: Some(base),
                models: vec![NodeId::new(1 + at)],
                parameters: Parameters::resolve(method, &given, 1)?,
                given: Vec::new(),
                schedule: schedule.clone(),
            });
            base = NodeId::new(nodes.len() - 1);
        }
        let paths = self.merged.iter().map(|merged| merged.path.clone());
        let options = Options {
            dtype: OutputDType::Promoted,
            seed: self.seed,
            missing: match self.folders {
                true => Missing::Reference,
                false => Missing::Drop,
            },
            shape: ShapePolicy::PadMatrices,
            on_nan: OnNan::Keep,
            on_overflow: OnOverflow::Keep,
            integers: true,
            exact_names: true,
            metadata: Metadata::None,
            side_files: SideFiles::Flat,
            ..Options::default()
        };
        let models = std::iter::once(self.base.clone()).chain(paths);
        Ok(Recipe::new(models.collect(), nodes, options))
    }
}

/// Averages the gates.
#[derive(Debug)]
struct Gates;

impl Schedule for Gates {
    fn parameters(&self, name: &str) -> Vec<(&'static str, ParameterValue)> {
        match name.contains(GATE) {
            true => vec![("average", ParameterValue::Flag(true))],
            false => Vec::new(),
        }
    }
}

/// Whether a model is a folder, or else will be one: that of a name of the Hub.
pub(super) fn is_folder(path: &Path) -> bool {
    let named = path.extension().is_some_and(|ending| ending == ENDING);
    path.is_dir() || (!path.exists() && !named)
}

/// What the files end in that the tool reads of a base.
const ENDING: &str = "safetensors";

/// Refuses a base of which the tool would read nothing.
pub(super) fn check_base(base: &Path) -> Result<(), SupermarioError> {
    let mut files = std::fs::read_dir(base).into_iter().flatten().flatten();
    let is_weights = |name: &Path| name.extension().is_some_and(|ending| ending == ENDING);
    let found = !base.is_dir() || files.any(|file| is_weights(&PathBuf::from(file.file_name())));
    let base = base.to_owned();
    match (base.exists() || is_folder(&base), found) {
        (true, true) => Ok(()),
        (false, _) => Err(SupermarioError::Missing { path: base }),
        (true, false) => Err(SupermarioError::NoBase { base }),
    }
}
