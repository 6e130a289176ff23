//! `docs/METHODS.md`, from the table of methods.

use std::fmt::Write;

use super::catalogue::{by_group, name, not_by_flags, peers};
use super::methods;
use super::routes::Described;
use crate::method::{Group, Method, Parameter, Shape};

const INTRODUCTION: &str = "\
# Methods

<!-- Generated from the table in src/method: change that, then run WGMERGE_BLESS=1 tests/run. -->

`wgmerge merge -M METHOD` merges by one of these, and `-p NAME=VALUE` sets a parameter. A parameter
that may differ between models takes one value for all of them or a list, `-p weight=0.7,0.3`, in
the order in which the models are given; a base that the method needs is not among them. In the
formulas b is the base, mᵢ are the models and n is their number. Sums run over the models, and
everything is element by element unless it says otherwise. A *delta* or task vector is the
difference mᵢ - b.

The **space** of a method is what its models and its result are: whole models (`weight`),
differences of models (`delta`) or numbers that steer a method (`param`). A recipe cannot put one
where the other belongs.

Where no source is given, the first of the methods of other tools is the definition. Their names are
no names here, but `wgmerge methods WORD` finds methods by them.

How each operation is rounded is in [NUMERICS.md](NUMERICS.md).
";

const ROUTES: &str = "
## Routes

Recipes can pass tensors on without arithmetic; `merge \"ROUTE\" &0` names a route \
as it names a method. Examples with
their surroundings are in [RECIPES.md](RECIPES.md#routes). The conversions follow the others.
";

/// The page about all methods in Markdown, for `docs/METHODS.md`: for each one what it computes,
/// where it comes from, its models, spaces and parameters. It ends with one line end.
pub fn methods_markdown() -> String {
    let mut page = INTRODUCTION.to_owned();
    // Writing to a String cannot fail.
    for group in Group::ALL {
        if by_group().any(|method| method.group == group) {
            let (title, purpose) = (group.title(), group.purpose());
            let _ = write!(page, "\n**{title}**: {purpose}\n\n");
            page += "| method | what it does |\n|---|---|\n";
        }
        for method in by_group().filter(|method| method.group == group) {
            let title = name(method);
            let anchor = title.replace(' ', "-").replace(['(', ')'], "");
            let summary = cell(method.summary);
            let _ = writeln!(page, "| [`{title}`](#{anchor}) | {summary} |");
        }
    }
    let mut last = None;
    for method in by_group() {
        if last.replace(method.group) != Some(method.group) {
            let _ = write!(page, "\n## {}\n", method.group.title());
        }
        page += &section(method);
    }
    page += ROUTES;
    for route in Described::all() {
        page += &route.section();
    }
    page
}

fn section(method: &Method) -> String {
    let mut text = format!(
        "\n### {}\n\n{}.\n",
        name(method),
        capitalized(method.summary)
    );
    let _ = write!(text, "\n    {}\n\n", method.formula);
    let known = [
        ("Source", method.source),
        ("In other tools", &peers(method)),
    ];
    for (what, known) in known.into_iter().filter(|(_, known)| !known.is_empty()) {
        let _ = writeln!(text, "- {what}: {known}");
    }
    let _ = writeln!(text, "- Base: {}", methods::base(method));
    let _ = writeln!(text, "- Models: {}", method.models());
    let _ = writeln!(text, "- Spaces: {}", methods::spaces(method));
    if let Some(why) = not_by_flags(method) {
        let _ = writeln!(text, "- By flag: {why}");
    }
    if let Some(ratio) = method.ratio {
        let _ = writeln!(text, "- Block weights set `{ratio}`");
    }
    if method.parameters.is_empty() {
        text += "- Parameters: none\n";
        return text;
    }
    text += "\n| parameter | values | meaning |\n|---|---|---|\n";
    for parameter in method.parameters {
        let (values, meaning) = (methods::values(parameter), meaning(parameter));
        let name = parameter.name;
        let _ = writeln!(
            text,
            "| `{name}` | {} | {} |",
            cell(&values),
            cell(&meaning)
        );
    }
    text
}

fn meaning(parameter: &Parameter) -> String {
    let mut text = parameter.help.to_owned();
    if let Some(other) = parameter.complement {
        let _ = write!(text, "; {}", methods::complement(parameter, other));
    }
    if let Shape::Choice(choices) = parameter.shape {
        for (word, meaning) in choices {
            let _ = write!(text, "<br>`{word}`: {meaning}");
        }
    }
    text
}

/// A text within a cell of a table, where a bar would end it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

fn capitalized(text: &str) -> String {
    let mut rest = text.chars();
    match rest.next() {
        Some(first) => first.to_uppercase().chain(rest).collect(),
        None => String::new(),
    }
}
