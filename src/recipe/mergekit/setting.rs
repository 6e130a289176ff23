//! Settings of parameters: numbers, gradients along the depth, and choices by the names of tensors.

use std::ops::Range;

use indexmap::IndexMap;

use super::fields::{Fields, Reading};
use super::parameter::Kind;
use super::table::{IDLE, Row, parameter_names};
use super::yaml::{self, Entry, Node};
use crate::keys::nearest::nearest;
use crate::recipe::Fault;

/// The settings at one level of a recipe.
#[derive(Clone, Debug, Default)]
pub(super) struct Settings(pub IndexMap<&'static str, Setting>);

/// A setting: the first of its cases that matches a name.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    /// The cases, in order.
    pub cases: Vec<Case>,
}

/// A case of a setting.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// A part of the names of the tensors that it is for; all, where there is none.
    pub filter: Option<String>,
    /// The values along the depth; one for all depths.
    pub knots: Vec<f64>,
    /// Its place.
    pub span: Range<usize>,
}

impl Case {
    /// Whether it is for a tensor.
    pub fn matches(&self, name: &str) -> bool {
        match self.filter.as_deref() {
            None | Some("*") => true,
            Some(part) => name.contains(part),
        }
    }

    /// The value at a depth from 0 to 1: between the two knots around it, of numbers; of yes and
    /// no, that of the knot before it.
    fn at(&self, depth: f64, kind: Kind) -> f64 {
        let last = self.knots.len() - 1;
        let scaled = depth * last as f64;
        let before = (scaled.floor() as usize).min(last);
        let after = (before + 1).min(last);
        let share = match kind {
            Kind::Number => scaled - before as f64,
            Kind::Flag => 0.0,
        };
        (1.0 - share) * self.knots[before] + share * self.knots[after]
    }
}

impl Setting {
    /// The value for a tensor at a depth; None where no case is for it.
    pub fn value(&self, name: &str, depth: f64, kind: Kind) -> Option<f64> {
        let case = self.cases.iter().find(|case| case.matches(name))?;
        Some(case.at(depth, kind))
    }
}

/// Where settings stand: with a model, or above.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// With one of the models.
    Model,
    /// Of a slice, a module or the whole merge.
    Above,
}

/// Reads the settings of a level for a method.
pub(super) fn settings(
    entry: Option<&Entry>,
    row: &'static Row,
    level: Level,
    reading: &mut Reading,
) -> Result<Settings, Fault> {
    let mut settings = Settings::default();
    let Some(entry) = entry else {
        return Ok(settings);
    };
    let yaml::Kind::Map(entries) = &entry.value.kind else {
        let found = entry.value.describe();
        let text = format!("`parameters` is a mapping, not {found}");
        return Err(Fault::new(entry.value.span.clone(), text).help("write `NAME: VALUE` in it"));
    };
    for entry in entries {
        let Some(parameter) = row.parameter(&entry.key) else {
            stranger(entry, row, reading)?;
            continue;
        };
        if level == Level::Model && !parameter.per_model {
            let fault = Fault::new(
                entry.span.clone(),
                format!(
                    "`{}` of {} is no parameter of one model",
                    entry.key, row.name
                ),
            );
            return Err(fault
                .label("of the whole merge")
                .help("put it under `parameters` of the slice, the module or the whole merge"));
        }
        let setting = setting(entry, parameter.kind, reading)?;
        let mut knots = setting.cases.iter().flat_map(|case| &case.knots);
        if let Some(more) = knots.find(|knot| parameter.name == "density" && **knot > 1.0) {
            let text = format!("a density of {more} counts as 1: all entries are kept");
            reading.remark(entry.span.clone(), text);
        }
        settings.0.insert(parameter.name, setting);
    }
    Ok(settings)
}

/// A parameter that the method does not have: one of other methods is passed over, as recipes keep
/// them when they change their method; one of none is a fault.
fn stranger(entry: &Entry, row: &Row, reading: &mut Reading) -> Result<(), Fault> {
    let span = entry.span.clone();
    if let Some((name, why)) = IDLE.iter().find(|(name, _)| *name == entry.key) {
        reading.remark(span, format!("`{name}` has no meaning here: {why}"));
        return Ok(());
    }
    if parameter_names().any(|name| name == entry.key) {
        let text = format!(
            "`{}` is no parameter of {}: it is passed over",
            entry.key, row.name
        );
        reading.remark(span, text);
        return Ok(());
    }
    let own: Vec<&str> = row.parameters.iter().map(|own| own.name).collect();
    if reading.lenient || own.is_empty() {
        let what = (row.name, entry.key.as_str());
        return reading.unknown(&span, what, own.iter().copied());
    }
    let near = nearest(&entry.key, own.iter().copied());
    let near = near.or_else(|| nearest(&entry.key, parameter_names()));
    let fault = Fault::new(
        span,
        format!("`{}` is no parameter of {}", entry.key, row.name),
    );
    Err(fault.label("unknown").help(match near {
        Some(near) => format!("did you mean `{near}`? --lenient passes over unknown keys"),
        None => format!(
            "it has {}; --lenient passes over unknown keys",
            own.join(", ")
        ),
    }))
}

fn setting(entry: &Entry, kind: Kind, reading: &mut Reading) -> Result<Setting, Fault> {
    let name = &entry.key;
    let node = &entry.value;
    let is_map = |node: &Node| matches!(node.kind, yaml::Kind::Map(_));
    let cases = match &node.kind {
        yaml::Kind::List(items) if items.iter().any(|item| is_map(item)) => items
            .iter()
            .map(|item| case(item, name, kind, reading))
            .collect::<Result<_, _>>()?,
        yaml::Kind::Map(_) => vec![case(node, name, kind, reading)?],
        _ => vec![Case {
            filter: None,
            knots: knots(node, name, kind)?,
            span: node.span.clone(),
        }],
    };
    Ok(Setting { cases })
}

fn case(node: &Node, name: &str, kind: Kind, reading: &mut Reading) -> Result<Case, Fault> {
    let fields = Fields::of(node, "a case of a parameter", &["filter", "value"])?;
    fields.finish(reading)?;
    let value = fields.need(
        "value",
        "write `- filter: PART OF A NAME` and `value: NUMBER`",
    )?;
    let filter = fields.get("filter").map(super::fields::text).transpose()?;
    Ok(Case {
        filter: filter.map(str::to_owned),
        knots: knots(&value.value, name, kind)?,
        span: node.span.clone(),
    })
}

/// One value or several along the depth.
fn knots(node: &Node, name: &str, kind: Kind) -> Result<Vec<f64>, Fault> {
    match &node.kind {
        yaml::Kind::List(items) if items.is_empty() => {
            let fault = Fault::new(node.span.clone(), format!("`{name}` is an empty list"));
            Err(fault.help("give a number, or several along the depth of the model"))
        }
        yaml::Kind::List(items) => items.iter().map(|item| value(item, name, kind)).collect(),
        _ => Ok(vec![value(node, name, kind)?]),
    }
}

fn value(node: &Node, name: &str, kind: Kind) -> Result<f64, Fault> {
    let wanted = match kind {
        Kind::Number => "a number",
        Kind::Flag => "true or false",
    };
    let found = node.text().filter(|_| !node.is_null());
    let found = found.and_then(|text| match (kind, flag(text), number(text)) {
        (_, Some(flag), _) => Some(f64::from(u8::from(flag))),
        (Kind::Number, None, number) => number,
        (Kind::Flag, None, number) => number.filter(|number| matches!(number, 0.0 | 1.0)),
    });
    found.ok_or_else(|| {
        let text = format!("`{name}` is {wanted}, not {}", node.describe());
        Fault::new(node.span.clone(), text)
            .label(format!("not {wanted}"))
            .help(format!(
                "give {wanted}, a list of them along the depth, or a list of cases with `filter` \
                 and `value`"
            ))
    })
}

/// A finite number as YAML or Python writes it.
fn number(text: &str) -> Option<f64> {
    let digits = text.trim().replace('_', "");
    let number = digits.parse::<f64>().ok();
    number.filter(|number| number.is_finite())
}

/// Yes or no as YAML 1.1 and pydantic have it, without the digits.
fn flag(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "y" | "t" => Some(true),
        "false" | "no" | "off" | "n" | "f" => Some(false),
        _ => None,
    }
}
