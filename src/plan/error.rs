//! What can be wrong with a merge, found before a byte is written.

use std::sync::Arc;

use std::collections::BTreeSet;

use super::{InputId, ViewError};
use crate::checkpoint::convention::ConventionError;
use crate::figures::{binary, counted};
use crate::kernel::HostOp;
use crate::keys::{BlockError, FilterError, KeyReport};
use crate::recipe::{Label, LowerError, SolveError, SpaceError};

/// A merge that cannot be planned.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum PlanError {
    #[error("there is no recipe to be planned")]
    NoRecipe,
    #[error("{model} has no tensors")]
    Empty { model: String },
    #[error(
        "no weight of the output can be stored as {format}: it takes matrices called `….weight` \
         {wanted}, but for those that --format-layers and --format-except leave; take another \
         format, or --format-layers all"
    )]
    NoCodes {
        format: &'static str,
        wanted: String,
    },
    #[error(transparent)]
    Codes(#[from] Box<ConventionError>),
    #[error(
        "{model} and {reference} are different architectures: they share {shared} of {} \
         (`{example}` for one is in {reference} alone); merge models of one family",
        counted(*.tensors, "tensor")
    )]
    Families {
        model: String,
        reference: String,
        shared: usize,
        tensors: usize,
        example: String,
    },
    #[error("{}", keys_text(.report))]
    Keys { report: Box<KeyReport> },
    #[error("{}", shapes_text(.report))]
    Shapes { report: Box<KeyReport> },
    #[error(transparent)]
    Filter(#[from] FilterError),
    #[error(transparent)]
    Space(Box<SpaceError>),
    #[error(transparent)]
    Solve(Box<SolveError>),
    #[error(transparent)]
    Lower(Box<LowerError>),
    #[error(transparent)]
    View(Box<ViewError>),
    #[error(transparent)]
    Blocks(Box<BlockError>),
    #[error(
        "{node} has no ratio that block weights could set; `wgmerge methods` says which methods \
         do, such as weighted_sum"
    )]
    NoRatio { node: Label },
    #[error(
        "{node}: --block-weights sets `{ratio}` for every tensor, so what -p or --sweep says of it \
         would have no effect: leave one of them out"
    )]
    RatioTwice { node: Label, ratio: &'static str },
    #[error("{node} has parameters by the names of its tensors already: leave --block-weights out")]
    Scheduled { node: Label },
    #[error("{node} has none of the models' tensors, so there is nothing to write")]
    NoTensors { node: Label },
    #[error(
        "{node} has nothing for {}, needed by {}, such as `{example}`: add what is missing, or a \
         default with \"fallback\"",
        examples(.names),
        counted(*.tensors, "tensor")
    )]
    NoValue {
        node: Label,
        names: Vec<String>,
        tensors: usize,
        example: String,
    },
    #[error(
        "a memory budget of {} is too small: the headers and the plan of {} need {}, and the merge \
         {} besides; raise --memory to {}",
        binary(*.given),
        counted(*.models, "model"),
        binary(*.held),
        binary(.needed.saturating_sub(*.held)),
        binary(*.needed).replace(' ', "")
    )]
    Memory {
        given: u64,
        needed: u64,
        held: u64,
        models: usize,
    },
    #[error(
        "`{key}` has {elements} elements, too many to {} it, which takes {most} at most: leave it \
         out with --exclude{}",
        stage.purpose(),
        or(stage.instead())
    )]
    Elements {
        key: String,
        elements: u64,
        most: u64,
        stage: Arc<dyn HostOp>,
    },
    #[error(
        "recipes that are merged at once differ in more than numbers at `{key}`: merge them one \
         by one"
    )]
    Outputs { key: String },
    #[error(
        "recipes that are merged at once read more than {} of models for `{key}`: merge \
         fewer at a time",
        counted(InputId::all().count(), "tensor")
    )]
    Inputs { key: String },
    #[error(
        "`{key}` is of the types {}, which torch does not add up: convert the models to another \
         type first (`wgmerge convert --dtype bf16`)",
        types.join(" and ")
    )]
    NoCommonType { key: String, types: Vec<String> },
    #[error(
        "a memory budget of {} is too small to {} `{key}` as a whole: that needs {}; raise \
         --memory{}",
        binary(*.given),
        purpose,
        binary(*.needed),
        or(*instead)
    )]
    Whole {
        given: u64,
        needed: u64,
        key: String,
        purpose: &'static str,
        instead: Option<&'static str>,
    },
    #[error(
        "{reference} is a folder of components, which one file cannot hold: give a folder as \
         output (a name that ends in /)"
    )]
    ComponentsIntoFile { reference: String },
    #[error(
        "--max-shard-size makes several files: give a folder as output (a name that ends in /)"
    )]
    ShardsIntoFile,
    #[error("--max-shard-size does not apply to {reference}, a folder of components: leave it out")]
    ShardsOfComponents { reference: String },
    #[error(
        "`{key}` belongs to no component: {reference} is a folder of components, and no model has \
         a component that this name begins with; merge folders of the same components"
    )]
    NoComponent { reference: String, key: String },
    #[error("the header of {file}: {fault}")]
    Header {
        file: String,
        fault: crate::checkpoint::HeaderError,
    },
}

impl PlanError {
    /// The line of the recipe's text at which it shows, where there is one.
    pub fn line(&self) -> Option<usize> {
        match self {
            PlanError::Space(fault) => fault.line(),
            PlanError::Solve(fault) => fault.line(),
            PlanError::Lower(fault) => fault.line(),
            PlanError::NoRatio { node }
            | PlanError::RatioTwice { node, .. }
            | PlanError::Scheduled { node }
            | PlanError::NoTensors { node }
            | PlanError::NoValue { node, .. } => node.line(),
            _ => None,
        }
    }

    /// Whether more memory would mend it.
    pub fn is_of_memory(&self) -> bool {
        matches!(self, PlanError::Memory { .. } | PlanError::Whole { .. })
    }
}

/// What spares a stage, after other advice.
fn or(instead: Option<&str>) -> String {
    let instead = instead.map(|advice| format!(" or {advice}"));
    instead.unwrap_or_default()
}

macro_rules! boxed {
    ($($variant:ident($fault:ident)),*) => {
        $(impl From<$fault> for PlanError {
            fn from(fault: $fault) -> PlanError {
                PlanError::$variant(Box::new(fault))
            }
        })*
    };
}

boxed!(
    Space(SpaceError),
    Solve(SolveError),
    Lower(LowerError),
    View(ViewError),
    Blocks(BlockError)
);

/// How many names an error shows of each kind.
const EXAMPLES: usize = 3;

fn examples(keys: &[String]) -> String {
    let mut text: Vec<String> = keys
        .iter()
        .take(EXAMPLES)
        .map(|key| format!("`{key}`"))
        .collect();
    if keys.len() > EXAMPLES {
        text.push(format!("and {} more", keys.len() - EXAMPLES));
    }
    text.join(", ")
}

fn keys_text(report: &KeyReport) -> String {
    let mut lines = vec!["the models do not have the same tensors".to_owned()];
    for model in &report.models {
        if !model.missing.is_empty() {
            lines.push(format!(
                "  {} lacks {} of the {} of {}: {}",
                model.model,
                model.missing.len(),
                counted(report.tensors, "tensor"),
                match model.model == report.reference {
                    true => "the output",
                    false => &report.reference,
                },
                examples(&model.missing)
            ));
        }
        if !model.extra.is_empty() {
            lines.push(format!(
                "  {} has {} that {} lacks: {}",
                model.model,
                counted(model.extra.len(), "tensor"),
                report.reference,
                examples(&model.extra)
            ));
        }
    }
    if tied(report) {
        lines.push(format!(
            "  where config.json says tie_word_embeddings, that is the embedding once more: --drop \
             '{HEAD}$' leaves it out, and the output's embedding is its head"
        ));
    }
    lines.push(
        "  --missing skip merges each tensor from the models that have it; --missing base lets the \
         base stand in"
            .to_owned(),
    );
    lines.join("\n")
}

/// What language models call the layer that may be tied to their embedding.
const HEAD: &str = "lm_head\\.weight";

/// Whether that layer is all that some models have and others lack.
fn tied(report: &KeyReport) -> bool {
    let models = report.models.iter();
    let mut others = models.flat_map(|model| model.missing.iter().chain(&model.extra));
    others.all(|key| key.ends_with("lm_head.weight"))
}

fn shapes_text(report: &KeyReport) -> String {
    let mut lines = Vec::new();
    for model in &report.models {
        let shapes: Vec<_> = model
            .mismatched
            .iter()
            .filter(|mismatch| mismatch.shape)
            .collect();
        if shapes.is_empty() {
            continue;
        }
        lines.push(format!(
            "{} has {} of another form than {}",
            model.model,
            counted(shapes.len(), "tensor"),
            report.reference
        ));
        for mismatch in shapes.iter().take(EXAMPLES) {
            lines.push(format!(
                "  `{}`: {} in {}, {} in {}",
                mismatch.key, mismatch.found, model.model, mismatch.expected, report.reference
            ));
        }
    }
    let advice = report.models.iter().flat_map(|model| &model.mismatched);
    let advice: BTreeSet<&str> = advice.map(|mismatch| mismatch.advice).collect();
    let advice = advice.into_iter().filter(|advice| !advice.is_empty());
    lines.extend(advice.map(|advice| format!("  {advice}")));
    lines.push("  --exclude leaves tensors out of the merge and copies them".to_owned());
    lines.join("\n")
}
