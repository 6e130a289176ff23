//! supermerger's presets: 26 numbers under a name.

/// A name, a tab and 26 numbers a line.
const PRESETS: &str = include_str!("presets.tsv");

fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    PRESETS.lines().filter_map(|line| line.split_once('\t'))
}

/// The names of all presets.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    rows().map(|(name, _)| name)
}

/// A preset by its name, in letters of any case and with `-` for `_`.
pub(super) fn find(name: &str) -> Option<(&'static str, Vec<f64>)> {
    let plain = |name: &str| name.to_ascii_uppercase().replace('-', "_");
    let wanted = plain(name);
    let (name, numbers) = rows().find(|(name, _)| plain(name) == wanted)?;
    let numbers = numbers.split(',').filter_map(|number| number.parse().ok());
    Some((name, numbers.collect()))
}
