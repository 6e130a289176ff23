//! YAML as a tree of nodes that know their places.
//!
//! Anchors, aliases and merge keys are resolved: an alias is the node of its anchor, shared, so
//! that a text cannot grow without bound by aliases of aliases. A key that is given twice is a
//! fault.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::sync::Arc;

use serde_saphyr::granit_parser::{Event, Parser, ScalarStyle, ScanError, options};

use crate::recipe::Fault;

/// A node.
#[derive(Clone, Debug)]
pub(super) struct Node {
    /// What it holds.
    pub kind: Kind,
    /// The bytes of the text that it takes; of lists and mappings in blocks, those of its first
    /// line.
    pub span: Range<usize>,
    /// Whether it has an anchor.
    pub anchored: bool,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    /// A text without quotes, which may mean a number, yes or no, or nothing.
    Plain(String),
    /// A text in quotes, or a block of text.
    Quoted(String),
    /// A list.
    List(Vec<Arc<Node>>),
    /// A mapping.
    Map(Vec<Entry>),
}

/// An entry of a mapping.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    /// Its key.
    pub key: String,
    /// The place of the key.
    pub span: Range<usize>,
    /// Its value.
    pub value: Arc<Node>,
}

impl Node {
    /// The text of a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Plain(text) | Kind::Quoted(text) => Some(text),
            Kind::List(_) | Kind::Map(_) => None,
        }
    }

    /// Whether it says nothing: `null`, `~` or an empty place.
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Plain(text)
            if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"))
    }

    /// What it is, for messages.
    pub fn describe(&self) -> String {
        match &self.kind {
            _ if self.is_null() => "nothing".to_owned(),
            Kind::Plain(text) | Kind::Quoted(text) => format!("`{text}`"),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }

    fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }
}

/// The documents of a text. Those that are empty are left out.
pub(super) fn parse(text: &str) -> Result<Vec<Arc<Node>>, Fault> {
    let mut builder = Builder::default();
    let events = Parser::new_from_str_with_options(text, options! { emit_comments: false });
    for event in events {
        let (event, span) = event.map_err(|fault| unreadable(text, &fault))?;
        let span = span.byte_range().unwrap_or(0..0);
        builder.take(event, span)?;
    }
    Ok(builder.documents)
}

fn unreadable(text: &str, fault: &ScanError) -> Fault {
    let at = fault.marker().byte_offset().unwrap_or(0).min(text.len());
    // What is missing is missed at the next thing, which may stand on another line.
    let place = match text[..at].trim_end() {
        before if before.len() < at && text[at..].trim().is_empty() => before.len(),
        _ => at,
    };
    Fault::new(place..place, format!("this is no YAML: {}", fault.info())).help(
        "close brackets and quotes; indent with spaces, the entries of one list or mapping alike",
    )
}

/// A list or mapping that is being read.
struct Open {
    node: Node,
    anchor: usize,
    /// The key whose value comes next.
    key: Option<(String, Range<usize>)>,
    /// Mappings whose entries it has besides its own.
    merged: Vec<Arc<Node>>,
    /// The keys of its entries.
    keys: HashSet<String>,
}

/// Puts nodes together.
#[derive(Default)]
struct Builder {
    documents: Vec<Arc<Node>>,
    open: Vec<Open>,
    anchors: HashMap<usize, Arc<Node>>,
}

impl Builder {
    fn take(&mut self, event: Event<'_>, span: Range<usize>) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                let text = text.into_owned();
                let kind = match style {
                    ScalarStyle::Plain => Kind::Plain(text),
                    _ => Kind::Quoted(text),
                };
                self.close(node(kind, span, anchor), anchor)
            }
            Event::SequenceStart(_, anchor, _) => {
                self.begin(Kind::List(Vec::new()), span, anchor);
                Ok(())
            }
            Event::MappingStart(_, anchor, _) => {
                self.begin(Kind::Map(Vec::new()), span, anchor);
                Ok(())
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some(mut open) = self.open.pop() else {
                    return Ok(());
                };
                merge(&mut open);
                let anchor = open.anchor;
                self.close(open.node, anchor)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(known) => {
                    let known = Arc::clone(known);
                    self.put(known, span)
                }
                None => Err(Fault::new(span, "this alias stands inside its own anchor")),
            },
            _ => Ok(()),
        }
    }

    fn begin(&mut self, kind: Kind, span: Range<usize>, anchor: usize) {
        self.open.push(Open {
            node: node(kind, span, anchor),
            anchor,
            key: None,
            merged: Vec::new(),
            keys: HashSet::new(),
        });
    }

    /// A node that is complete.
    fn close(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        let span = node.span.clone();
        let node = Arc::new(node);
        if anchor != 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        self.put(node, span)
    }

    /// Puts a node where it belongs. `span` is where it is written, by itself or as an alias.
    fn put(&mut self, node: Arc<Node>, span: Range<usize>) -> Result<(), Fault> {
        let Some(open) = self.open.last_mut() else {
            if !node.is_null() {
                self.documents.push(node);
            }
            return Ok(());
        };
        match &mut open.node.kind {
            Kind::List(items) => items.push(node),
            Kind::Map(entries) => match open.key.take() {
                None => {
                    let Some(text) = node.text() else {
                        let fault =
                            Fault::new(span, format!("a key cannot be {}", node.describe()));
                        return Err(fault.label("not a name"));
                    };
                    open.key = Some((text.to_owned(), span));
                }
                Some((key, place)) if key == "<<" => {
                    open.merged.append(&mut mappings(node, place)?);
                }
                Some((key, place)) => {
                    if !open.keys.insert(key.clone()) {
                        return Err(Fault::new(place, format!("`{key}` is given twice"))
                            .label("second time")
                            .help("remove one of the two"));
                    }
                    entries.push(Entry {
                        key,
                        span: place,
                        value: node,
                    });
                }
            },
            Kind::Plain(_) | Kind::Quoted(_) => {}
        }
        Ok(())
    }
}

fn node(kind: Kind, span: Range<usize>, anchor: usize) -> Node {
    Node {
        kind,
        span,
        anchored: anchor != 0,
    }
}

/// The mappings that a merge key names: one, or a list of them.
fn mappings(node: Arc<Node>, place: Range<usize>) -> Result<Vec<Arc<Node>>, Fault> {
    let is_map = |node: &Arc<Node>| matches!(node.kind, Kind::Map(_));
    match &node.kind {
        Kind::Map(_) => Ok(vec![node]),
        Kind::List(items) if items.iter().all(is_map) => Ok(items.clone()),
        _ => Err(Fault::new(
            place,
            format!(
                "`<<` takes a mapping or a list of them, not {}",
                node.describe()
            ),
        )
        .help("write `<<: *anchor`")),
    }
}

/// Adds the entries of merged mappings that a mapping does not have itself; the first that has one
/// gives it.
fn merge(open: &mut Open) {
    let merged = std::mem::take(&mut open.merged);
    let Some(entries) = open.node.entries_mut() else {
        return;
    };
    for other in &merged {
        let Kind::Map(others) = &other.kind else {
            continue;
        };
        for entry in others {
            if open.keys.insert(entry.key.clone()) {
                entries.push(entry.clone());
            }
        }
    }
}
