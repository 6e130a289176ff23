//! `wgmerge methods`: the table of methods in words and as JSON.

use std::fmt::Write;

use serde_json::{Value, json};

use super::args::MethodsArgs;
use super::catalogue::{Catalogue, name, not_by_flags, peers};
use super::failure::Failure;
use super::routes::Described;
use super::{hint, out};
use crate::method::{Base, Default, Domain, Method, Parameter, Shape, in_recipes};

/// Lists the methods and routes, finds some by words, or describes one.
pub(super) fn run(args: &MethodsArgs) -> Result<(), Failure> {
    let (chosen, one) = match args.words.as_slice() {
        [] => (Catalogue::whole(), false),
        [id] if !Catalogue::named(id).is_empty() => (Catalogue::named(id), true),
        words => (Catalogue::found(words), false),
    };
    if chosen.is_empty() {
        let known = hint::describable();
        return Err(Failure::input(hint::near(&args.words.join(" "), &known)));
    }
    if args.json {
        let mut described: Vec<Value> = chosen.methods.into_iter().map(to_json).collect();
        described.extend(chosen.routes.iter().map(Described::to_json));
        return match (one, described.as_slice()) {
            (true, [one]) => out::print_json(one),
            _ => out::print_json(&described),
        };
    }
    if !one {
        let is_search = !args.words.is_empty();
        let conversions = if is_search { "" } else { CONVERSIONS };
        let tables = chosen.tables(is_search);
        return out::print(&format!("{tables}\n{conversions}{MORE}"));
    }
    let mut described: Vec<String> = chosen.methods.into_iter().map(describe).collect();
    described.extend(chosen.routes.iter().map(Described::describe));
    out::print(&described.join("\n"))
}

const CONVERSIONS: &str = "\
Conversions are routes too: `wgmerge configs NAME` says what converts to what.
";
/// Where the list leads.
const MORE: &str = "\
`wgmerge methods NAME` describes one and its parameters, `wgmerge methods WORD`
finds some, by the names that other tools have for them too.
";

fn describe(method: &Method) -> String {
    let mut text = format!("{}: {}\n\n", name(method), method.summary);
    // Writing to a String cannot fail.
    let _ = writeln!(text, "formula  {}", method.formula);
    let known = [("source", method.source), ("others", &peers(method))];
    for (what, known) in known.into_iter().filter(|(_, known)| !known.is_empty()) {
        let _ = writeln!(text, "{what}   {known}");
    }
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
    let known: Vec<Value> = method
        .peers
        .iter()
        .map(|peer| json!({ "tool": peer.tool, "name": peer.name, "but": peer.but }))
        .collect();
    let most = (method.models_max != usize::MAX).then_some(method.models_max);
    json!({
        "kind": "method",
        "id": method.id,
        "summary": method.summary,
        "formula": method.formula,
        "source": method.source,
        "group": method.group.title(),
        "peers": known,
        "base": base,
        "models_min": method.models_min,
        "models_max": most,
        "inputs": inputs,
        "result": domain(method.result),
        "ratio": method.ratio,
        "in_recipes": in_recipes(method.id) == Some(method),
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
