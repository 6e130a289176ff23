//! Which tensors a document merges: `only` and `skip`. The others are copied from the base, or from
//! the first model.

use std::ops::Range;
use std::sync::Arc;

use regex::Regex;

use super::fields::Fields;
use super::yaml::{Kind, Node};
use crate::keys::Filter;
use crate::recipe::{Fault, Selection};

/// Which tensors are merged, by regular expressions.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    /// Only these.
    only: Vec<Pattern>,
    /// Not these.
    skip: Vec<Pattern>,
}

#[derive(Clone, Debug)]
struct Pattern {
    text: String,
    regex: Regex,
    span: Range<usize>,
    matches: bool,
}

impl Rules {
    /// Reads the keys of a document.
    pub fn read(fields: &Fields<'_>) -> Result<Rules, Fault> {
        Ok(Rules {
            only: patterns(fields, "only")?,
            skip: patterns(fields, "skip")?,
        })
    }

    /// Notes which of them are for any of some names.
    pub fn note<'n>(&mut self, names: impl Iterator<Item = &'n str> + Clone) {
        for pattern in self.only.iter_mut().chain(&mut self.skip) {
            let regex = &pattern.regex;
            pattern.matches |= names.clone().any(|name| regex.is_match(name));
        }
    }

    /// Refuses the first that is for no tensor: it was not meant so.
    pub fn check(&self) -> Result<(), Fault> {
        match self.only.iter().chain(&self.skip).find(|own| !own.matches) {
            None => Ok(()),
            Some(idle) => {
                let text = format!("`{}` matches no tensor's name", idle.text);
                let fault = Fault::new(idle.span.clone(), text).label("no such tensor");
                Err(fault.help("`wgmerge inspect MODEL` lists the tensors of a model"))
            }
        }
    }

    /// What they come to.
    pub fn filter(&self) -> Result<Filter, Fault> {
        let texts = |own: &[Pattern]| own.iter().map(|own| own.text.clone()).collect::<Vec<_>>();
        let filter = Filter::new(&texts(&self.only), &texts(&self.skip));
        filter.map_err(|fault| {
            let mut all = self.only.iter().chain(&self.skip);
            let span = all.next().map_or(0..0, |first| first.span.clone());
            Fault::new(span, fault.to_string())
        })
    }
}

/// Regular expressions: one, or a list of them.
fn patterns(fields: &Fields<'_>, key: &str) -> Result<Vec<Pattern>, Fault> {
    let Some(entry) = fields.get(key) else {
        return Ok(Vec::new());
    };
    let nodes: Vec<&Node> = match &entry.value.kind {
        Kind::List(items) => items.iter().map(Arc::as_ref).collect(),
        _ => vec![entry.value.as_ref()],
    };
    let pattern = |node: &Node| {
        let text = node.text();
        let read = text.and_then(|text| Some((text.to_owned(), Regex::new(text).ok()?)));
        let (text, regex) = read.ok_or_else(|| {
            let text = format!("{} is no regular expression", node.describe());
            Fault::new(node.span.clone(), text).help(format!("`{key}` lists names of tensors"))
        })?;
        Ok(Pattern {
            text,
            regex,
            span: node.span.clone(),
            matches: false,
        })
    };
    nodes.into_iter().map(pattern).collect()
}

/// The merge of the models for tensors that are merged, and one model for the others.
#[derive(Debug)]
pub(super) struct Kept(pub Filter);

impl Selection for Kept {
    fn input(&self, name: &str) -> Option<usize> {
        Some(usize::from(!self.0.merges(name)))
    }
}
