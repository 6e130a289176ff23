//! References to models: `path[@revision][+adapter[@revision]]`, or mappings that say the same.

use std::ops::Range;

use super::fields::{Fields, Reading, text};
use super::yaml::{Entry, Kind, Node};
use crate::recipe::Fault;

/// A reference to a model. Two are the same model if all of it is equal.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Reference {
    /// A path, a name of the hub, or the name of another document.
    pub path: String,
    /// A revision of the hub.
    pub revision: Option<String>,
}

impl std::fmt::Display for Reference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.revision {
            Some(revision) => write!(f, "{}@{revision}", self.path),
            None => f.write_str(&self.path),
        }
    }
}

/// A reference, and where it is.
#[derive(Clone, Debug)]
pub struct Referred {
    /// What it refers to.
    pub reference: Reference,
    /// The bytes of the text that it takes.
    pub span: Range<usize>,
}

/// Reads a reference.
pub(super) fn reference(entry: &Entry, reading: &mut Reading) -> Result<Referred, Fault> {
    let node = &entry.value;
    let reference = match &node.kind {
        Kind::Map(_) => mapping(node, reading)?,
        _ => of_text(text(entry)?, &node.span)?,
    };
    Ok(Referred {
        reference,
        span: node.span.clone(),
    })
}

fn mapping(node: &Node, reading: &mut Reading) -> Result<Reference, Fault> {
    let keys = &["model", "lora", "override_architecture"];
    let fields = Fields::of(node, "a reference to a model", keys)?;
    fields.finish(reading)?;
    if let Some(lora) = fields.get("lora") {
        return Err(adapter(lora.span.clone()));
    }
    if let Some(entry) = fields.get("override_architecture") {
        reading.remark(
            entry.span.clone(),
            "`override_architecture` has no meaning here: what a model is shows in its tensors"
                .to_owned(),
        );
    }
    let model = fields.need("model", "write `model: {path: PATH}`")?;
    if model.value.text().is_some() {
        return of_text(text(model)?, &model.value.span);
    }
    let fields = Fields::of(&model.value, "the path of a model", &["path", "revision"])?;
    fields.finish(reading)?;
    let path = text(fields.need("path", "write `path: PATH`")?)?.to_owned();
    let revision = fields.get("revision").map(text).transpose()?;
    Ok(Reference {
        path,
        revision: revision.map(str::to_owned),
    })
}

fn of_text(text: &str, span: &Range<usize>) -> Result<Reference, Fault> {
    let wrong = |what: &str| {
        let fault = Fault::new(span.clone(), format!("`{text}` is no reference to a model"));
        Err(fault.label(what.to_owned()).help(
            "a reference is a path or a name of the hub, with a revision if wanted: \
             path@revision",
        ))
    };
    if text.matches('+').count() > 1 {
        return wrong("more than one `+`");
    }
    if text.contains('+') {
        return Err(adapter(span.clone()).label(format!("`+` in `{text}`")));
    }
    match text.split_once('@') {
        _ if text.trim().is_empty() => wrong("empty"),
        None => Ok(Reference {
            path: text.to_owned(),
            revision: None,
        }),
        Some((_, revision)) if revision.contains('@') => wrong("more than one `@`"),
        Some((path, revision)) if path.is_empty() || revision.is_empty() => {
            wrong("nothing on one side of `@`")
        }
        Some((path, revision)) => Ok(Reference {
            path: path.to_owned(),
            revision: Some(revision.to_owned()),
        }),
    }
}

fn adapter(span: Range<usize>) -> Fault {
    Fault::new(
        span,
        "adapters in references (path+adapter) are not read yet",
    )
    .help(
        "merge the adapter into its base first with the tool that made it (peft: \
         `merge_and_unload`), and name the result",
    )
}
