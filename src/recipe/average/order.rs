//! The order of checkpoints by their names.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

use crate::figures::names_compared;

/// Sorts paths by their names, folder by folder, with numbers in them as numbers: `step-9` comes
/// before `step-10`. The order is the same however they are given.
pub fn by_name(paths: &mut [PathBuf]) {
    paths.sort_by(|a, b| compare(a, b).then_with(|| a.cmp(b)));
}

fn compare(a: &Path, b: &Path) -> Ordering {
    let names = |path: &Path| {
        let names = path.components();
        let names = names.map(|name| name.as_os_str().as_encoded_bytes().to_vec());
        names.collect::<Vec<_>>()
    };
    let (a, b) = (names(a), names(b));
    let mut pairs = a.iter().zip(&b).map(|(a, b)| names_compared(a, b));
    let first = pairs.find(|order| order.is_ne());
    first.unwrap_or_else(|| a.len().cmp(&b.len()))
}
