//! The order of checkpoints by their names.

use std::cmp::Ordering;
use std::path::{Path, PathBuf};

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

/// Compares two names: runs of digits as numbers, all else byte by byte.
fn names_compared(mut a: &[u8], mut b: &[u8]) -> Ordering {
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
