//! A document of a recipe: one merge as mergekit's YAML describes it.

use std::ops::Range;
use std::sync::Arc;

use super::fields::{Fields, Reading, items, text};
use super::reference::{Referred, reference};
use super::rules::Rules;
use super::setting::{Level, Settings, settings};
use super::table::{self, ROWS, Row};
use super::tokenizer::{Tokenizer, chat_template, tokenizer};
use super::yaml::{Entry, Kind, Node};
use crate::dtype::Float;
use crate::keys::nearest::nearest;
use crate::recipe::Fault;

/// One merge.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// The name by which other documents refer to it, and its place.
    pub name: Option<(String, Range<usize>)>,
    /// The method.
    pub row: &'static Row,
    /// The place of its name.
    pub row_span: Range<usize>,
    /// The base model.
    pub base: Option<Referred>,
    /// What is merged.
    pub body: Body,
    /// The settings of the whole merge.
    pub settings: Arc<Settings>,
    /// The type of the arithmetic; that of each tensor, if none is given.
    pub dtype: Option<Float>,
    /// The type of the output.
    pub out_dtype: Option<Float>,
    /// The tokenizer.
    pub tokenizer: Option<Tokenizer>,
    /// The chat template.
    pub chat_template: Option<String>,
    /// Which tensors are merged.
    pub rules: Rules,
    /// The bytes of its first line.
    pub span: Range<usize>,
}

/// What is merged.
#[derive(Clone, Debug)]
pub(super) enum Body {
    /// Whole models.
    Models(Vec<Source>),
    /// Layers of models.
    Slices(Vec<Slice>),
    /// Parts of models, each with a body of its own.
    Modules(Vec<Module>),
}

/// A part of models.
#[derive(Clone, Debug)]
pub(super) struct Module {
    /// Its name.
    pub name: String,
    /// The place of its name.
    pub span: Range<usize>,
    /// What is merged.
    pub body: Body,
    /// Its settings.
    pub settings: Arc<Settings>,
}

/// Layers of the result.
#[derive(Clone, Debug)]
pub(super) struct Slice {
    /// What they are merged of.
    pub sources: Vec<Source>,
    /// Their base model, where it is not that of the merge.
    pub base: Option<Referred>,
    /// Their settings.
    pub settings: Arc<Settings>,
    /// Its place.
    pub span: Range<usize>,
}

/// A model with its settings.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The model.
    pub model: Referred,
    /// Its layers; all, where none are given.
    pub layers: Option<Layers>,
    /// Its settings.
    pub settings: Arc<Settings>,
}

/// Layers of a model.
#[derive(Clone, Debug)]
pub(super) struct Layers {
    /// Their numbers.
    pub range: Range<usize>,
    /// Their place.
    pub span: Range<usize>,
}

const KEYS: &[&str] = &[
    "merge_method",
    "models",
    "slices",
    "modules",
    "base_model",
    "parameters",
    "dtype",
    "out_dtype",
    "tokenizer",
    "tokenizer_source",
    "chat_template",
    "name",
    "skip",
    "only",
];

/// Reads a document.
pub(super) fn document(node: &Node, reading: &mut Reading) -> Result<Document, Fault> {
    let fields = Fields::of(node, "a merge", KEYS)?;
    if let Some(entry) = fields.get("experts").or(fields.get("gate_mode")) {
        let fault = Fault::new(entry.span.clone(), "this is a recipe of mergekit-moe");
        return Err(fault.label("a mixture").help(
            "a recipe of mergekit-moe is a text of its own: put it into another file and run that",
        ));
    }
    fields.finish_top(reading)?;
    let method = fields.need("merge_method", "name the method: `merge_method: linear`")?;
    let row = method_row(method)?;
    let name = fields.get("name").map(|entry| {
        let text = text(entry)?;
        Ok((text.to_owned(), entry.value.span.clone()))
    });
    let level = (row, Level::Above);
    Ok(Document {
        name: name.transpose()?,
        row,
        row_span: method.value.span.clone(),
        base: base(&fields, reading)?,
        body: body(&fields, row, reading)?,
        settings: own_settings(&fields, level, reading)?,
        dtype: dtype(&fields, "dtype")?,
        out_dtype: dtype(&fields, "out_dtype")?,
        tokenizer: tokenizer(&fields, reading)?,
        chat_template: chat_template(&fields)?,
        rules: Rules::read(&fields)?,
        span: node.span.clone(),
    })
}

fn method_row(entry: &Entry) -> Result<&'static Row, Fault> {
    let name = text(entry)?;
    table::find(name).ok_or_else(|| {
        let names = ROWS.iter().map(|row| row.name);
        let span = entry.value.span.clone();
        let fault = Fault::new(span, format!("mergekit has no method `{name}`"));
        fault
            .label("unknown")
            .help(match nearest(name, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("its methods are {}", names.collect::<Vec<_>>().join(", ")),
            })
    })
}

fn base(fields: &Fields<'_>, reading: &mut Reading) -> Result<Option<Referred>, Fault> {
    let entry = fields.get("base_model");
    entry.map(|entry| reference(entry, reading)).transpose()
}

fn own_settings(
    fields: &Fields<'_>,
    (row, level): (&'static Row, Level),
    reading: &mut Reading,
) -> Result<Arc<Settings>, Fault> {
    settings(fields.get("parameters"), row, level, reading).map(Arc::new)
}

/// What is merged: exactly one of models, slices and, at the top, modules.
fn body(fields: &Fields<'_>, row: &'static Row, reading: &mut Reading) -> Result<Body, Fault> {
    let forms = ["models", "slices", "modules"];
    let given: Vec<&Entry> = forms.iter().filter_map(|form| fields.get(form)).collect();
    let entry = match given.as_slice() {
        [entry] => *entry,
        [] => {
            return fields
                .need("models", "give models, slices or modules")
                .map(|_| Body::Models(Vec::new()));
        }
        [first, second, ..] => {
            let text = format!("`{}` and `{}` are both given", first.key, second.key);
            return Err(Fault::new(second.span.clone(), text)
                .label("one too many")
                .help("a merge has one of models, slices and modules"));
        }
    };
    Ok(match entry.key.as_str() {
        "models" => {
            let models = items(entry, "models")?.iter();
            let models = models.map(|node| source(node, row, &["model", "parameters"], reading));
            Body::Models(models.collect::<Result<_, _>>()?)
        }
        "slices" => {
            let slices = items(entry, "slices")?.iter();
            let slices = slices.map(|node| slice(node, row, reading));
            Body::Slices(slices.collect::<Result<_, _>>()?)
        }
        _ => {
            let Kind::Map(modules) = &entry.value.kind else {
                let text = format!("`modules` is a mapping, not {}", entry.value.describe());
                let fault = Fault::new(entry.value.span.clone(), text);
                return Err(fault.help("write `NAME:` and its models or slices for each part"));
            };
            let modules = modules.iter().map(|entry| module(entry, row, reading));
            Body::Modules(modules.collect::<Result<_, _>>()?)
        }
    })
}

fn module(entry: &Entry, row: &'static Row, reading: &mut Reading) -> Result<Module, Fault> {
    let keys = &["models", "slices", "parameters"];
    let fields = Fields::of(&entry.value, "a module", keys)?;
    fields.finish(reading)?;
    Ok(Module {
        name: entry.key.clone(),
        span: entry.span.clone(),
        body: body(&fields, row, reading)?,
        settings: own_settings(&fields, (row, Level::Above), reading)?,
    })
}

fn slice(node: &Node, row: &'static Row, reading: &mut Reading) -> Result<Slice, Fault> {
    let keys = &["sources", "base_model", "parameters", "residual_weight"];
    let fields = Fields::of(node, "a slice", keys)?;
    fields.finish(reading)?;
    if let Some(entry) = fields.get("residual_weight") {
        let text = "`residual_weight` has no meaning: mergekit reads it and never uses it";
        reading.remark(entry.span.clone(), text.to_owned());
    }
    let sources = fields.need("sources", "list its models with their layer_range")?;
    let keys = &["model", "layer_range", "parameters"];
    let sources = items(sources, "models")?.iter();
    let sources = sources.map(|node| source(node, row, keys, reading));
    Ok(Slice {
        sources: sources.collect::<Result<_, _>>()?,
        base: base(&fields, reading)?,
        settings: own_settings(&fields, (row, Level::Above), reading)?,
        span: node.span.clone(),
    })
}

fn source(
    node: &Node,
    row: &'static Row,
    keys: &'static [&'static str],
    reading: &mut Reading,
) -> Result<Source, Fault> {
    let fields =
        Fields::of(node, "a model of a merge", keys).map_err(|fault| match node.text() {
            Some(text) => fault.help(format!("write `- model: {text}`")),
            None => fault,
        })?;
    fields.finish(reading)?;
    let model = fields.need("model", "write `- model: PATH`")?;
    let layers = match keys.contains(&"layer_range") {
        true => {
            let entry = fields.need("layer_range", "write `layer_range: [START, END]`")?;
            Some(layers(entry)?)
        }
        false => None,
    };
    Ok(Source {
        model: reference(model, reading)?,
        layers,
        settings: own_settings(&fields, (row, Level::Model), reading)?,
    })
}

fn layers(entry: &Entry) -> Result<Layers, Fault> {
    let span = entry.value.span.clone();
    let wrong = |text: String| {
        let fault = Fault::new(span.clone(), text);
        Err(fault.help("`layer_range: [START, END]` takes the layers from START up to END - 1"))
    };
    let Kind::List(items) = &entry.value.kind else {
        return wrong(format!(
            "`layer_range` is a list, not {}",
            entry.value.describe()
        ));
    };
    let [start, end] = items.as_slice() else {
        return wrong(format!(
            "`layer_range` has two numbers, not {}",
            items.len()
        ));
    };
    let number = |node: &Node| node.text().and_then(|text| text.trim().parse::<i64>().ok());
    match (number(start), number(end)) {
        (Some(start), Some(end)) if start < 0 || end < 0 => wrong(format!(
            "`layer_range` counts from 0: [{start}, {end}] has a number below it"
        )),
        (Some(start), Some(end)) if start >= end => {
            wrong(format!("`layer_range` [{start}, {end}] has no layers"))
        }
        (Some(start), Some(end)) => match (usize::try_from(start), usize::try_from(end)) {
            (Ok(start), Ok(end)) => Ok(Layers {
                range: start..end,
                span,
            }),
            _ => wrong(format!(
                "`layer_range` [{start}, {end}] is beyond any model"
            )),
        },
        _ => wrong("`layer_range` has two whole numbers".to_owned()),
    }
}

/// The types that mergekit takes, by their names in PyTorch.
const FLOATS: [Float; 4] = [Float::F16, Float::BF16, Float::F32, Float::F64];

pub(super) fn dtype(fields: &Fields<'_>, key: &str) -> Result<Option<Float>, Fault> {
    let Some(entry) = fields.get(key) else {
        return Ok(None);
    };
    let name = text(entry)?;
    let bare = name.strip_prefix("torch.").unwrap_or(name);
    let known = |float: &Float| FLOATS.contains(float);
    if let Some(float) = Float::from_torch_name(bare).filter(known) {
        return Ok(Some(float));
    }
    let meant = Float::from_name(&bare.replace("fp", "f")).filter(known);
    let span = entry.value.span.clone();
    let fault = Fault::new(
        span,
        format!("`{name}` is no type of floats that `{key}` takes"),
    );
    Err(fault.label("unknown").help(match meant {
        Some(float) => format!("did you mean `{}`?", float.torch_name()),
        None => {
            let names = FLOATS.map(Float::torch_name);
            format!("it is one of {}", names.join(", "))
        }
    }))
}
