//! Routes in words and as JSON: what recipes do with tensors besides computing.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::keys::Conversion;
use crate::keys::conversion::conversions;
use crate::recipe::{ROUTES, RouteRow, find_route};

/// A route of the table, or a conversion, which is one too.
pub(super) enum Described {
    Row(&'static RouteRow),
    Conversion(&'static Conversion),
}

impl Described {
    /// All of them, the conversions last.
    pub(super) fn all() -> impl Iterator<Item = Described> {
        let conversions = conversions().iter().map(Described::Conversion);
        ROUTES.iter().map(Described::Row).chain(conversions)
    }

    /// That of an identifier.
    pub(super) fn find(id: &str) -> Option<Described> {
        let conversion = crate::keys::conversion::find_by_id(id);
        find_route(id)
            .map(Described::Row)
            .or(conversion.map(Described::Conversion))
    }

    pub(super) fn id(&self) -> String {
        match self {
            Described::Row(row) => row.id.to_owned(),
            Described::Conversion(conversion) => conversion.id(),
        }
    }

    pub(super) fn summary(&self) -> String {
        match self {
            Described::Row(row) => row.summary.to_owned(),
            Described::Conversion(conversion) => {
                let (from, to) = (conversion.from, conversion.to);
                match (conversion.adapter(), conversion.is_blocks()) {
                    (Some(_), _) => format!("the deltas of {to} that an adapter ({from}) makes"),
                    (_, true) => format!("a number per block ({from}) for the tensors of {to}"),
                    _ => format!("the tensors of {from} as {to} has them"),
                }
            }
        }
    }

    fn inputs(&self) -> String {
        match self {
            Described::Row(row) if row.is_variadic => format!("{}, …", row.inputs.join(", ")),
            Described::Row(row) => row.inputs.join(", "),
            Described::Conversion(_) => "a".to_owned(),
        }
    }

    fn example(&self) -> String {
        match self {
            Described::Row(row) => row.example.to_owned(),
            Described::Conversion(conversion) => format!("merge \"{}\" &0", conversion.id()),
        }
    }

    fn flag(&self) -> Option<String> {
        match self {
            Described::Row(row) => row.flag.map(str::to_owned),
            Described::Conversion(conversion) => match conversion.adapter() {
                Some(_) => Some("--lora FILE:STRENGTH".to_owned()),
                None if conversion.is_blocks() => Some("--block-weights WEIGHTS".to_owned()),
                None => Some(format!("wgmerge convert --to {}", conversion.to)),
            },
        }
    }

    /// What it does and how a recipe writes it.
    pub(super) fn describe(&self) -> String {
        let mut text = format!("{} (a route of recipes): {}\n\n", self.id(), self.summary());
        // Writing to a String cannot fail.
        let _ = writeln!(text, "inputs   {}", self.inputs());
        let _ = writeln!(text, "example  {}", self.example());
        if let Some(flag) = self.flag() {
            let _ = writeln!(text, "by flag  {flag}");
        }
        if let Described::Row(row) = self {
            for parameter in row.parameters {
                let _ = write!(text, "\n{}\n    {}\n", parameter.name, parameter.help);
            }
        }
        text
    }

    pub(super) fn to_json(&self) -> Value {
        let parameters: Vec<Value> = match self {
            Described::Row(row) => row
                .parameters
                .iter()
                .map(|parameter| json!({ "name": parameter.name, "help": parameter.help }))
                .collect(),
            Described::Conversion(_) => Vec::new(),
        };
        json!({
            "kind": "route",
            "id": self.id(),
            "summary": self.summary(),
            "inputs": self.inputs(),
            "example": self.example(),
            "flag": self.flag(),
            "parameters": parameters,
        })
    }

    /// The section of the page about methods.
    pub(super) fn section(&self) -> String {
        let mut text = format!("\n### {}\n\n", self.id());
        let _ = writeln!(
            text,
            "Gives {}.\n\n    {}\n",
            self.summary(),
            self.example()
        );
        let _ = writeln!(text, "- Inputs: {}", self.inputs());
        if let Some(flag) = self.flag() {
            let _ = writeln!(text, "- By flag: `{flag}`");
        }
        if let Described::Row(row) = self {
            for parameter in row.parameters {
                let _ = writeln!(text, "- `{}`: {}", parameter.name, parameter.help);
            }
        }
        text
    }
}
