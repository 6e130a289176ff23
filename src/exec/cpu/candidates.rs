//! Exact selection in one scan: the keys among which the threshold most likely is are collected,
//! chunk by chunk, and the threshold is picked from them.

use super::{Level, count};
use crate::kernel::{Selection, TILE, Ties};

/// The keys collected for the selections of one tensor, one per value of a counting Program.
#[derive(Debug)]
pub struct Candidates {
    searches: Vec<Option<Search>>,
    max: usize,
}

/// What a scan found for one selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// The smallest kept magnitude, as f32 bits.
    pub key: u32,
    /// Where the entries of that magnitude that are kept end, or None where all are.
    pub end: Option<End>,
}

/// The first entry equal to a threshold that is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The number of its tile in the tensor.
    pub tile: u64,
    /// How many entries equal to the threshold there are before it in the tile.
    pub rank: u64,
}

#[derive(Debug)]
struct Search {
    lo: u32,
    hi: u32,
    k: u64,
    ties: Ties,
    above: u64,
    /// The keys in `lo..=hi`, in index order.
    keys: Vec<u32>,
    /// How many keys there were before each tile.
    before: Vec<u32>,
}

impl Candidates {
    /// Collects for selections over `elements` that have a guess, up to `max` keys for all of them
    /// together, the notes on their tiles included.
    pub fn new(selections: &[Selection], elements: u64, max: usize) -> Candidates {
        let tiles = usize::try_from(elements.div_ceil(TILE as u64)).unwrap_or(usize::MAX);
        let max = (max / selections.len().max(1)).saturating_sub(tiles);
        // No list grows: what would be moved might be held twice.
        let room = max.min(usize::try_from(elements).unwrap_or(max)) + 2 * TILE + 16;
        let searches: Vec<Option<Search>> = selections
            .iter()
            .map(|selection| {
                let (lo, hi, k, ties) = selection.guessed()?;
                if max == 0 {
                    return None;
                }
                let (keys, before) = (Vec::with_capacity(room), Vec::with_capacity(tiles));
                Some(Search {
                    lo,
                    hi,
                    k,
                    ties,
                    above: 0,
                    keys,
                    before,
                })
            })
            .collect();
        Candidates { max, searches }
    }

    /// Whether nothing is left to collect: no guesses, or too many keys for each.
    pub fn is_idle(&self) -> bool {
        self.searches.iter().all(Option::is_none)
    }

    /// Takes the next tile of a value. More keys than fit end that value's search.
    pub(super) fn take(&mut self, level: Level, value: usize, plane: &[u32]) {
        let Some(search) = &mut self.searches[value] else {
            return;
        };
        // There are at most as many as a lane has memory for, far fewer than 2^32.
        search.before.push(search.keys.len() as u32);
        search.above += count::collect(level, plane, search.lo, search.hi, &mut search.keys);
        if search.keys.len() > self.max {
            self.searches[value] = None;
        }
    }

    /// The result of each selection, after all tiles in order; None where the guess was missed or
    /// too many keys were inside. Counting finds those.
    pub fn finish(self) -> Vec<Option<Found>> {
        let searches = self.searches.into_iter();
        searches.map(|search| search?.finish()).collect()
    }
}

impl Search {
    fn finish(self) -> Option<Found> {
        let rank = usize::try_from(self.k.checked_sub(self.above + 1)?).ok()?;
        if rank >= self.keys.len() {
            return None;
        }
        let mut sorted = self.keys.clone();
        let (larger, &mut key, _) = sorted.select_nth_unstable_by(rank, |a, b| b.cmp(a));
        let kept = larger.iter().filter(|other| **other == key).count() + 1;
        let mut equal = self
            .keys
            .iter()
            .enumerate()
            .filter(|(_, other)| **other == key);
        let all = self.ties == Ties::Keep || key == 0;
        let Some((position, _)) = equal.nth(kept).filter(|_| !all) else {
            return Some(Found { key, end: None });
        };
        let tile = self
            .before
            .partition_point(|&before| before as usize <= position)
            - 1;
        let inside = &self.keys[self.before[tile] as usize..position];
        let rank = inside.iter().filter(|other| **other == key).count() as u64;
        Some(Found {
            key,
            end: Some(End {
                tile: tile as u64,
                rank,
            }),
        })
    }
}
