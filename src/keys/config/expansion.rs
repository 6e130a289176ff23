//! The keys that the lines of a component expand to.

use super::ConfigKey;
use super::entry::{Entry, Parts, Value};
use super::pattern::Size;
use crate::dtype::DType;

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
