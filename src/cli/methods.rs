//! `wgmerge methods`: the table of methods in words and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::args::MethodsArgs;
use super::exit::Failure;
use super::out;
use super::table::{Align, Table};
use crate::method::{Base, Default, METHODS, Method, Parameter, Shape, Space};

/// Lists the methods, or describes one.
pub(super) fn run(args: &MethodsArgs) -> Result<(), Failure> {
    match (args.name, args.json) {
        (Some(method), true) => out::print_json(&to_json(method)),
        (Some(method), false) => out::print(&describe(method)),
        (None, true) => {
            let all: Vec<Value> = METHODS.iter().map(|method| to_json(method)).collect();
            out::print_json(&all)
        }
        (None, false) => out::print(&list()),
    }
}

fn list() -> String {
    let mut table = Table::new(&[("method", Align::Left), ("what it does", Align::Left)]);
    for method in METHODS {
        table.row(vec![method.id.to_owned(), method.summary.to_owned()]);
    }
    table.text() + "\n`wgmerge methods NAME` describes one and its parameters\n"
}

fn describe(method: &Method) -> String {
    let mut text = format!("{}: {}\n\n", method.id, method.summary);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "formula  {}", method.formula);
    let _ = writeln!(text, "source   {}", method.source);
    let _ = writeln!(text, "base     {}", base(method));
    let _ = writeln!(text, "models   {}", models(method));
    let _ = writeln!(
        text,
        "spaces   {} to {}",
        space(method.space),
        space(method.result)
    );
    for parameter in method.parameters {
        let _ = write!(text, "\n-p {}\n    {}\n", parameter.name, parameter.help);
        let _ = writeln!(text, "    {}", values(parameter));
        if let Some(other) = parameter.complement {
            let _ = writeln!(text, "    {}", complement(parameter, other));
        }
        if let Shape::Choice(choices) = parameter.shape {
            for (word, meaning) in choices {
                let _ = writeln!(text, "      {word:10}  {meaning}");
            }
        }
    }
    text
}

/// What a method's base model is.
pub(super) fn base(method: &Method) -> &'static str {
    match method.base {
        Base::None => "none",
        Base::Required => "needed, with --base",
        Base::First => "the first model; may be given with --base",
    }
}

/// How many models a method takes, besides a base that it needs.
pub(super) fn models(method: &Method) -> String {
    match (method.models_min, method.models_max) {
        (min, usize::MAX) => format!("at least {min}"),
        (min, max) if min == max => min.to_string(),
        (min, max) => format!("{min} to {max}"),
    }
}

/// A space in one word.
pub(super) fn space(space: Space) -> &'static str {
    match space {
        Space::Weight => "weight",
        Space::Delta => "delta",
        Space::Param => "param",
    }
}

/// The values a parameter takes, and its default, in one line.
pub(super) fn values(parameter: &Parameter) -> String {
    let (kind, default) = match parameter.shape {
        Shape::Number(default, range) => (range.describe().to_owned(), default_text(default)),
        Shape::Flag(default) => ("true or false".to_owned(), default.to_string()),
        Shape::Choice(choices) => {
            let words: Vec<&str> = choices.iter().map(|(word, _)| *word).collect();
            let default = words.first().copied().unwrap_or_default().to_owned();
            (words.join(", "), default)
        }
    };
    let count = match parameter.per_model {
        true => "; one for all models or one per model",
        false => "",
    };
    format!("{kind}; default {default}{count}")
}

fn default_text(default: Default) -> String {
    match default {
        Default::Is(value) => value.to_string(),
        Default::EqualShare => "1 / number of models".to_owned(),
    }
}

/// What the other name of a parameter means.
pub(super) fn complement(parameter: &Parameter, other: &str) -> String {
    let name = parameter.name;
    format!("or `{other}`: 1 - {name}")
}

fn to_json(method: &Method) -> Value {
    let parameters: Vec<Value> = method.parameters.iter().map(parameter_json).collect();
    let base = match method.base {
        Base::None => "none",
        Base::Required => "required",
        Base::First => "first",
    };
    let most = (method.models_max != usize::MAX).then_some(method.models_max);
    json!({
        "id": method.id,
        "summary": method.summary,
        "formula": method.formula,
        "source": method.source,
        "base": base,
        "models_min": method.models_min,
        "models_max": most,
        "space": space(method.space),
        "result": space(method.result),
        "parameters": parameters,
    })
}

fn parameter_json(parameter: &Parameter) -> Value {
    let mut value = json!({
        "name": parameter.name,
        "help": parameter.help,
        "per_model": parameter.per_model,
        "complement": parameter.complement,
    });
    match parameter.shape {
        Shape::Number(default, range) => {
            value["type"] = json!("number");
            value["range"] = json!(range.describe());
            value["default"] = match default {
                Default::Is(number) => json!(number),
                Default::EqualShare => json!("1/n"),
            };
        }
        Shape::Flag(default) => {
            value["type"] = json!("flag");
            value["default"] = json!(default);
        }
        Shape::Choice(choices) => {
            let choices: Vec<Value> = choices
                .iter()
                .map(|(word, meaning)| json!({ "word": word, "help": meaning }))
                .collect();
            value["type"] = json!("choice");
            value["default"] = choices.first().map_or(Value::Null, |c| c["word"].clone());
            value["choices"] = json!(choices);
        }
    }
    value
}
