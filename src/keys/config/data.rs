//! The text format of the built-in configs.
//!
//! ```text
//! part linear(out, in)                          # a group of tensors, with its parameters
//!   weight [out, in]                            # a tensor and its shape
//!   bias [out]
//!
//! part block(width)
//!   mlp.fc{1,2}. linear(4width, width)          # a part, its names behind `mlp.fc1.`, `mlp.fc2.`
//!   optional ids I64 [1, 77]                    # checkpoints may lack it; of another dtype
//!
//! config family-format
//!   component text BF16                         # a component and its dtype, else F32
//!     text.layers.{0..12}.|layers. block(768)   # a range without its end, and an alias
//!     optional undotted ema. block(768)         # the part's names without their dots
//! ```
//!
//! Names are joined as they are, so that a name before a part ends with its dot. In braces stand
//! words, a parameter, or a range; a range that begins with `00` gives numbers of two digits. What
//! stands before a part applies to all tensors in it. A part comes before its uses. The keys of a
//! component are sorted by their names, as checkpoints list them.

use indexmap::IndexMap;

use super::entry::{Entry, Part, Parts, call};
use super::expansion::{Expansion, Scope};
use super::{Config, NameClash};
use crate::dtype::DType;

/// A line that the format does not have.
#[derive(Debug, thiserror::Error)]
#[error("line {line}, `{text}`: {reason}")]
pub(super) struct DataError {
    line: usize,
    text: String,
    reason: String,
}

struct Component<'t> {
    name: &'t str,
    dtype: DType,
    entries: Vec<Entry<'t>>,
}

/// What a text holds: parts, and configs by their ids.
#[derive(Default)]
pub(super) struct Data<'t> {
    parts: Parts<'t>,
    configs: IndexMap<&'t str, Vec<Component<'t>>>,
}

impl<'t> Data<'t> {
    /// Adds what a text holds.
    pub(super) fn read(&mut self, text: &'t str) -> Result<(), DataError> {
        let mut part: Option<&'t str> = None;
        for (number, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if !line.is_empty() {
                self.line(line, &mut part).map_err(|reason| DataError {
                    line: number + 1,
                    text: line.to_owned(),
                    reason,
                })?;
            }
        }
        Ok(())
    }

    /// Adds what a line holds; `part` is the part that it stands in.
    fn line(&mut self, line: &'t str, part: &mut Option<&'t str>) -> Result<(), String> {
        if let Some(head) = line.strip_prefix("part ") {
            let (name, parameters) = call(head).ok_or("a part is `part name(parameters)`")?;
            let parameters = parameters.split(',').map(str::trim);
            let new = Part {
                parameters: parameters.filter(|name| !name.is_empty()).collect(),
                entries: Vec::new(),
            };
            *part = Some(name);
            return match self.parts.insert(name, new) {
                Some(_) => Err(format!("there are two parts `{name}`")),
                None => Ok(()),
            };
        }
        if let Some(id) = line.strip_prefix("config ") {
            *part = None;
            return match self.configs.insert(id, Vec::new()) {
                Some(_) => Err(format!("there are two configs `{id}`")),
                None => Ok(()),
            };
        }
        if let Some(head) = line.strip_prefix("component ") {
            let (_, components) = self
                .configs
                .last_mut()
                .ok_or("the component of no config")?;
            let (name, dtype) = head.split_once(' ').unwrap_or((head, "F32"));
            components.push(Component {
                name,
                dtype: DType::from_name(dtype).ok_or_else(|| format!("no dtype `{dtype}`"))?,
                entries: Vec::new(),
            });
            return Ok(());
        }
        self.entry(line, *part)
    }

    fn entry(&mut self, line: &'t str, part: Option<&'t str>) -> Result<(), String> {
        // The part is taken out meanwhile, so that it cannot contain itself.
        if let Some((name, mut part)) = part.and_then(|name| self.parts.remove_entry(name)) {
            part.entries
                .push(Entry::read(line, &part.parameters, &self.parts)?);
            self.parts.insert(name, part);
            return Ok(());
        }
        let entry = Entry::read(line, &[], &self.parts)?;
        let component = self
            .configs
            .last_mut()
            .and_then(|(_, last)| last.last_mut());
        let component = component.ok_or("a tensor of no part and no component")?;
        component.entries.push(entry);
        Ok(())
    }

    /// The ids of the configs, in the order of the text.
    pub(super) fn ids(&self) -> impl ExactSizeIterator<Item = &'t str> {
        self.configs.keys().copied()
    }

    /// The config of a number in that order, in full.
    pub(super) fn config(&self, number: usize) -> Result<Config, NameClash> {
        let id = self.configs.keys()[number];
        let components = &self.configs[number];
        let mut keys = Vec::new();
        for (number, component) in components.iter().enumerate() {
            let mut expansion = Expansion {
                parts: &self.parts,
                component: number,
                dtype: component.dtype,
                keys: Vec::new(),
            };
            for entry in &component.entries {
                expansion.add(entry, &mut String::new(), &Scope::default(), &[]);
            }
            expansion.keys.sort_by(|a, b| a.0.cmp(&b.0));
            keys.append(&mut expansion.keys);
        }
        let names = components.iter().map(|component| component.name.to_owned());
        Config::new(id.to_owned(), names.collect(), keys)
    }
}
