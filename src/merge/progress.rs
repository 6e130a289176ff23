//! How a merge tells how far it is.

/// Watches a merge. Called from many threads.
pub trait Progress: Sync {
    /// A pass begins that will read and write this many bytes.
    fn begin(&self, pass: &str, bytes: u64);

    /// Bytes were read or written.
    fn advance(&self, bytes: u64);

    /// Something that the user should know, once.
    fn warn(&self, message: &str);
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _pass: &str, _bytes: u64) {}
    fn advance(&self, _bytes: u64) {}
    fn warn(&self, _message: &str) {}
}
