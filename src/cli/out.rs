//! The standard streams.
//!
//! A reader that went away is no failure of ours, so nothing here panics on a closed pipe. Names of
//! tensors and files come from strangers, so nothing that they hold can steer the terminal.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};

use super::failure::Failure;

/// Writes a result to standard output.
///
/// # Errors
/// [`Failure::Closed`] where nobody reads it any more, [`Failure::Run`] where the system refuses.
pub(super) fn print(text: &str) -> Result<(), Failure> {
    print_bytes(text.as_bytes())
}

/// The same, for what need not be UTF-8, such as the names of files.
///
/// # Errors
/// As [`print`].
pub(super) fn print_bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut stream = io::stdout().lock();
    let written = stream.write_all(bytes).and_then(|()| stream.flush());
    written.map_err(|fault| match fault.kind() {
        io::ErrorKind::BrokenPipe => Failure::Closed,
        _ => Failure::Run(format!("cannot write to standard output: {fault}")),
    })
}

/// Writes a value to standard output as indented JSON, and nothing else.
///
/// # Errors
/// As [`print`].
pub(super) fn print_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|fault| Failure::Run(format!("cannot write JSON: {fault}")))?;
    print(&(text + "\n"))
}

/// What a line on standard error is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A line of the report.
    Report,
    /// Something worth knowing.
    Note,
    /// Something that went otherwise than asked for.
    Warning,
    /// Why the command failed.
    Error,
    /// Where to look for more.
    Hint,
}

impl Kind {
    /// The word before the message, and the code of its colour.
    fn word(self) -> Option<(&'static str, &'static str)> {
        match self {
            Kind::Report => None,
            Kind::Note => Some(("note", "1;32")),
            Kind::Warning => Some(("warning", "1;33")),
            Kind::Error => Some(("error", "1;31")),
            Kind::Hint => Some(("hint", "1;36")),
        }
    }
}

/// Writes a message to standard error. Further lines of it are indented, so that none can be taken
/// for a message of its own. Where standard error is closed there is nobody to tell.
pub(super) fn say(kind: Kind, message: &str) {
    let head = match kind.word() {
        None => String::new(),
        Some((word, colour)) if colours() => format!("\u{1b}[{colour}m{word}\u{1b}[0m: "),
        Some((word, _)) => format!("{word}: "),
    };
    let lines = message.trim_end();
    let text = match kind {
        Kind::Report => Cow::Borrowed(lines),
        _ => Cow::Owned(lines.replace('\n', "\n  ")),
    };
    let _ = writeln!(io::stderr().lock(), "{head}{}", escape_lines(&text));
}

/// Whether standard error is shown in colours: on a terminal, unless `NO_COLOR` is set.
pub(super) fn colours() -> bool {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    wanted && !dumb && io::stderr().is_terminal()
}

/// Writes a text of several lines to standard error as it is. Whoever made it has seen to it that
/// nothing in it steers the terminal but colours.
pub(super) fn show(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{}", text.trim_end());
}

/// A name as it may be shown within a line: control characters, line ends and marks that reverse
/// the direction of writing as escapes.
pub(super) fn escape(name: &str) -> Cow<'_, str> {
    escape_where(name, is_unsafe)
}

/// A text of several lines with everything escaped but its line ends.
pub(super) fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_where(text, |c| c != '\n' && is_unsafe(c))
}

fn escape_where(text: &str, escaped: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&escaped) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if escaped(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

fn is_unsafe(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns || matches!(c, '\u{2028}' | '\u{2029}')
}
