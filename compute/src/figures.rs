//! Numbers for people, and names with numbers in them.

use std::cmp::Ordering;
use std::collections::HashMap;

use indexmap::IndexMap;

/// Bytes for people: `2.13 GB`.
pub fn human(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.2} {}", units[unit])
}

/// A size in units of 1024, never less than it is: `20.1 MiB`. For what is compared with
/// `--memory`, which people give in such units.
pub fn binary(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    while value >= 1024.0 && unit + 1 < units.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{} {}", (value * 10.0).ceil() / 10.0, units[unit])
}

/// A number of things: `1 tensor`, `2 passes`, `3 batches`.
pub fn counted(count: impl TryInto<u64>, thing: &str) -> String {
    match count.try_into().unwrap_or(u64::MAX) {
        1 => format!("1 {thing}"),
        count if thing.ends_with(['s', 'h']) => format!("{count} {thing}es"),
        count => format!("{count} {thing}s"),
    }
}

/// Bytes as hexadecimal digits, as hashes are written.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares two names: runs of digits as numbers, all else byte by byte.
pub fn names_compared(mut a: &[u8], mut b: &[u8]) -> Ordering {
    loop {
        let (digits_a, digits_b) = (digits(a), digits(b));
        let order = match (digits_a.len(), digits_b.len()) {
            (0, _) | (_, 0) => match (a.split_first(), b.split_first()) {
                (Some((x, rest_a)), Some((y, rest_b))) => {
                    (a, b) = (rest_a, rest_b);
                    x.cmp(y)
                }
                (x, y) => return x.cmp(&y),
            },
            (len_a, len_b) => {
                (a, b) = (&a[len_a..], &b[len_b..]);
                let [x, y] = [digits_a, digits_b].map(without_zeros);
                x.len().cmp(&y.len()).then_with(|| x.cmp(y))
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// The digits that a name begins with.
fn digits(name: &[u8]) -> &[u8] {
    let end = name.iter().position(|byte| !byte.is_ascii_digit());
    &name[..end.unwrap_or(name.len())]
}

fn without_zeros(digits: &[u8]) -> &[u8] {
    let zeros = digits.iter().take_while(|digit| **digit == b'0').count();
    &digits[zeros..]
}

/// Sorts named things: those whose names differ in numbers alone stand together, by these numbers,
/// where the first of them stands.
pub fn sort_numbered<K: AsRef<str>, V>(named: &mut IndexMap<K, V>) {
    let stem = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
    let mut first: HashMap<String, usize> = HashMap::new();
    for (at, name) in named.keys().enumerate() {
        first.entry(stem(name.as_ref())).or_insert(at);
    }
    named.sort_by_cached_key(|name, _| Numbered {
        place: first.get(&stem(name.as_ref())).copied(),
        name: name.as_ref().to_owned(),
    });
}

/// A name among others, by the place of those that differ from it in numbers alone.
#[derive(PartialEq, Eq)]
struct Numbered {
    place: Option<usize>,
    name: String,
}

impl Ord for Numbered {
    fn cmp(&self, other: &Numbered) -> Ordering {
        let places = self.place.cmp(&other.place);
        places.then_with(|| names_compared(self.name.as_bytes(), other.name.as_bytes()))
    }
}

impl PartialOrd for Numbered {
    fn partial_cmp(&self, other: &Numbered) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
