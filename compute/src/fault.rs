//! A fault at a place of a text: of a recipe, a configuration, a method file.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// What is wrong with a text, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What is wrong.
    pub message: String,
    /// The bytes of the text at fault.
    pub span: Range<usize>,
    /// What is to be said right there.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Fault {
    /// A fault of some bytes of a text.
    pub fn new(span: Range<usize>, message: impl Into<String>) -> Fault {
        Fault {
            message: message.into(),
            span,
            label: String::new(),
            help: None,
        }
    }

    /// A fault of a whole line, counted from 1.
    pub fn of_line(text: &str, line: usize, message: String) -> Fault {
        let start: usize = text
            .split_inclusive('\n')
            .take(line.saturating_sub(1))
            .map(str::len)
            .sum();
        let len = text[start..].lines().next().map_or(0, str::len);
        Fault::new(start..start + len, message)
    }

    /// The same, with what is to be said right there.
    pub fn label(self, label: impl Into<String>) -> Fault {
        Fault {
            label: label.into(),
            ..self
        }
    }

    /// The same, with what to do about it.
    pub fn help(self, help: impl Into<String>) -> Fault {
        Fault {
            help: Some(help.into()),
            ..self
        }
    }

    /// The span as far as it lies in a text, in whole characters.
    fn within(&self, text: &str) -> Range<usize> {
        let mut end = self.span.end.max(self.span.start).min(text.len());
        let mut start = self.span.start.min(end);
        while !text.is_char_boundary(start) {
            start -= 1;
        }
        while !text.is_char_boundary(end) {
            end += 1;
        }
        start..end
    }

    /// Line and column of the fault in its text, both from 1; columns count characters.
    pub fn place(&self, text: &str) -> (usize, usize) {
        Lines::of(text).place(self.within(text).start)
    }

    /// The fault with the line of the text that it is in. `path` names the text.
    pub fn render(&self, path: &str, text: &str, colour: bool) -> String {
        let mut annotation = AnnotationKind::Primary.span(self.within(text));
        if !self.label.is_empty() {
            annotation = annotation.label(&self.label);
        }
        let snippet = Snippet::source(text).path(path).annotation(annotation);
        let mut group = Level::ERROR.primary_title(&self.message).element(snippet);
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help));
        }
        let renderer = match colour {
            true => Renderer::styled(),
            false => Renderer::plain(),
        };
        renderer.render(&[group])
    }
}

/// The lines of a text, for many places in it.
#[derive(Clone, Debug)]
pub struct Lines<'t> {
    text: &'t str,
    /// Where each begins.
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    /// Those of a text.
    pub fn of(text: &'t str) -> Lines<'t> {
        let ends = text.match_indices('\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(ends).collect();
        Lines { text, starts }
    }

    /// Line and column of a byte of the text, both from 1; columns count characters.
    pub fn place(&self, at: usize) -> (usize, usize) {
        let mut at = at.min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        let line = self.starts.partition_point(|start| *start <= at);
        let before = &self.text[self.starts[line - 1]..at];
        (line, before.chars().count() + 1)
    }
}
