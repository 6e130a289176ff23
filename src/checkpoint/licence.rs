//! The licences that a checkpoint states.

use super::{CONFIG_BYTES_MAX, Checkpoint, read_beside};

/// The card of a model's folder.
pub const CARD: &str = "README.md";

/// Whether an entry of metadata states a licence.
pub(crate) fn is_licence(name: &str) -> bool {
    let name = name.rsplit('.').next().unwrap_or(name);
    matches!(name.to_ascii_lowercase().as_str(), "license" | "licence")
}

impl Checkpoint {
    /// The licences that the metadata of its files and the head of its card state, each once. What
    /// cannot be read states none.
    pub fn licences(&self) -> Vec<String> {
        let stated = self.metadata().iter().filter(|(name, _)| is_licence(name));
        let mut licences: Vec<String> = stated.map(|(_, value)| value.trim().to_owned()).collect();
        let path = self.path().join(CARD);
        if self.is_folder()
            && let Ok(card) = read_beside(&path, CONFIG_BYTES_MAX)
        {
            licences.extend(of_card(&String::from_utf8_lossy(&card)));
        }
        let mut each: Vec<String> = Vec::new();
        for licence in licences {
            if !licence.is_empty() && !each.contains(&licence) {
                each.push(licence);
            }
        }
        each
    }
}

/// The licences in the head of a card, which is YAML between two lines of dashes: `license: mit`, a
/// list of these, or `other` with a name in `license_name`.
fn of_card(card: &str) -> Vec<String> {
    let mut lines = card.trim_start_matches('\u{feff}').lines();
    if lines.next().map(str::trim_end) != Some("---") {
        return Vec::new();
    }
    let head: Vec<&str> = lines.take_while(|line| line.trim_end() != "---").collect();
    let value = |name: &str| {
        let mut lines = head.iter().enumerate();
        lines.find_map(|(at, line)| {
            let value = line.strip_prefix(name)?.trim_start().strip_prefix(':')?;
            Some((at, plain(value)))
        })
    };
    match value("license") {
        None => Vec::new(),
        Some((at, "")) => {
            let items = head[at + 1..].iter().map(|line| line.trim_start());
            let items = items.map_while(|line| line.strip_prefix('-'));
            items.map(|item| plain(item).to_owned()).collect()
        }
        Some((_, "other")) => {
            let name = value("license_name").map_or("other", |(_, name)| name);
            vec![name.to_owned()]
        }
        Some((_, licence)) => vec![licence.to_owned()],
    }
}

/// A plain or quoted scalar without its comment.
fn plain(text: &str) -> &str {
    let text = text.split(" #").next().unwrap_or(text).trim();
    let quoted = |mark: char| text.strip_prefix(mark)?.strip_suffix(mark);
    quoted('"').or_else(|| quoted('\'')).unwrap_or(text)
}
