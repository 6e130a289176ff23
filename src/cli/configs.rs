//! `wgmerge configs`: the model configs that the program knows.

use crate::figures::counted;
use std::fmt::Write;

use serde_json::{Value, json};

use super::args::ConfigsArgs;
use super::failure::Failure;
use super::table::{Align, Table};
use super::{out, recipe};
use crate::keys::config::ConfigKey;
use crate::keys::{Config, conversion};

/// Lists the configs or describes one.
pub(super) fn run(args: &ConfigsArgs) -> Result<(), Failure> {
    let registry = recipe::registry(&args.configs.files)?;
    match &args.name {
        Some(name) => {
            let config = registry
                .find(name)
                .map_err(|fault| Failure::input(fault.to_string()))?;
            match args.json {
                true => out::print_json(&to_json(config, true)),
                false => out::print(&out::escape_lines(&describe(config))),
            }
        }
        None if args.json => {
            let all: Vec<Value> = registry
                .iter()
                .map(|config| to_json(config, false))
                .collect();
            out::print_json(&all)
        }
        None => {
            let mut table = Table::new(&[
                ("config", Align::Left),
                ("keys", Align::Right),
                ("elements", Align::Right),
                ("components", Align::Wrap),
            ]);
            for config in registry.iter() {
                table.row(vec![
                    config.id().to_owned(),
                    config.keys().count().to_string(),
                    elements(config).map_or_else(String::new, |n| n.to_string()),
                    components(config)
                        .iter()
                        .map(|(name, keys)| format!("{name} {keys}"))
                        .collect::<Vec<_>>()
                        .join(", "),
                ]);
            }
            let hint = "\n`wgmerge configs NAME` lists the tensors of one\n";
            out::print(&out::escape_lines(&(table.text() + hint)))
        }
    }
}

/// The elements of its tensors; None where their shapes are free.
fn elements(config: &Config) -> Option<u64> {
    if config.is_adapter() {
        return None;
    }
    let sizes = config
        .keys()
        .map(|(_, key)| key.shape.iter().product::<u64>());
    Some(sizes.sum())
}

/// The components with the number of their keys.
fn components(config: &Config) -> Vec<(&str, usize)> {
    let names = config.components().iter().enumerate();
    let count = |number| {
        config
            .keys()
            .filter(|(_, key)| key.component == number)
            .count()
    };
    names
        .map(|(number, name)| (name.as_str(), count(number)))
        .collect()
}

/// The configs that it converts to, one way or another.
fn conversions(config: &Config) -> Vec<&'static str> {
    let mut reached: Vec<&'static str> = conversion::conversions()
        .iter()
        .map(|conversion| conversion.to)
        .filter(|to| *to != config.id() && conversion::path(config.id(), to).is_some())
        .collect();
    reached.sort_unstable();
    reached.dedup();
    reached
}

fn describe(config: &Config) -> String {
    let mut text = format!("{}\n\n", config.id());
    let reached = match conversions(config).as_slice() {
        [] => "nothing".to_owned(),
        some => some.join(", "),
    };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "converts to  {reached}");
    for (number, (component, keys)) in components(config).iter().enumerate() {
        let _ = writeln!(text, "\n{component}: {}", counted(*keys, "key"));
        let mut table = Table::new(&[
            ("key", Align::Left),
            ("dtype", Align::Left),
            ("shape", Align::Left),
            ("", Align::Left),
        ]);
        for (name, key) in config.keys().filter(|(_, key)| key.component == number) {
            table.row(vec![
                name.to_owned(),
                key.dtype.to_string(),
                match config.is_adapter() {
                    true => "any".to_owned(),
                    false => format!("{:?}", key.shape),
                },
                remarks(key),
            ]);
        }
        text += &table.text();
    }
    text
}

fn remarks(key: &ConfigKey) -> String {
    let optional = key.optional.then(|| "optional".to_owned());
    let aliases = (!key.aliases.is_empty()).then(|| format!("or {}", key.aliases.join(", ")));
    let remarks: Vec<String> = optional.into_iter().chain(aliases).collect();
    remarks.join("; ")
}

fn to_json(config: &Config, with_keys: bool) -> Value {
    let components: serde_json::Map<String, Value> = components(config)
        .into_iter()
        .map(|(name, keys)| (name.to_owned(), json!(keys)))
        .collect();
    let mut value = json!({
        "id": config.id(),
        "elements": elements(config),
        "components": components,
        "converts_to": conversions(config),
    });
    if with_keys {
        let keys = config.keys().map(|(name, key)| {
            json!({
                "key": name,
                "component": config.components()[key.component],
                "dtype": key.dtype.to_string(),
                "shape": key.shape,
                "optional": key.optional,
                "aliases": key.aliases,
            })
        });
        value["keys"] = keys.collect();
    }
    value
}
