//! One line of a part or a component, and the parts that lines are gathered in.

use std::collections::HashMap;

use super::pattern::{Pattern, Size};
use crate::dtype::DType;

/// A group of tensors with parameters.
pub(super) struct Part<'t> {
    pub(super) parameters: Vec<&'t str>,
    pub(super) entries: Vec<Entry<'t>>,
}

/// The parts by their names.
pub(super) type Parts<'t> = HashMap<&'t str, Part<'t>>;

/// A line: a tensor, or a part put behind a name.
pub(super) struct Entry<'t> {
    pub(super) name: Pattern<'t>,
    pub(super) alias: Option<&'t str>,
    pub(super) optional: bool,
    pub(super) undotted: bool,
    pub(super) value: Value<'t>,
}

/// What a line stands for.
pub(super) enum Value<'t> {
    Tensor {
        dtype: Option<DType>,
        shape: Vec<Size>,
    },
    Part {
        name: &'t str,
        arguments: Vec<Size>,
    },
}

impl<'t> Entry<'t> {
    /// Reads a line. The parts it uses are among `parts`, so that no part contains itself.
    pub(super) fn read(
        line: &'t str,
        parameters: &[&str],
        parts: &Parts<'t>,
    ) -> Result<Entry<'t>, String> {
        let mut rest = line;
        let mut flag = |word: &str| match rest.strip_prefix(word) {
            Some(behind) => {
                rest = behind.trim_start();
                true
            }
            None => false,
        };
        let optional = flag("optional ");
        let undotted = flag("undotted ");
        let (name, value) = match rest.find([' ', '(']) {
            Some(at) if rest[at..].starts_with(' ') => (&rest[..at], rest[at..].trim()),
            _ => ("", rest),
        };
        let (name, alias) = match name.split_once('|') {
            Some((name, _)) if name.contains('{') => {
                return Err(format!("`{name}` has an alias and so takes no braces"));
            }
            Some((name, alias)) => (name, Some(alias)),
            None => (name, None),
        };
        Ok(Entry {
            name: Pattern::read(name, parameters)?,
            alias,
            optional,
            undotted,
            value: Value::read(value, parameters, parts)?,
        })
    }
}

impl<'t> Value<'t> {
    fn read(text: &'t str, parameters: &[&str], parts: &Parts<'t>) -> Result<Value<'t>, String> {
        let sizes = |text: &str| {
            let texts = text.split(',').map(str::trim);
            let texts = texts.filter(|text| !text.is_empty());
            texts
                .map(|text| Size::read(text, parameters))
                .collect::<Result<Vec<Size>, String>>()
        };
        if let Some((name, arguments)) = call(text) {
            let part = parts.get(name);
            let part = part.ok_or_else(|| format!("there is no part `{name}` above this line"))?;
            let arguments = sizes(arguments)?;
            let (given, expected) = (arguments.len(), part.parameters.len());
            if given != expected {
                return Err(format!(
                    "{given} arguments for `{name}`, which takes {expected}"
                ));
            }
            return Ok(Value::Part { name, arguments });
        }
        let shape = text
            .strip_suffix(']')
            .and_then(|text| text.split_once('['))
            .ok_or_else(|| format!("`{text}` is no shape and no part"))?;
        let dtype = match shape.0.trim() {
            "" => None,
            name => Some(DType::from_name(name).ok_or_else(|| format!("no dtype `{name}`"))?),
        };
        Ok(Value::Tensor {
            dtype,
            shape: sizes(shape.1)?,
        })
    }
}

/// The name and the arguments of `name(argument, …)`.
pub(super) fn call(text: &str) -> Option<(&str, &str)> {
    text.strip_suffix(')')?.split_once('(')
}
