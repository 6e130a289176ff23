//! What can be wrong with a reference, and with what it leads to.

use std::io;
use std::path::PathBuf;

/// A reference that leads to no model.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HubError {
    /// A text behind `hf:` is no reference.
    #[error(
        "`{text}` is no Hugging Face reference: write hf:ORG/NAME, hf:ORG/NAME@REVISION or \
         hf:ORG/NAME/FILE@REVISION"
    )]
    Form {
        /// The text.
        text: String,
    },
    /// It is not on this machine, and the hub is not asked or does not give it.
    #[error("{}", absent(.reference, .no_path, .cache, .fault))]
    Absent {
        /// The reference.
        reference: String,
        /// Whether it may have been meant as a path, where nothing is.
        no_path: bool,
        /// The cache's folder.
        cache: PathBuf,
        /// Why the hub does not give it.
        fault: Box<Refusal>,
    },
    /// A part of it is in the cache, and the hub is not asked or does not give the rest.
    #[error("{reference}: {file} is not in {snapshot}: {fault}")]
    Partial {
        /// The reference.
        reference: String,
        /// What is not there.
        file: String,
        /// Where it would be.
        snapshot: PathBuf,
        /// Why the hub does not give it.
        fault: Box<Refusal>,
    },
    /// The repository has no such file or folder.
    #[error("{repository} has no file or folder `{inside}`{}", some(.known))]
    NoEntry {
        /// The repository and its revision.
        repository: String,
        /// What was asked for.
        inside: String,
        /// Files of weights that it has.
        known: Vec<String>,
    },
    /// There are no weights.
    #[error("{repository} holds no weights{}", in_folder(.inside.as_deref()))]
    NoWeights {
        /// The repository and its revision.
        repository: String,
        /// Where they were looked for, if not in all of it.
        inside: Option<String>,
    },
    /// Several files may be meant.
    #[error(
        "{repository} holds several models, none of which is the main one{}; name one, as in \
         {example}",
        some(.files)
    )]
    Several {
        /// The repository and its revision.
        repository: String,
        /// The files.
        files: Vec<String>,
        /// How one is named.
        example: String,
    },
    /// A folder of the cache is named that has no snapshot, or several.
    #[error("{folder}: is a repository of the Hugging Face cache; {}", advice(.snapshots))]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Its snapshots.
        snapshots: Vec<String>,
    },
    /// A transfer failed again and again.
    #[error("{file}: the transfer failed {tries} times: {fault}; run the command again to go on")]
    Transfer {
        /// The file and its repository.
        file: String,
        /// How often.
        tries: u32,
        /// How it ended last.
        fault: String,
    },
    /// What came is not what the hub announced.
    #[error("{file}: {fault}; the download was thrown away")]
    Damaged {
        /// The file and its repository.
        file: String,
        /// Both sides.
        fault: String,
    },
    /// The disk is too small.
    #[error("{cache}: {reference} takes {needed} more bytes and {free} are free there")]
    Space {
        /// The cache's folder.
        cache: PathBuf,
        /// The reference.
        reference: String,
        /// Bytes that are still to come.
        needed: u64,
        /// Bytes that are free.
        free: u64,
    },
    /// The cache cannot be read or written.
    #[error("{path}: cannot be {done}: {fault}")]
    Io {
        /// What should be done.
        done: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's error.
        fault: io::Error,
    },
    /// The user stopped it.
    #[error("interrupted")]
    Interrupted,
}

/// Why the hub does not give a model.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A variable forbids the network.
    #[error(
        "{variable} is set, so the hub is not asked; unset it, or bring the model into the cache \
         with `{command}` where there is a network"
    )]
    Offline {
        /// The variable.
        variable: &'static str,
        /// What downloads it.
        command: String,
    },
    /// This program was built without a client.
    #[error("this build of wgmerge does not download (feature `hub`); `{command}` does")]
    NoClient {
        /// What downloads it.
        command: String,
    },
    /// Nobody answers.
    #[error("{endpoint} cannot be reached: {fault}")]
    Unreachable {
        /// The hub.
        endpoint: String,
        /// What the system says.
        fault: String,
    },
    /// The hub answers something else.
    #[error("{endpoint} answers {status}{said}")]
    Status {
        /// The hub.
        endpoint: String,
        /// The status.
        status: u16,
        /// What it says of it.
        said: String,
    },
    /// There is no such repository.
    #[error("{endpoint} has no model {repository}")]
    NoRepository {
        /// The hub.
        endpoint: String,
        /// The repository.
        repository: String,
    },
    /// There is none that everybody may see.
    #[error(
        "{endpoint} has no model {repository} that is open to all; if it is private, set HF_TOKEN \
         or log in with `hf auth login` (no token is set, and none is in {token_file})"
    )]
    NoToken {
        /// The hub.
        endpoint: String,
        /// The repository.
        repository: String,
        /// Where a token would be.
        token_file: PathBuf,
    },
    /// The token does not open it.
    #[error(
        "{endpoint} does not open {repository} to this token ({status}){said}; if it asks for \
         terms, accept them at {endpoint}/{repository}"
    )]
    Denied {
        /// The hub.
        endpoint: String,
        /// The repository.
        repository: String,
        /// The status.
        status: u16,
        /// What it says of it.
        said: String,
    },
    /// There is no such branch, tag or commit.
    #[error("{endpoint} has {repository}, but no revision `{revision}` of it")]
    NoRevision {
        /// The hub.
        endpoint: String,
        /// The repository.
        repository: String,
        /// The revision.
        revision: String,
    },
    /// The answer makes no sense.
    #[error("{endpoint} gives an answer that is not the hub's: {fault}")]
    Answer {
        /// The hub.
        endpoint: String,
        /// What is wrong with it.
        fault: String,
    },
}

impl Refusal {
    /// Whether nobody said that the model is not to be had.
    pub(super) fn is_silence(&self) -> bool {
        match self {
            Refusal::Offline { .. } | Refusal::NoClient { .. } => true,
            _ => self.is_outage(),
        }
    }

    /// Whether the hub may answer another time.
    fn is_outage(&self) -> bool {
        match self {
            Refusal::Unreachable { .. } => true,
            Refusal::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }
}

impl HubError {
    /// Whether the fault lies in what was asked for, rather than in the transfer or the hub.
    pub fn is_usage(&self) -> bool {
        match self {
            HubError::Absent { fault, .. } => !fault.is_outage(),
            HubError::Transfer { .. }
            | HubError::Damaged { .. }
            | HubError::Space { .. }
            | HubError::Interrupted => false,
            _ => true,
        }
    }
}

fn absent(reference: &str, no_path: &bool, cache: &std::path::Path, fault: &Refusal) -> String {
    let cache = cache.display();
    match no_path {
        true => format!(
            "{reference}: there is no such file or folder; as a Hugging Face reference it is not \
             in the cache ({cache}), and {fault}"
        ),
        false => format!("{reference}: is not in the Hugging Face cache ({cache}), and {fault}"),
    }
}

fn in_folder(inside: Option<&str>) -> String {
    inside.map_or_else(String::new, |inside| format!(" in `{inside}`"))
}

/// Some of many names.
fn some(names: &[String]) -> String {
    const SHOWN: usize = 8;
    if names.is_empty() {
        return String::new();
    }
    let more = match names.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = names[..names.len().min(SHOWN)].join(", ");
    format!(": {shown}{more}")
}

fn advice(snapshots: &[String]) -> String {
    match snapshots {
        [] => "it has no snapshot: nothing of it was downloaded".to_owned(),
        [first, ..] => format!(
            "name one of its {} snapshots, such as snapshots/{first} in it",
            snapshots.len()
        ),
    }
}
