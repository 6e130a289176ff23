//! The form of a reference: `ORG/NAME[/PATH][@REVISION]`, with or without `hf:` before it.

use std::fmt;
use std::path::Path;

use super::HubError;

/// What says that a name is a reference, whatever it looks like.
const SCHEME: &str = "hf:";
/// What files of weights end in.
const WEIGHTS: [&str; 7] = ["safetensors", "sft", "bin", "pt", "pth", "ckpt", "gguf"];
/// Letters of a repository's name at most.
const NAME_MAX: usize = 96;

/// A model on the Hugging Face hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// `ORG/NAME`, or the `NAME` of a repository of old.
    pub repository: String,
    /// A file or folder in it, with `/`.
    pub inside: Option<String>,
    /// The branch, tag or commit; `main` where none is said.
    pub revision: Option<String>,
    /// Whether the text says that it is a reference, and not by its form alone.
    pub is_explicit: bool,
}

impl Reference {
    /// Reads a reference; None where the text is a path.
    ///
    /// `hf:` before it makes every text a reference. Without that, one is told by its form: two
    /// names with a slash between them, or three and more whose last is a file of weights, without
    /// a dot or slash at the beginning or end. Two names of which the second is a file of weights
    /// are a path.
    ///
    /// # Errors
    /// [`HubError::Form`] for a text behind `hf:` that is none.
    pub fn parse(text: &str) -> Result<Option<Reference>, HubError> {
        let explicit = text.strip_prefix(SCHEME);
        let told = explicit.unwrap_or(text);
        let reference = take_apart(told.strip_prefix("//").unwrap_or(told));
        match (explicit, reference) {
            (Some(_), Some(reference)) => Ok(Some(Reference {
                is_explicit: true,
                ..reference
            })),
            (Some(_), None) => Err(HubError::Form {
                text: text.to_owned(),
            }),
            (None, reference) => Ok(reference.filter(Reference::is_plain)),
        }
    }

    /// The same, of a path as the command line or a recipe has it.
    ///
    /// # Errors
    /// As [`Reference::parse`].
    pub fn of_path(path: &Path) -> Result<Option<Reference>, HubError> {
        path.to_str().map_or(Ok(None), Reference::parse)
    }

    /// The branch, tag or commit.
    pub fn revision(&self) -> &str {
        self.revision.as_deref().unwrap_or("main")
    }

    /// Whether the form alone tells that this is no path.
    fn is_plain(&self) -> bool {
        match &self.inside {
            None => self.repository.contains('/') && !Reference::is_weights(&self.repository),
            Some(inside) => Reference::is_weights(inside),
        }
    }

    /// Whether a name ends as those of files of weights do.
    pub(super) fn is_weights(name: &str) -> bool {
        let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
        WEIGHTS
            .iter()
            .any(|known| extension.eq_ignore_ascii_case(known))
    }

    /// What downloads it in its maker's tool.
    pub(super) fn command(&self) -> String {
        let mut command = format!("hf download {}", self.repository);
        if let Some(inside) = &self.inside {
            match Reference::is_weights(inside) {
                true => command += &format!(" {inside}"),
                false => command += &format!(" --include '{inside}/*'"),
            }
        }
        if let Some(revision) = &self.revision {
            command += &format!(" --revision {revision}");
        }
        command
    }
}

impl fmt::Display for Reference {
    /// As it is read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_plain() {
            f.write_str(SCHEME)?;
        }
        f.write_str(&self.repository)?;
        if let Some(inside) = &self.inside {
            write!(f, "/{inside}")?;
        }
        match &self.revision {
            Some(revision) => write!(f, "@{revision}"),
            None => Ok(()),
        }
    }
}

fn take_apart(text: &str) -> Option<Reference> {
    let (place, revision) = match text.split_once('@') {
        Some((place, revision)) => (place, Some(revision)),
        None => (text, None),
    };
    let mut names = place.splitn(3, '/');
    let first = names.next()?;
    let repository = match names.next() {
        Some(second) => format!("{first}/{second}"),
        None => first.to_owned(),
    };
    let inside = names.next();
    let sound = repository.split('/').all(is_name)
        && repository.len() <= NAME_MAX
        && inside.is_none_or(is_inner_path)
        && revision.is_none_or(is_revision);
    sound.then(|| Reference {
        repository,
        inside: inside.map(str::to_owned),
        revision: revision.map(str::to_owned),
        is_explicit: false,
    })
}

/// Whether a text is a name of an organisation or a repository, by the hub's rules.
fn is_name(text: &str) -> bool {
    let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let inner = |text: &str| !text.starts_with(['-', '.']) && !text.ends_with(['-', '.']);
    !text.is_empty()
        && text.chars().all(letters)
        && inner(text)
        && !text.contains("--")
        && !text.contains("..")
        && !text.ends_with(".git")
}

/// Whether a text is a path that leads nowhere but further in.
pub(super) fn is_inner_path(text: &str) -> bool {
    let name = |name: &str| !matches!(name, "" | "." | "..");
    let letter = |c: char| !c.is_control() && c != '\\' && !(cfg!(windows) && c == ':');
    text.split('/').all(name) && text.chars().all(letter)
}

/// Whether a text is the name of a branch, a tag or a commit.
fn is_revision(text: &str) -> bool {
    let letter =
        |c: char| !c.is_whitespace() && !matches!(c, '~' | '^' | ':' | '?' | '*' | '[' | '@');
    is_inner_path(text) && text.chars().all(letter) && !text.contains("..")
}

/// Whether a text is the whole name of a commit.
pub(super) fn is_commit(text: &str) -> bool {
    text.len() == 40 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
