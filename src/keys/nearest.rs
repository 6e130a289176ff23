//! The known name that a mistyped one is most like.

/// Below this likeness (Jaro-Winkler, 0 to 1) names have nothing to do with each other.
const LIKENESS: f64 = 0.75;

/// The name most like `word`, if any is.
pub(crate) fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    names
        .map(|name| (strsim::jaro_winkler(word, name), name))
        .filter(|(likeness, _)| *likeness > LIKENESS)
        // What takes the fewest keys to mend is meant, letters that changed places first; among
        // those, what is most alike.
        .map(|(likeness, name)| {
            let keys = strsim::osa_distance(word, name);
            let longer = name.len().abs_diff(word.len());
            ((keys, longer), likeness, name)
        })
        .max_by(|a, b| b.0.cmp(&a.0).then(a.1.total_cmp(&b.1)))
        .map(|(_, _, name)| name)
}

/// ` (did you mean …?)` with the name most like `word`, or nothing where none is.
pub(crate) fn hint<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> String {
    nearest(word, names).map_or_else(String::new, |name| format!(" (did you mean `{name}`?)"))
}

/// The names most like `word`, the most alike first, however little that is.
pub(crate) fn most_like<'n>(
    word: &str,
    names: impl Iterator<Item = &'n str>,
    count: usize,
) -> Vec<&'n str> {
    let mut names: Vec<(f64, &str)> = names
        .map(|name| (strsim::jaro_winkler(word, name), name))
        .collect();
    names.sort_by(|a, b| b.0.total_cmp(&a.0));
    names
        .into_iter()
        .take(count)
        .map(|(_, name)| name)
        .collect()
}
