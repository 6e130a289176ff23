//! `wgmerge methods`: the table of methods in words and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::args::MethodsArgs;
use super::failure::Failure;
use super::out;
use super::routes::Described;
use super::table::{Align, Table};
use crate::method::{
    Base, Default, Domain, METHODS, Method, Parameter, RECIPE_METHODS, Shape, all,
};
use crate::recipe::ROUTES;

/// Lists the methods and routes, or describes one.
pub(super) fn run(args: &MethodsArgs) -> Result<(), Failure> {
    let chosen: Vec<&Method> = match &args.name {
        Some(name) => all().filter(|method| method.id == name).collect(),
        None => all().collect(),
    };
    let routes: Vec<Described> = match &args.name {
        Some(name) => Described::find(name).into_iter().collect(),
        None => Described::all().collect(),
    };
    if args.json {
        let mut described: Vec<Value> = chosen.into_iter().map(to_json).collect();
        described.extend(routes.iter().map(Described::to_json));
        return match (&args.name, described.as_slice()) {
            (Some(_), [one]) => out::print_json(one),
            _ => out::print_json(&described),
        };
    }
    if args.name.is_none() {
        return out::print(&list());
    }
    let mut described: Vec<String> = chosen.into_iter().map(describe).collect();
    described.extend(routes.iter().map(Described::describe));
    out::print(&described.join("\n"))
}

fn list() -> String {
    let mut text = String::new();
    for (heading, methods) in [("method", METHODS), ("in recipes", RECIPE_METHODS)] {
        let mut table = Table::new(&[(heading, Align::Left), ("what it does", Align::Wrap)]);
        for method in methods {
            table.row(vec![method.id.to_owned(), method.summary.to_owned()]);
        }
        text += &table.text();
        text += "\n";
    }
    let mut table = Table::new(&[
        ("route, in recipes", Align::Left),
        ("what it gives", Align::Left),
    ]);
    for row in &ROUTES {
        table.row(vec![row.id.to_owned(), row.summary.to_owned()]);
    }
    text += &table.text();
    text += "\nConversions are routes too: `wgmerge configs NAME` says what converts to what.\n";
    text + "`wgmerge methods NAME` describes one and its parameters\n"
}

/// Why flags cannot name a method, where they cannot.
pub(super) fn not_by_flags(method: &Method) -> Option<&'static str> {
    let other = METHODS.iter().find(|known| known.id == method.id);
    match other {
        Some(known) if !std::ptr::eq(*known, method) => {
            Some("by this name `merge` means the method above")
        }
        None if !method.merges_models() => Some(
            "not offered by `merge`, whose models are whole: a recipe makes differences with \
             \"subtract\" and adds them with \"add_difference\"",
        ),
        _ => None,
    }
}

fn describe(method: &Method) -> String {
    let mut text = format!("{}{}: {}\n\n", method.id, place(method), method.summary);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "formula  {}", method.formula);
    let _ = writeln!(text, "source   {}", method.source);
    let _ = writeln!(text, "base     {}", base(method));
    let _ = writeln!(text, "models   {}", method.models());
    let _ = writeln!(text, "spaces   {}", spaces(method));
    if let Some(why) = not_by_flags(method) {
        let _ = writeln!(text, "by flag  {why}");
    }
    if let Some(ratio) = method.ratio {
        let _ = writeln!(text, "blocks   --block-weights sets {ratio}");
    }
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
        Base::Optional => "may be given with --base",
    }
}

/// The spaces of a method's models and of its result.
pub(super) fn spaces(method: &Method) -> String {
    let inputs: Vec<String> = method
        .inputs
        .iter()
        .map(|input| format!("{} {}", input.name, domain(input.domain)))
        .collect();
    format!("{} to {}", inputs.join(", "), domain(method.result))
}

/// Says of a method that only recipes mean by its name that it is theirs.
pub(super) fn place(method: &Method) -> &'static str {
    match METHODS.iter().any(|known| std::ptr::eq(*known, method)) {
        true => "",
        false => " (in recipes)",
    }
}

fn domain(domain: Domain) -> &'static str {
    match domain {
        Domain::Same => "any",
        Domain::Only(space) => space.word(),
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
    let each = match parameter.per_element {
        true => "; a recipe may give one per element",
        false => "",
    };
    format!("{kind}; default {default}{count}{each}")
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
        Base::Optional => "optional",
    };
    let inputs: Vec<Value> = method
        .inputs
        .iter()
        .map(|input| json!({ "name": input.name, "space": domain(input.domain) }))
        .collect();
    let most = (method.models_max != usize::MAX).then_some(method.models_max);
    json!({
        "kind": "method",
        "id": method.id,
        "summary": method.summary,
        "formula": method.formula,
        "source": method.source,
        "base": base,
        "models_min": method.models_min,
        "models_max": most,
        "inputs": inputs,
        "result": domain(method.result),
        "ratio": method.ratio,
        "in_recipes": RECIPE_METHODS.iter().any(|known| std::ptr::eq(*known, method)),
        "parameters": parameters,
    })
}

fn parameter_json(parameter: &Parameter) -> Value {
    let mut value = json!({
        "name": parameter.name,
        "help": parameter.help,
        "per_model": parameter.per_model,
        "per_element": parameter.per_element,
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
