//! `mergeflux-delta.py`: task vectors, pruned, weighted and added up.

use std::path::PathBuf;

use super::common::{self, Common};
use super::{MergeFluxError, Precision};
use crate::kernel::Compute;
use crate::method::{ParameterValue, Parameters, find};
use crate::recipe::python;
use crate::recipe::{Missing, NodeId, Recipe, RecipeNode, ShapePolicy};

/// Declares a choice from rows of variant, word and meaning.
macro_rules! choice {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$default:meta])? $variant:ident $word:literal $meaning:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
        pub enum $name {
            $(#[doc = $meaning] $(#[$default])? $variant,)*
        }

        impl $name {
            /// The words, with what they mean.
            pub const WORDS: &'static [(&'static str, &'static str)] =
                &[$(($word, $meaning)),*];

            /// The script's word.
            pub fn word(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)*
                }
            }

            /// The choice of this word.
            pub fn from_word(word: &str) -> Option<$name> {
                match word {
                    $($word => Some($name::$variant),)*
                    _ => None,
                }
            }
        }
    };
}

choice!(
    /// What a task vector loses.
    Prune {
        None "none" "nothing",
        #[default]
        Magnitude "magnitude" "all but the largest entries, --density of them",
        Random "random" "entries by chance; --density of them stay and are divided by it",
    }
);

choice!(
    /// How task vectors become one.
    DeltaMerge {
        Sum "sum" "their sum",
        Mean "mean" "their sum divided by the number of models",
        #[default]
        Disjoint "disjoint_merge" "a sign is elected, and what has it is averaged",
    }
);

choice!(
    /// How a sign is elected.
    Election {
        #[default]
        Total "total" "by the sum of the entries",
        Frequency "frequency" "by the number of the entries",
    }
);

choice!(
    /// Over what the largest entries are sought.
    TrimScope {
        #[default]
        Tensor "tensor" "each tensor by itself, as the script does",
        Model "model" "all tensors of a model at once, as the paper of TIES does",
    }
);

/// What the script is told.
#[derive(Clone, Debug)]
pub struct Delta {
    /// The base model.
    pub base_model: PathBuf,
    /// The models to merge into it.
    pub models: Vec<PathBuf>,
    /// What task vectors lose.
    pub prune_method: Prune,
    /// How they become one.
    pub merge_method: DeltaMerge,
    /// The share of entries that stays.
    pub density: f64,
    /// A factor for each task vector; 1 where none are given.
    pub task_weights: Option<Vec<f64>>,
    /// How signs are elected.
    pub majority_sign_method: Election,
    /// The factor of the merged task vector: 1 in the script.
    pub lambda: f64,
    /// Over what the largest entries are sought.
    pub scope: TrimScope,
    /// Seed of the random pruning.
    pub seed: u64,
    /// What both scripts are told.
    pub common: Common,
}

impl Delta {
    /// What the script does with these models.
    pub fn new(base_model: impl Into<PathBuf>, models: Vec<PathBuf>) -> Delta {
        Delta {
            base_model: base_model.into(),
            models,
            prune_method: Prune::default(),
            merge_method: DeltaMerge::default(),
            density: 0.5,
            task_weights: None,
            majority_sign_method: Election::default(),
            lambda: 1.0,
            scope: TrimScope::default(),
            seed: 0,
            common: Common::default(),
        }
    }

    /// The recipe.
    ///
    /// # Errors
    /// Where weights are not one for each model, and where a number is none that a merge takes.
    pub fn recipe(&self) -> Result<Recipe, MergeFluxError> {
        let count = self.models.len();
        // An empty list counts as none in Python, and cannot be given.
        let weights = self
            .task_weights
            .clone()
            .unwrap_or_else(|| vec![1.0; count]);
        if weights.len() != count {
            return Err(MergeFluxError::Count {
                flag: "task_weights",
                given: weights.len(),
                models: count,
            });
        }
        if self.density.is_nan() {
            return Err(MergeFluxError::Density);
        }
        if self.scope == TrimScope::Model && self.prune_method != Prune::Magnitude {
            let prune = self.prune_method.word();
            return Err(MergeFluxError::Scope { prune });
        }
        let method = find(match self.prune_method {
            Prune::Random => "dare_ties",
            Prune::None | Prune::Magnitude => "ties",
        });
        let method = method.expect("the table has them");
        let parameters = Parameters::resolve(method, &self.parameters(&weights), count)?;
        let mut nodes = common::model_nodes(1 + count);
        nodes.push(RecipeNode::Merge {
            method,
            base: Some(NodeId::new(0)),
            models: (1..=count).map(NodeId::new).collect(),
            parameters,
            given: Vec::new(),
            schedule: None,
        });
        let mut options = self.common.options(Missing::Base, ShapePolicy::Broadcast);
        // The method rounds: the script divides in f32 whatever its precision.
        options.compute = Compute::F32;
        options.seed = self.seed;
        options.entries = self.entries(&weights);
        let base = std::iter::once(&self.base_model);
        let models = base.chain(&self.models).cloned().collect();
        Ok(Recipe::new(models, nodes, options))
    }

    /// The parameters of the method.
    fn parameters(&self, weights: &[f64]) -> Vec<(String, ParameterValue)> {
        let number = |number: f64| ParameterValue::Numbers(vec![number]);
        let word = |word: &str| ParameterValue::Word(word.to_owned());
        let (elect, divisor) = match self.merge_method {
            DeltaMerge::Sum => ("none", "none"),
            DeltaMerge::Mean => ("none", "count"),
            DeltaMerge::Disjoint => (self.majority_sign_method.word(), "count"),
        };
        let prunes = self.prune_method != Prune::None;
        // Where nothing stays, the base does.
        let nothing = prunes && self.density <= 0.0;
        let density = match prunes && !nothing {
            true => self.density.min(1.0),
            false => 1.0,
        };
        let lambda = if nothing { 0.0 } else { self.lambda };
        let round = match self.common.precision {
            Precision::Float => "none",
            Precision::Bf16 => "bf16",
            Precision::Fp16 => "f16",
        };
        let mut given = vec![
            ("weight", ParameterValue::Numbers(weights.to_vec())),
            ("density", number(density)),
            ("lambda", number(lambda)),
            ("elect", word(elect)),
            ("divisor", word(divisor)),
            ("round", word(round)),
        ];
        if self.prune_method != Prune::Random {
            given.push(("ties", word("keep")));
            given.push(("scope", word(self.scope.word())));
        }
        let named = given
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        named.collect()
    }

    /// What the script writes to the metadata.
    fn entries(&self, weights: &[f64]) -> Vec<(String, String)> {
        let compute = self.common.precision.compute();
        let rounded = |weight: &f64| f64::from(f32::from_bits(compute.scalar(*weight)));
        let weights: Vec<f64> = weights.iter().map(rounded).collect();
        let models = self.models.iter().map(|path| common::text(path));
        self.common.entries(vec![
            ("base_model", common::text(&self.base_model)),
            ("merged_models", python::texts(models)),
            ("task_weights", python::floats(&weights)),
            ("prune_method", self.prune_method.word().to_owned()),
            ("merge_method", self.merge_method.word().to_owned()),
            ("density", python::float(self.density)),
            (
                "majority_sign_method",
                self.majority_sign_method.word().to_owned(),
            ),
        ])
    }
}
