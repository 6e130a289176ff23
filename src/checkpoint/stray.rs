//! All weight files below a folder, wherever they lie, so that none is passed over in silence.

use std::path::{Path, PathBuf};

use super::name::WeightName;

/// Folders that are looked into at most: what lies in a larger tree is no longer one model.
const FOLDERS_MAX: usize = 1000;

/// The weight files below `folder`, hidden ones too, relative to it and sorted. What cannot be
/// listed is passed over, and links to folders are followed one level down only, as a checkpoint
/// does.
pub(super) fn weights(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut queue = vec![PathBuf::new()];
    let mut next = 0;
    while next < queue.len().min(FOLDERS_MAX) {
        let below = queue[next].clone();
        next += 1;
        let entries = std::fs::read_dir(folder.join(&below));
        let mut names: Vec<PathBuf> = Vec::new();
        for entry in entries.into_iter().flatten().flatten() {
            let name = below.join(entry.file_name());
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            let linked = kind.is_symlink() && below.as_os_str().is_empty();
            if kind.is_dir() || (linked && entry.path().is_dir()) {
                names.push(name);
            } else if entry.file_name().to_str().is_some_and(is_weights) {
                found.push(name);
            }
        }
        names.sort();
        queue.append(&mut names);
    }
    found.sort();
    found
}

/// Whether a name is that of weights. What begins with `._` is macOS's, not a model's.
fn is_weights(name: &str) -> bool {
    let named = WeightName::of_weights(name).or_else(|| WeightName::of_torch(name));
    !name.starts_with("._") && named.is_some()
}
