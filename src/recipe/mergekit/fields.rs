//! The fields of a mapping, taken by name; what is left over is a fault.

use std::ops::Range;
use std::sync::Arc;

use super::table::parameter_names;
use super::yaml::{Entry, Kind, Node};
use crate::keys::nearest::nearest;
use crate::recipe::Fault;

/// What is worth saying of a text that is not wrong.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Remark {
    /// What is to be said.
    pub text: String,
    /// The bytes of the text that it is said of.
    pub span: Range<usize>,
}

/// How a text is read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    /// Whether unknown keys are passed over.
    pub lenient: bool,
    /// What is worth saying.
    pub remarks: Vec<Remark>,
}

impl Reading {
    pub fn remark(&mut self, span: Range<usize>, text: String) {
        self.remarks.push(Remark { text, span });
    }

    /// A key that is not known: a fault, or a remark where it may be.
    pub fn unknown<'n>(
        &mut self,
        span: &Range<usize>,
        (what, key): (&str, &str),
        known: impl Iterator<Item = &'n str> + Clone,
    ) -> Result<(), Fault> {
        if self.lenient {
            let text = format!("`{key}` is no key of {what}: it is passed over");
            self.remark(span.clone(), text);
            return Ok(());
        }
        let fault = Fault::new(span.clone(), format!("`{key}` is no key of {what}"));
        Err(fault
            .label("unknown")
            .help(match nearest(key, known.clone()) {
                Some(near) => format!("did you mean `{near}`? --lenient passes over unknown keys"),
                None => {
                    let known: Vec<&str> = known.collect();
                    format!(
                        "it takes {}; --lenient passes over unknown keys",
                        known.join(", ")
                    )
                }
            }))
    }
}

/// The fields of a mapping.
pub(super) struct Fields<'n> {
    /// What has them, for messages.
    what: &'static str,
    /// The place of the mapping.
    pub span: Range<usize>,
    entries: &'n [Entry],
    known: &'static [&'static str],
}

impl<'n> Fields<'n> {
    /// Those of a node, which must be a mapping.
    pub fn of(
        node: &'n Node,
        what: &'static str,
        known: &'static [&'static str],
    ) -> Result<Fields<'n>, Fault> {
        let Kind::Map(entries) = &node.kind else {
            let fault = Fault::new(
                node.span.clone(),
                format!("{what} is a mapping, not {}", node.describe()),
            );
            return Err(fault.help(format!("it takes {}", known.join(", "))));
        };
        Ok(Fields {
            what,
            span: node.span.clone(),
            entries,
            known,
        })
    }

    /// A field that is given and is not null.
    pub fn get(&self, key: &str) -> Option<&'n Entry> {
        let mut entries = self.entries.iter();
        entries.find(|entry| entry.key == key && !entry.value.is_null())
    }

    /// A field that must be given.
    pub fn need(&self, key: &str, help: &str) -> Result<&'n Entry, Fault> {
        self.get(key).ok_or_else(|| {
            let fault = Fault::new(self.span.clone(), format!("{} has no `{key}`", self.what));
            // A misspelt key is the likeliest reason.
            let others = self.entries.iter().map(|entry| entry.key.as_str());
            let stray = others.filter(|other| !self.known.contains(other));
            match nearest(key, stray) {
                Some(near) => fault.help(format!("did you mean `{key}` by `{near}`? {help}")),
                None => fault.help(help.to_owned()),
            }
        })
    }

    /// Refuses fields that are not known.
    pub fn finish(&self, reading: &mut Reading) -> Result<(), Fault> {
        for entry in self.entries {
            if !self.known.contains(&entry.key.as_str()) {
                let names = self.known.iter().copied();
                reading.unknown(&entry.span, (self.what, &entry.key), names)?;
            }
        }
        Ok(())
    }

    /// The same at the top of a text, where mappings that only hold anchors may stand.
    pub fn finish_top(&self, reading: &mut Reading) -> Result<(), Fault> {
        for entry in self.entries {
            let holder = entry.key.starts_with("x-") || entry.value.anchored;
            if holder || self.known.contains(&entry.key.as_str()) {
                continue;
            }
            if parameter_names().any(|name| name == entry.key) && !reading.lenient {
                let text = format!("`{}` is a parameter, and stands at the top", entry.key);
                return Err(Fault::new(entry.span.clone(), text)
                    .label("not under `parameters`")
                    .help("put it under `parameters`; --lenient passes over it as mergekit does"));
            }
            let names = self.known.iter().copied();
            reading.unknown(&entry.span, (self.what, &entry.key), names)?;
        }
        Ok(())
    }
}

/// The items of a list.
pub(super) fn items<'n>(entry: &'n Entry, what: &str) -> Result<&'n [Arc<Node>], Fault> {
    match &entry.value.kind {
        Kind::List(items) if !items.is_empty() => Ok(items),
        Kind::List(_) => Err(
            Fault::new(entry.span.clone(), format!("`{}` is empty", entry.key))
                .help(format!("it lists {what}")),
        ),
        _ => Err(Fault::new(
            entry.value.span.clone(),
            format!(
                "`{}` is a list of {what}, not {}",
                entry.key,
                entry.value.describe()
            ),
        )
        .help("begin each item with `- `")),
    }
}

/// The text of a scalar field.
pub(super) fn text(entry: &Entry) -> Result<&str, Fault> {
    entry.value.text().ok_or_else(|| {
        let found = entry.value.describe();
        Fault::new(
            entry.value.span.clone(),
            format!("`{}` is a text, not {found}", entry.key),
        )
    })
}
