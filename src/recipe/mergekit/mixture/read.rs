//! A recipe of mergekit-moe, checked without its models.

use std::ops::Range;

use super::super::document::dtype;
use super::super::fields::{Fields, Reading, Remark, items, text};
use super::super::reference::{Referred, reference};
use super::super::yaml::{self, Entry, Kind, Node};
use super::gates::GateMode;
use crate::dtype::Float;
use crate::figures::counted;
use crate::recipe::Fault;

/// A recipe of mergekit-moe.
#[derive(Clone, Debug)]
pub struct Mixture {
    /// What gives all but the feed-forward layers.
    pub(super) base: Referred,
    /// Those that tokens are sent to.
    pub(super) experts: Vec<Expert>,
    /// The one that all tokens go through.
    pub(super) shared: Option<Expert>,
    /// How the gates are made.
    pub(super) mode: GateMode,
    /// The place of what says so, or of the whole.
    pub(super) mode_span: Range<usize>,
    /// The type of the output.
    pub(super) dtype: Option<Float>,
    /// How many experts a token is sent to.
    pub(super) per_token: usize,
    /// The beginning of the architecture's name.
    pub(super) architecture: Option<(String, Range<usize>)>,
    /// What was written.
    pub(super) text: String,
    /// What is worth saying of the text.
    pub remarks: Vec<Remark>,
}

/// A dense model as an expert.
#[derive(Clone, Debug)]
pub(super) struct Expert {
    pub model: Referred,
    pub positive: Vec<String>,
    pub negative: Vec<String>,
    /// The scale of noise on its matrices.
    pub noise: Option<f64>,
    /// The factor of its last matrix.
    pub residual: Option<f64>,
    /// Its place.
    pub span: Range<usize>,
}

const KEYS: &[&str] = &[
    "base_model",
    "experts",
    "gate_mode",
    "dtype",
    "experts_per_token",
    "shared_experts",
    "architecture",
];

const EXPERT_KEYS: &[&str] = &[
    "source_model",
    "positive_prompts",
    "negative_prompts",
    "noise_scale",
    "residual_scale",
];

/// Reads a text; None where it is no recipe of mergekit-moe. `alike` lets all experts be one model.
///
/// # Errors
/// What is wrong with it, at its place, as far as that shows without the models.
pub fn mixture(text: &str, lenient: bool, alike: bool) -> Result<Option<Mixture>, Fault> {
    let nodes = yaml::parse(text)?;
    let is_of = |node: &Node| match &node.kind {
        Kind::Map(entries) => {
            let mut entries = entries.iter();
            entries.any(|entry| matches!(entry.key.as_str(), "experts" | "gate_mode"))
        }
        _ => false,
    };
    let [node] = nodes.as_slice() else {
        return Ok(None);
    };
    if !is_of(node) {
        return Ok(None);
    }
    let mut reading = Reading {
        lenient,
        ..Reading::default()
    };
    let mut read = document(node, &mut reading)?;
    check(&read, alike)?;
    read.text = text.to_owned();
    read.remarks = reading.remarks;
    Ok(Some(read))
}

impl Mixture {
    /// The models that are named, each once; the base is the first.
    pub fn models(&self) -> Vec<&Referred> {
        let mut models = vec![&self.base];
        for expert in self.experts.iter().chain(&self.shared) {
            if !models
                .iter()
                .any(|own| own.reference == expert.model.reference)
            {
                models.push(&expert.model);
            }
        }
        models
    }

    /// The number of a model among [`Mixture::models`].
    pub(super) fn number(&self, model: &Referred) -> usize {
        let models = self.models();
        let mut models = models.iter();
        let at = models.position(|own| own.reference == model.reference);
        at.expect("the text's models are listed")
    }
}

fn document(node: &Node, reading: &mut Reading) -> Result<Mixture, Fault> {
    let fields = Fields::of(node, "a mixture", KEYS)?;
    fields.finish_top(reading)?;
    let base = fields.need(
        "base_model",
        "name the model that gives attention and norms",
    )?;
    let experts = fields.need("experts", "list them, each with its `source_model`")?;
    let each = items(experts, "experts")?.iter();
    let experts: Vec<Expert> = each
        .map(|node| expert(node, reading))
        .collect::<Result<_, _>>()?;
    let mode = fields.get("gate_mode");
    let shared = match fields.get("shared_experts") {
        None => None,
        Some(entry) => match items(entry, "experts")? {
            [one] => Some(expert(one, reading)?),
            several => {
                let text = format!("{} are given", counted(several.len(), "shared expert"));
                let fault = Fault::new(entry.span.clone(), text).label("one too many");
                return Err(fault.help("no architecture of mixtures takes more than one"));
            }
        },
    };
    Ok(Mixture {
        experts,
        base: reference(base, reading)?,
        shared,
        mode: mode.map_or(Ok(GateMode::Hidden), GateMode::read)?,
        mode_span: mode.map_or_else(|| node.span.clone(), |entry| entry.value.span.clone()),
        dtype: dtype(&fields, "dtype")?,
        per_token: match fields.get("experts_per_token") {
            None => 2,
            Some(entry) => count(entry)?,
        },
        architecture: match fields.get("architecture") {
            None => None,
            Some(entry) => Some((text(entry)?.to_owned(), entry.value.span.clone())),
        },
        text: String::new(),
        remarks: Vec::new(),
    })
}

fn expert(node: &Node, reading: &mut Reading) -> Result<Expert, Fault> {
    let fields = Fields::of(node, "an expert", EXPERT_KEYS)?;
    fields.finish(reading)?;
    let model = fields.need("source_model", "write `- source_model: PATH`")?;
    Ok(Expert {
        model: reference(model, reading)?,
        positive: prompts(&fields, "positive_prompts")?,
        negative: prompts(&fields, "negative_prompts")?,
        noise: number(&fields, "noise_scale")?,
        residual: number(&fields, "residual_scale")?,
        span: node.span.clone(),
    })
}

fn prompts(fields: &Fields<'_>, key: &str) -> Result<Vec<String>, Fault> {
    let Some(entry) = fields.get(key) else {
        return Ok(Vec::new());
    };
    let prompts = match &entry.value.kind {
        Kind::List(prompts) => prompts.iter(),
        _ => {
            let found = entry.value.describe();
            let text = format!("`{key}` is a list of prompts, not {found}");
            return Err(Fault::new(entry.value.span.clone(), text).help("begin each with `- `"));
        }
    };
    let prompts = prompts.map(|node| match node.text() {
        Some(text) => Ok(text.to_owned()),
        None => {
            let text = format!("a prompt is a text, not {}", node.describe());
            Err(Fault::new(node.span.clone(), text))
        }
    });
    prompts.collect()
}

fn number(fields: &Fields<'_>, key: &str) -> Result<Option<f64>, Fault> {
    let Some(entry) = fields.get(key) else {
        return Ok(None);
    };
    match text(entry)?.trim().parse::<f64>() {
        Ok(number) if (number as f32).is_finite() => Ok(Some(number)),
        Ok(number) if number.is_finite() => {
            let text = format!("`{key}` is {number:e}, which f32 does not hold");
            Err(Fault::new(entry.value.span.clone(), text))
        }
        _ => {
            let text = format!("`{key}` is a number, not {}", entry.value.describe());
            Err(Fault::new(entry.value.span.clone(), text))
        }
    }
}

fn count(entry: &Entry) -> Result<usize, Fault> {
    match text(entry)?.trim().parse::<usize>() {
        Ok(count) if count > 0 => Ok(count),
        _ => {
            let (key, found) = (&entry.key, entry.value.describe());
            let text = format!("`{key}` is a whole number from 1 on, not {found}");
            Err(Fault::new(entry.value.span.clone(), text))
        }
    }
}

fn check(mixture: &Mixture, alike: bool) -> Result<(), Fault> {
    let Mixture { experts, mode, .. } = mixture;
    if experts.len() < mixture.per_token {
        let text = format!(
            "a token goes to {} of {}",
            counted(mixture.per_token, "expert"),
            counted(experts.len(), "expert")
        );
        let span = experts.last().map_or(0..0, |last| last.span.clone());
        let help = "list more experts, or set a smaller `experts_per_token`";
        return Err(Fault::new(span, text).help(help));
    }
    if let Some(expert) = experts.iter().find(|own| own.positive.is_empty())
        && mode.has_prompts()
    {
        let text = format!("{} has no `positive_prompts`", expert.model.reference);
        let help = "say what it is for, a list of prompts, or set `gate_mode: random`";
        return Err(Fault::new(expert.span.clone(), text).help(help));
    }
    let first = &experts[0];
    let prompts = |own: &Expert| (own.positive.clone(), own.negative.clone());
    let mut others = experts[1..].iter();
    if mode.has_prompts() && experts.len() > 1 && others.all(|own| prompts(own) == prompts(first)) {
        let text = "all experts have the same prompts, so that no gate tells them apart";
        let help = "give each expert prompts of what it is for, or set `gate_mode: random`";
        return Err(Fault::new(first.span.clone(), text).help(help));
    }
    let one = |own: &Expert| own.model.reference == first.model.reference && own.noise.is_none();
    if !alike && *mode != GateMode::Random && experts.len() > 1 && experts.iter().all(one) {
        let text = format!(
            "all experts are {}: the mixture would compute what it computes, at a higher cost",
            first.model.reference
        );
        let help = "name different models, or where the mixture is to be trained set \
                    --i-understand-this-is-not-useful-without-training";
        return Err(Fault::new(first.model.span.clone(), text).help(help));
    }
    mode.check(&mixture.mode_span)
}
