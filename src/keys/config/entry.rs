//! One line of a part or a component, and the keys it expands to.

use super::ConfigKey;
use super::data::Parts;
use super::pattern::{Pattern, Size};
use crate::dtype::DType;

/// A line: a tensor, or a part put behind a name.
pub(super) struct Entry<'t> {
    name: Pattern<'t>,
    alias: Option<&'t str>,
    optional: bool,
    undotted: bool,
    value: Value<'t>,
}

enum Value<'t> {
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

/// Collects the keys of one component.
pub(super) struct Expansion<'a, 't> {
    pub(super) parts: &'a Parts<'t>,
    pub(super) component: usize,
    pub(super) dtype: DType,
    pub(super) keys: Vec<(String, ConfigKey)>,
}

/// What the entries around a tensor say of it. The lengths are those of the name that has grown so
/// far, in which dots stay until it is complete.
#[derive(Clone, Default)]
pub(super) struct Scope {
    /// What stands in an alias instead of the name's beginning of this length.
    alias: Option<(String, usize)>,
    optional: bool,
    /// Where the part of the name begins that has no dots.
    undotted: Option<usize>,
}

impl Scope {
    /// The scope behind the name of an entry; `base` is the length of what came before that name.
    fn behind(&self, entry: &Entry<'_>, base: usize, name: &str) -> Scope {
        let alias = match (entry.alias, &self.alias) {
            (Some(alias), Some((head, from))) => {
                Some((format!("{head}{}{alias}", &name[*from..base]), name.len()))
            }
            (Some(alias), None) => Some((format!("{}{alias}", &name[..base]), name.len())),
            (None, outer) => outer.clone(),
        };
        Scope {
            alias,
            optional: self.optional || entry.optional,
            undotted: self.undotted.or(entry.undotted.then_some(name.len())),
        }
    }

    /// The complete name from a length on.
    fn end(&self, name: &str, from: usize) -> String {
        let dots = self.undotted.unwrap_or(name.len()).max(from);
        let (dotted, undotted) = name[from..].split_at(dots - from);
        dotted.to_owned() + &undotted.replace('.', "")
    }
}

impl Expansion<'_, '_> {
    /// Adds the keys of an entry behind `name`.
    pub(super) fn add(
        &mut self,
        entry: &Entry<'_>,
        name: &mut String,
        scope: &Scope,
        arguments: &[u64],
    ) {
        let base = name.len();
        let sizes = |sizes: &[Size]| -> Vec<u64> {
            sizes.iter().map(|size| size.value(arguments)).collect()
        };
        match &entry.value {
            Value::Tensor { dtype, shape } => {
                let shape = sizes(shape);
                entry.name.expand(name, arguments, &mut |name| {
                    let scope = scope.behind(entry, base, name);
                    let aliases = scope.alias.iter();
                    let aliases =
                        aliases.map(|(head, from)| head.clone() + &scope.end(name, *from));
                    let key = ConfigKey {
                        component: self.component,
                        dtype: dtype.unwrap_or(self.dtype),
                        shape: shape.clone(),
                        optional: scope.optional,
                        aliases: aliases.collect(),
                    };
                    self.keys.push((scope.end(name, 0), key));
                });
            }
            Value::Part {
                name: part,
                arguments: given,
            } => {
                let part = &self.parts[part];
                let given = sizes(given);
                entry.name.expand(name, arguments, &mut |name| {
                    let scope = scope.behind(entry, base, name);
                    for entry in &part.entries {
                        self.add(entry, name, &scope, &given);
                    }
                });
            }
        }
    }
}
