//! Names of tensors in order.

use foldhash::fast::RandomState;
use indexmap::IndexSet;

/// Names in order.
pub type NameSet = IndexSet<String, RandomState>;
