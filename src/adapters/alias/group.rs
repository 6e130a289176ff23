//! Modules that stand together.

use crate::adapters::place::Part;

/// Modules that stand together, with what their names begin with: `#` is a number.
pub(super) struct Group {
    /// What the original names begin with.
    pub(super) from: &'static str,
    /// What the other names begin with.
    pub(super) to: &'static str,
    /// The rest of the original name of a module, of another name, and which of its rows are that
    /// module's.
    pub(super) rows: &'static [(&'static str, &'static str, Part)],
}
