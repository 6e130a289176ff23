//! Where what an adapter makes goes.

use std::ops::Range;

/// Rows of a tensor, and which rows of what an adapter makes they get.
///
/// A module has several places where the base keeps its parts in another order, or apart. A change
/// that needs the whole weight ([`needs_whole`](crate::adapter::Change::needs_whole)) is given the
/// rows of all of them then, in the order of [`Place::from`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The tensor of the base.
    pub key: String,
    /// Its rows, places of the first dimension.
    pub rows: Range<u64>,
    /// The first row of what is made for them. Where the places of a module are one tensor's
    /// halves, exchanged, it is not the same as the first of [`Place::rows`].
    pub from: u64,
    /// The shape of all that is made: of the rows that the adapter's module has.
    pub shape: Vec<u64>,
}

/// Which rows of a tensor are those of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All.
    All,
    /// One of three equal parts.
    Third(u64),
    /// So many times as many rows as the weight has columns, behind so many times as many.
    Hidden {
        /// How many times as many lie before.
        from: u64,
        /// How many times as many they are; all the rest for None.
        count: Option<u64>,
    },
    /// All, but its halves are exchanged.
    Swapped,
    /// As [`Part::Swapped`] in the last block, which has no output for its context; else all.
    SwappedInLast,
}

impl Part {
    /// The part of another part that this one is, both being parts of one module.
    pub(super) fn within(self, other: Part) -> Option<Part> {
        match (self, other) {
            (part, Part::All) => Some(part),
            (
                Part::Hidden { from, count },
                Part::Hidden {
                    from: start,
                    count: all,
                },
            ) if start <= from => {
                let is_inside = match (count, all) {
                    (_, None) => true,
                    (Some(count), Some(all)) => from + count <= start + all,
                    (None, Some(_)) => false,
                };
                is_inside.then_some(Part::Hidden {
                    from: from - start,
                    count,
                })
            }
            _ => None,
        }
    }

    /// The first row that a base's tensor has in the module that it is a part of.
    pub(super) fn start(self, rows: u64, columns: u64) -> u64 {
        match self {
            Part::Third(number) => rows.saturating_mul(number),
            Part::Hidden { from, .. } => columns.saturating_mul(from),
            Part::All | Part::Swapped | Part::SwappedInLast => 0,
        }
    }

    /// The places of a module in a tensor; none where the rows do not divide so.
    pub(super) fn places(
        self,
        key: &str,
        shape: &[u64],
        columns: u64,
        is_last: bool,
    ) -> Vec<Place> {
        let Some((&all, rest)) = shape.split_first() else {
            return vec![place(key, 0..1, 0, shape.to_vec())];
        };
        let made = |rows: u64| [&[rows], rest].concat();
        let one = |rows: Range<u64>| {
            let count = rows.end - rows.start;
            vec![place(key, rows, 0, made(count))]
        };
        match self {
            Part::SwappedInLast if !is_last => one(0..all),
            Part::All => one(0..all),
            Part::Third(number) if all.is_multiple_of(3) => {
                let third = all / 3;
                one(number * third..(number + 1) * third)
            }
            Part::Hidden { from, count } => {
                let start = columns.saturating_mul(from);
                let rows = |count: u64| columns.saturating_mul(count).saturating_add(start);
                let end = count.map_or(all, rows);
                if start < end && end <= all {
                    one(start..end)
                } else {
                    Vec::new()
                }
            }
            Part::Swapped | Part::SwappedInLast if all.is_multiple_of(2) => {
                let half = all / 2;
                vec![
                    place(key, 0..half, half, made(all)),
                    place(key, half..all, 0, made(all)),
                ]
            }
            _ => Vec::new(),
        }
    }
}

fn place(key: &str, rows: Range<u64>, from: u64, shape: Vec<u64>) -> Place {
    Place {
        key: key.to_owned(),
        rows,
        from,
        shape,
    }
}
