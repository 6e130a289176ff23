//! The merges of a document, one for each slice: which models with which settings. What can be
//! checked without the models is checked here.

use std::ops::Range;
use std::sync::Arc;

use super::document::{Body, Document, Layers, Slice, Source};
use super::parameter::{Default, Parameter};
use super::reference::Referred;
use super::setting::Settings;
use super::table::{Base, Row};
use crate::figures::counted;
use crate::recipe::Fault;

/// A part of the models with the slices that it is made of.
#[derive(Debug)]
pub(super) struct ModuleSegments<'d> {
    /// The module's name and its place; None where a document has no modules.
    pub module: Option<(&'d str, Range<usize>)>,
    /// Its slices; one with whole models counts as one.
    pub segments: Vec<Segment>,
}

/// A merge of layers, or of whole models.
#[derive(Debug)]
pub(super) struct Segment {
    /// The method.
    pub row: &'static Row,
    /// The models, in the method's order.
    pub inputs: Vec<Input>,
    /// The base, where it stands apart from the models.
    pub base: Option<Input>,
    /// The settings besides those of models, the innermost first.
    pub levels: Vec<Arc<Settings>>,
    /// Its place.
    pub span: Range<usize>,
}

/// A model in a merge.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// The model.
    pub model: Referred,
    /// Its layers; all, where none are given.
    pub layers: Option<Layers>,
    /// Its settings.
    pub settings: Arc<Settings>,
    /// Its place in the list of the recipe.
    pub order: usize,
}

impl Segment {
    /// All models, the base included.
    pub fn all(&self) -> impl Iterator<Item = &Input> {
        self.base.iter().chain(&self.inputs)
    }

    /// The settings that say a parameter of a model, or of the merge, the first to ask first.
    pub fn settings<'p>(
        &'p self,
        parameter: &'p Parameter,
        input: Option<&'p Input>,
    ) -> impl Iterator<Item = &'p super::setting::Setting> {
        let own = input.filter(|_| parameter.per_model);
        let own = own.map(|input| &input.settings).into_iter();
        let levels = own.chain(&self.levels);
        levels.filter_map(|level| level.0.get(parameter.name))
    }

    /// The value of a parameter for a tensor by its name, at a depth from 0 to 1.
    pub fn value(
        &self,
        parameter: &Parameter,
        input: Option<&Input>,
        (name, depth): (&str, f64),
    ) -> Option<f64> {
        let mut settings = self.settings(parameter, input);
        let said = settings.find_map(|setting| setting.value(name, depth, parameter.kind));
        said.or(match parameter.default {
            Default::Is(value) => Some(value),
            Default::Required | Default::Absent => None,
        })
    }
}

/// The merges of a document.
pub(super) fn parts(document: &Document) -> Result<Vec<ModuleSegments<'_>>, Fault> {
    let top = [Arc::clone(&document.settings)];
    Ok(match &document.body {
        Body::Modules(modules) => modules
            .iter()
            .map(|module| {
                let levels = [&[Arc::clone(&module.settings)], top.as_slice()].concat();
                Ok(ModuleSegments {
                    module: Some((module.name.as_str(), module.span.clone())),
                    segments: segments(document, &module.body, &levels)?,
                })
            })
            .collect::<Result<Vec<_>, Fault>>()?,
        body => vec![ModuleSegments {
            module: None,
            segments: segments(document, body, &top)?,
        }],
    })
}

fn segments(
    document: &Document,
    body: &Body,
    levels: &[Arc<Settings>],
) -> Result<Vec<Segment>, Fault> {
    match body {
        Body::Models(models) => {
            let mut sources = models.clone();
            if let Some(base) = &document.base
                && !sources
                    .iter()
                    .any(|own| own.model.reference == base.reference)
            {
                // A base that is not in the list is one more model of it.
                sources.push(Source {
                    model: base.clone(),
                    layers: None,
                    settings: Arc::default(),
                });
            }
            let span = models
                .first()
                .map_or(0..0, |first| first.model.span.clone());
            segment(document, &sources, document.base.as_ref(), levels, span).map(|own| vec![own])
        }
        Body::Slices(slices) => slices
            .iter()
            .map(|slice| {
                check_lengths(slice)?;
                let levels = [&[Arc::clone(&slice.settings)], levels].concat();
                let base = slice.base.as_ref().or(document.base.as_ref());
                segment(document, &slice.sources, base, &levels, slice.span.clone())
            })
            .collect(),
        Body::Modules(_) => Ok(Vec::new()),
    }
}

/// Refuses a slice whose models give different numbers of layers.
fn check_lengths(slice: &Slice) -> Result<(), Fault> {
    let layers = |source: &Source| {
        source
            .layers
            .as_ref()
            .map_or(0, |layers| layers.range.len())
    };
    let mut lengths = slice.sources.iter().map(|source| (source, layers(source)));
    let Some((first, length)) = lengths.next() else {
        return Ok(());
    };
    let Some((other, found)) = lengths.find(|(_, found)| *found != length) else {
        return Ok(());
    };
    let span = other
        .layers
        .as_ref()
        .map_or(0..0, |layers| layers.span.clone());
    Err(Fault::new(
        span,
        format!(
            "the models of a slice give different numbers of layers: {} of {}, {} of {}",
            length, first.model.reference, found, other.model.reference
        ),
    )
    .label(counted(found, "layer"))
    .help("make the layer_range of each equally long"))
}

fn segment(
    document: &Document,
    sources: &[Source],
    base: Option<&Referred>,
    levels: &[Arc<Settings>],
    span: Range<usize>,
) -> Result<Segment, Fault> {
    let row = document.row;
    let inputs = sources.iter().enumerate().map(|(order, source)| Input {
        model: source.model.clone(),
        layers: source.layers.clone(),
        settings: Arc::clone(&source.settings),
        order,
    });
    let mut inputs: Vec<Input> = inputs.collect();
    check_twice(&inputs)?;
    let at = base.map(|base| {
        let mut models = inputs.iter().map(|input| &input.model.reference);
        let found = models.position(|own| *own == base.reference);
        found.ok_or_else(|| absent(base, &span))
    });
    let needs = matches!(row.base, Base::First | Base::Apart);
    let (mut apart, uses) = (None, row.base != Base::Input);
    match at {
        None if needs => {
            let text = format!("{} needs a base model", row.name);
            return Err(
                Fault::new(document.row_span.clone(), text).help("name it: `base_model: PATH`")
            );
        }
        Some(at) if uses => {
            let base = inputs.remove(at?);
            match row.base {
                Base::First => inputs.insert(0, base),
                _ => apart = Some(base),
            }
        }
        _ => {}
    }
    if !(row.min..=row.max).contains(&inputs.len()) {
        return Err(miscounted(document, &inputs, apart.is_some(), &span));
    }
    let segment = Segment {
        row,
        inputs,
        base: apart,
        levels: levels.to_vec(),
        span,
    };
    check_required(&segment)?;
    Ok(segment)
}

/// Refuses a model that is listed twice: one of the two would not count.
fn check_twice(inputs: &[Input]) -> Result<(), Fault> {
    for (number, input) in inputs.iter().enumerate() {
        let same = |other: &&Input| other.model.reference == input.model.reference;
        if inputs[..number].iter().any(|other| same(&other)) {
            let text = format!("{} is given twice", input.model.reference);
            return Err(Fault::new(input.model.span.clone(), text)
                .label("second time")
                .help("a merge has each model once; add up its weights"));
        }
    }
    Ok(())
}

fn absent(base: &Referred, span: &Range<usize>) -> Fault {
    let text = format!(
        "the base model {} is no source of this slice",
        base.reference
    );
    Fault::new(span.clone(), text).help(format!(
        "add it with its layers: `- {{model: {}, layer_range: [START, END]}}`",
        base.reference
    ))
}

fn miscounted(document: &Document, inputs: &[Input], apart: bool, span: &Range<usize>) -> Fault {
    let row = document.row;
    let besides = match apart {
        true => " besides the base",
        false => "",
    };
    let count = row.count();
    let found = inputs.len();
    let text = format!("{} takes {count}{besides}, not {found}", row.name);
    let fault = Fault::new(span.clone(), text);
    let listed = inputs.last().zip(document.base.as_ref());
    match listed {
        Some((last, base)) if row.base == Base::Input && found > row.max => {
            let counts = last.model.span == base.span;
            let counts = counts.then_some("base_model is one more model where it is not listed");
            fault.help(counts.unwrap_or("give one model in each slice"))
        }
        _ => fault,
    }
}

/// Refuses a parameter that must be said and is said nowhere.
fn check_required(segment: &Segment) -> Result<(), Fault> {
    let required = segment.row.parameters.iter();
    let required = required.filter(|own| own.default == Default::Required);
    for parameter in required {
        let inputs: Vec<Option<&Input>> = match parameter.per_model {
            true => segment.inputs.iter().map(Some).collect(),
            false => vec![None],
        };
        let silent = |input: &Option<&Input>| segment.settings(parameter, *input).next().is_none();
        let Some(input) = inputs.into_iter().find(silent) else {
            continue;
        };
        let (name, method) = (parameter.name, segment.row.name);
        return Err(match input {
            Some(input) => Fault::new(
                input.model.span.clone(),
                format!(
                    "{} has no `{name}`, which {method} needs",
                    input.model.reference
                ),
            )
            .label(format!("no `{name}`"))
            .help(format!(
                "write `parameters: {{{name}: NUMBER}}` with the model, or above for all"
            )),
            None => Fault::new(
                segment.span.clone(),
                format!("`{name}` is missing, which {method} needs"),
            )
            .help(format!(
                "write `parameters: {{{name}: NUMBER}}` for the whole merge"
            )),
        });
    }
    Ok(())
}
