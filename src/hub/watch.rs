//! What is told about a search, and what comes of it.

use std::path::PathBuf;

/// Where a model was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// What can be opened: a file, or a folder.
    pub path: PathBuf,
    /// What there is to say about it.
    pub note: Option<String>,
}

/// Is told of a download, and may end it.
pub trait Watch: Sync {
    /// A download begins, of so many bytes.
    fn begin(&self, what: &str, bytes: u64);
    /// So many more bytes are there.
    fn advance(&self, bytes: u64);
    /// Something worth knowing.
    fn say(&self, message: &str);
    /// Whether to stop. What was downloaded stays, and the next download goes on from there.
    fn is_cancelled(&self) -> bool;
}

/// Watches nothing.
impl Watch for () {
    fn begin(&self, _what: &str, _bytes: u64) {}
    fn advance(&self, _bytes: u64) {}
    fn say(&self, _message: &str) {}
    fn is_cancelled(&self) -> bool {
        false
    }
}
