//! A text of one or more documents, checked without its models.

use std::collections::HashMap;
use std::ops::Range;
use std::path::{Component, Path, PathBuf};

use super::document::{Document, document};
use super::fields::{Reading, Remark};
use super::reference::{Reference, Referred};
use super::segment::parts;
use super::tokenizer::TokenizerSource;
use super::yaml;
use crate::recipe::Fault;

/// A recipe of mergekit: one merge, or several that build on each other.
#[derive(Clone, Debug)]
pub struct Script {
    /// The merges, each behind those that it builds on.
    pub(super) documents: Vec<Document>,
    /// What was written.
    pub(super) text: String,
    /// The names of merges that are models by now, and where they are.
    done: Vec<(String, PathBuf)>,
    /// What is worth saying of the text.
    pub remarks: Vec<Remark>,
}

/// Keys that a merge of mergekit has at its top.
const KEYS: [&str; 5] = [
    "merge_method:",
    "slices:",
    "models:",
    "modules:",
    "base_model:",
];

/// Whether a text looks like a recipe of mergekit rather than like sd-mecha's form.
pub fn recognised(text: &str) -> bool {
    let lines = text.lines().map(|line| line.trim_start_matches('\u{feff}'));
    let mut lines = lines.filter(|line| !line.starts_with('#') && !line.trim().is_empty());
    lines.any(|line| KEYS.iter().any(|key| line.starts_with(key)))
}

/// Reads a text. `lenient` passes over keys that are not known, as mergekit does.
///
/// # Errors
/// What is wrong with it, at its place, as far as that shows without the models.
pub fn parse(text: &str, lenient: bool) -> Result<Script, Fault> {
    let mut reading = Reading {
        lenient,
        ..Reading::default()
    };
    let nodes = yaml::parse(text)?;
    let documents = nodes.iter().map(|node| document(node, &mut reading));
    let documents = documents.collect::<Result<Vec<Document>, Fault>>()?;
    if documents.is_empty() {
        let fault = Fault::new(0..0, "this text holds no merge");
        return Err(fault.help("name a method and models: `merge_method: linear`, `models:` …"));
    }
    check_names(&documents)?;
    let documents = ordered(documents)?;
    for document in &documents {
        parts(document)?;
    }
    Ok(Script {
        documents,
        text: text.to_owned(),
        done: Vec::new(),
        remarks: reading.remarks,
    })
}

impl Script {
    /// How many merges there are.
    pub fn merges(&self) -> usize {
        self.documents.len()
    }

    /// The names of the merges that have one, in the order in which they build on each other.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.documents.iter().filter_map(|own| own.name.as_ref());
        let names = names.map(|(name, _)| name.as_str());
        names.filter(|name| self.place(name).is_none())
    }

    /// The first merge whose tokens another one asks for. They are known when it is written.
    pub fn needed_first(&self) -> Option<&str> {
        let asking = self.documents.iter().filter(|own| own.tokenizer.is_some());
        let asking = asking.filter(|own| match &own.name {
            Some((name, _)) => self.place(name).is_none(),
            None => true,
        });
        let mut needed = asking.flat_map(|own| references(own).into_iter().chain(source(own)));
        let named = needed.find_map(|own| self.named(&own.reference))?;
        let name = self.documents[named].name.as_ref();
        name.map(|(name, _)| name.as_str())
    }

    /// Has the merges that build on a merge read it from the folder that it was written to.
    pub fn written(&mut self, name: &str, folder: &Path) {
        self.done.push((name.to_owned(), folder.to_owned()));
    }

    /// Where a merge with a name was written, if it was.
    pub fn place(&self, name: &str) -> Option<&Path> {
        let mut done = self.done.iter();
        let found = done.find(|(own, _)| own == name);
        found.map(|(_, folder)| folder.as_path())
    }

    /// The models whose tokenizers results have and that are none of the text's models, each once.
    pub fn tokenizers(&self) -> Vec<&Referred> {
        let models = self.models();
        let mut found: Vec<&Referred> = Vec::new();
        for referred in self.documents.iter().filter_map(source) {
            let known = |own: &&Referred| own.reference == referred.reference;
            let is_merge = self.named(&referred.reference).is_some();
            if !is_merge && !models.iter().any(known) && !found.iter().any(known) {
                found.push(referred);
            }
        }
        found
    }

    /// Whether one of the merges has no name: it is the result.
    pub fn has_result(&self) -> bool {
        self.documents.iter().any(|own| own.name.is_none())
    }

    /// The models that are named and are no merges of this text, each once.
    pub fn models(&self) -> Vec<&Referred> {
        let mut models: Vec<&Referred> = Vec::new();
        let named = self.documents.iter().flat_map(references);
        for referred in named {
            let known = |own: &&Referred| own.reference == referred.reference;
            if self.named(&referred.reference).is_none() && !models.iter().any(known) {
                models.push(referred);
            }
        }
        models
    }

    /// Whether any merge says which tokenizer its result has.
    pub fn asks_for_tokenizers(&self) -> bool {
        self.documents.iter().any(|own| own.tokenizer.is_some())
    }

    /// The merge that a reference names.
    pub(super) fn named(&self, reference: &Reference) -> Option<usize> {
        named(&self.documents, reference).filter(|_| self.place(&reference.path).is_none())
    }
}

/// The model whose tokenizer the result of a document has, where it names one.
fn source(document: &Document) -> Option<&Referred> {
    match &document.tokenizer.as_ref()?.request.source {
        TokenizerSource::Model(model) => Some(model),
        TokenizerSource::Union | TokenizerSource::Base => None,
    }
}

fn named(documents: &[Document], reference: &Reference) -> Option<usize> {
    let is = |document: &Document| match &document.name {
        Some((name, _)) => *name == reference.path,
        None => false,
    };
    documents.iter().position(is)
}

/// All references to models of a document.
pub(super) fn references(document: &Document) -> Vec<&Referred> {
    use super::document::Body;
    fn of<'d>(body: &'d Body, found: &mut Vec<&'d Referred>) {
        match body {
            Body::Models(models) => found.extend(models.iter().map(|source| &source.model)),
            Body::Slices(slices) => {
                for slice in slices {
                    found.extend(slice.sources.iter().map(|source| &source.model));
                    found.extend(&slice.base);
                }
            }
            // Modules do not lie in each other.
            Body::Modules(modules) => {
                for module in modules {
                    of(&module.body, found);
                }
            }
        }
    }
    let mut found: Vec<&Referred> = document.base.iter().collect();
    of(&document.body, &mut found);
    found
}

/// Refuses names that are given twice, and more than one merge without a name.
fn check_names(documents: &[Document]) -> Result<(), Fault> {
    let mut names = HashMap::new();
    for document in documents {
        if let Some((name, span)) = &document.name {
            check_name(name, span)?;
        }
        let key = document.name.as_ref().map(|(name, _)| name.as_str());
        if names.insert(key, ()).is_none() {
            continue;
        }
        return Err(match &document.name {
            Some((name, span)) => {
                Fault::new(span.clone(), format!("two merges have the name `{name}`"))
                    .label("second time")
            }
            None => Fault::new(document.span.clone(), "a second merge has no name")
                .help("only the result has none: give the others a name, `name: NAME`"),
        });
    }
    Ok(())
}

/// Refuses a name that is no folder's inside the one for such merges.
fn check_name(name: &str, span: &Range<usize>) -> Result<(), Fault> {
    let parts: PathBuf = Path::new(name).components().collect();
    let mut all = Path::new(name).components();
    let inside = all.all(|part| matches!(part, Component::Normal(_)));
    let plain = parts.as_os_str() == name && !name.chars().any(char::is_control);
    match inside && plain && !name.is_empty() {
        true => Ok(()),
        false => {
            let text = format!("`{}` is no name of a merge", name.escape_debug());
            Err(Fault::new(span.clone(), text)
                .label("leads elsewhere")
                .help("its folder is called so: take a plain name, such as `stage-1`"))
        }
    }
}

/// The documents, each behind those that it builds on.
fn ordered(documents: Vec<Document>) -> Result<Vec<Document>, Fault> {
    let needs = |document: &Document| -> Vec<(usize, Referred)> {
        let references = references(document).into_iter();
        let found =
            references.filter_map(|own| Some((named(&documents, &own.reference)?, own.clone())));
        found.collect()
    };
    let needs: Vec<Vec<(usize, Referred)>> = documents.iter().map(needs).collect();
    let mut placed: Vec<usize> = Vec::with_capacity(documents.len());
    while placed.len() < documents.len() {
        let free = |at: &usize| {
            let waits = |(need, _): &(usize, Referred)| !placed.contains(need);
            !placed.contains(at) && !needs[*at].iter().any(waits)
        };
        let Some(next) = (0..documents.len()).find(free) else {
            let mut rest = (0..documents.len()).filter(|at| !placed.contains(at));
            let stuck = rest.next().unwrap_or_default();
            let waits = needs[stuck].iter().find(|(need, _)| !placed.contains(need));
            let (span, name) = waits.map_or((0..0, String::new()), |(_, own)| {
                (own.span.clone(), own.reference.to_string())
            });
            let text = format!("the merges build on each other in a circle through `{name}`");
            return Err(Fault::new(span, text).help("a merge cannot be made of its own result"));
        };
        placed.push(next);
    }
    let mut documents: Vec<Option<Document>> = documents.into_iter().map(Some).collect();
    Ok(placed
        .into_iter()
        .filter_map(|at| documents[at].take())
        .collect())
}
