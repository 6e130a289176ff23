//! `mergeflux.py`: an average of models whose ratios move along the blocks.

use std::path::PathBuf;
use std::sync::Arc;

use super::MergeFluxError;
use super::common::{self, Common};
use super::window::{BlockOrder, Window};
use crate::checkpoint::Checkpoint;
use crate::method::{ParameterValue, Parameters, find};
use crate::recipe::python;
use crate::recipe::{Missing, NodeId, Recipe, RecipeNode, Rule, Scheduled, ShapePolicy};

/// What the script is told. What is not given is as the script has it.
#[derive(Clone, Debug, Default)]
pub struct Mix {
    /// The models.
    pub models: Vec<PathBuf>,
    /// The ratios outside of blocks; equal ones where they are not given.
    pub base_ratios: Option<Vec<f64>>,
    /// The ratios up to the first block of the window; else the base ratios.
    pub start_ratios: Option<Vec<f64>>,
    /// The ratios from the last block of the window on; else the base ratios.
    pub end_ratios: Option<Vec<f64>>,
    /// The first block of the window; else that of the models.
    pub start_block: Option<i64>,
    /// The last block of the window; else that of the models.
    pub end_block: Option<i64>,
    /// How blocks are numbered.
    pub block_order: BlockOrder,
    /// What both scripts are told.
    pub common: Common,
}

/// A recipe, and what its user should know.
#[derive(Debug)]
pub struct Mixed {
    /// The recipe.
    pub recipe: Recipe,
    /// A line each.
    pub notes: Vec<String>,
}

impl Mix {
    /// The recipe. The names of the models' tensors say which blocks there are.
    ///
    /// # Errors
    /// Where ratios are not one for each model and one in sum.
    pub fn recipe(&self, opened: &[Checkpoint]) -> Result<Mixed, MergeFluxError> {
        let equal = vec![1.0 / self.models.len() as f64; self.models.len()];
        let base = self.ratios("base_ratios", self.base_ratios.as_ref(), &equal)?;
        let start = self.ratios("start_ratios", self.start_ratios.as_ref(), &base)?;
        let end = self.ratios("end_ratios", self.end_ratios.as_ref(), &base)?;
        let blocks = self.block_order.blocks(opened);
        let range = || (blocks.values().min(), blocks.values().max());
        let (first, last) = match range() {
            (Some(&least), Some(&most)) => (
                self.start_block.unwrap_or(least),
                self.end_block.unwrap_or(most),
            ),
            _ => (-1, -1),
        };
        let mut notes = Vec::new();
        if blocks.is_empty() {
            notes.push(format!(
                "no name of a tensor has a block ({}): all take the base ratios",
                self.block_order.describe()
            ));
        }
        let entries = self.common.entries(vec![
            (
                "merged_from",
                python::texts(self.models.iter().map(|path| common::text(path))),
            ),
            ("base_ratios", python::floats(&base)),
            ("start_ratios", python::floats(&start)),
            ("end_ratios", python::floats(&end)),
            ("start_block", first.to_string()),
            ("end_block", last.to_string()),
        ]);
        let window = Window {
            base,
            start,
            end,
            first,
            last,
            order: self.block_order,
            blocks,
        };
        let recipe = self.with(window, entries)?;
        Ok(Mixed { recipe, notes })
    }

    fn with(
        &self,
        window: Window,
        entries: Vec<(String, String)>,
    ) -> Result<Recipe, MergeFluxError> {
        let count = self.models.len();
        let method = find("linear").expect("the table has linear");
        let given = [
            (
                "weight".to_owned(),
                ParameterValue::Numbers(window.base.clone()),
            ),
            ("order".to_owned(), ParameterValue::Word("steps".to_owned())),
        ];
        let parameters = Parameters::resolve(method, &given, count)?;
        let mut nodes = common::model_nodes(count);
        nodes.push(RecipeNode::Merge {
            method,
            base: None,
            models: (0..count).map(NodeId::new).collect(),
            parameters,
            given: Vec::new(),
            schedule: Some(Scheduled::Bound(Rule(Arc::new(window)))),
        });
        let mut options = self.common.options(Missing::Skip, ShapePolicy::Expand);
        options.direct_casts = true;
        options.entries = entries;
        Ok(Recipe::new(self.models.clone(), nodes, options))
    }

    /// Ratios as they are given, or others.
    fn ratios(
        &self,
        flag: &'static str,
        given: Option<&Vec<f64>>,
        usual: &[f64],
    ) -> Result<Vec<f64>, MergeFluxError> {
        let Some(ratios) = given else {
            return Ok(usual.to_vec());
        };
        if ratios.len() != self.models.len() {
            return Err(MergeFluxError::Count {
                flag,
                given: ratios.len(),
                models: self.models.len(),
            });
        }
        let sum: f64 = ratios.iter().sum();
        // torch.isclose, of f32.
        let off = f64::from((sum as f32 - 1.0).abs());
        match off <= 1e-8 + 1e-5 {
            true => Ok(ratios.clone()),
            false => Err(MergeFluxError::Sum {
                flag,
                ratios: ratios.clone(),
                sum,
            }),
        }
    }
}
