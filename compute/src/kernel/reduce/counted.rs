//! What a pass of a selection counts, and where the ties end that it keeps.

use std::ops::Range;

use super::Extent;
use crate::kernel::{BINS, Counts, Equals};

/// Stretches of the elements for which the last counts are kept apart.
const STRETCHES: usize = 32;

/// What a pass counts.
#[derive(Debug, Default)]
pub(super) struct Counted {
    /// One count per bin, and what lies above.
    counts: Vec<u64>,
    /// In grids of single magnitudes the same for stretches of the elements, without what lies
    /// above: so that the end of ties is looked for in one of them.
    stretches: Vec<Stretch>,
}

/// Some of the elements, with what was counted of them.
#[derive(Debug)]
struct Stretch {
    /// Its tiles, as far as they were seen.
    tiles: Option<Range<u64>>,
    bins: Vec<u64>,
}

/// Where kept ties end.
#[derive(Debug)]
pub(super) struct Ended {
    /// The tiles in which they do.
    pub(super) tiles: Range<u64>,
    /// How many are kept of those from there on.
    pub(super) left: u64,
    /// The tile, once it is known.
    pub(super) tile: Option<u64>,
}

impl Counted {
    fn begin(&mut self, counts: &Counts, room: usize) {
        self.counts.resize(BINS + 1, 0);
        self.stretches.clear();
        let grids = room / (size_of::<u64>() * (BINS + 1));
        let most = grids.saturating_sub(1).min(STRETCHES);
        if counts.grid.shift == 0 && most > 1 {
            self.stretches.extend((0..most).map(|_| Stretch {
                tiles: None,
                bins: vec![0; BINS],
            }));
        }
    }

    /// Adds what was counted of some tiles.
    pub(super) fn add(&mut self, tiles: Range<u64>, counts: &Counts, extent: &Extent) {
        if self.counts.is_empty() {
            self.begin(counts, extent.room);
        }
        add(&mut self.counts, &counts.bins);
        let place = u128::from(tiles.start) * self.stretches.len() as u128;
        let place = place / u128::from(extent.tiles.max(1));
        if let Some(stretch) = self.stretches.get_mut(place as usize) {
            add(&mut stretch.bins, &counts.bins[..BINS]);
            stretch.tiles = Some(match &stretch.tiles {
                None => tiles,
                Some(known) => known.start.min(tiles.start)..known.end.max(tiles.end),
            });
        }
    }

    /// Ends a pass: what was counted of all elements.
    pub(super) fn end(&mut self) -> Vec<u64> {
        let mut counts = std::mem::take(&mut self.counts);
        // Of no elements nothing was.
        counts.resize(BINS + 1, 0);
        counts
    }

    /// Where the first `left` of the magnitudes in a bin end, among so many tiles; None where they
    /// are all.
    pub(super) fn ended(&self, bin: Option<usize>, mut left: u64, tiles: u64) -> Option<Ended> {
        let (Some(bin), false) = (bin, self.stretches.is_empty()) else {
            return Some(Ended::among(0..tiles, left));
        };
        for stretch in &self.stretches {
            if stretch.bins[bin] > left {
                let seen = stretch.tiles.clone();
                return Some(Ended::among(seen.unwrap_or(0..tiles), left));
            }
            left -= stretch.bins[bin];
        }
        None
    }

    pub(super) fn bytes_held(&self) -> u64 {
        let stretches = self.stretches.iter().map(|stretch| stretch.bins.len());
        let counts = self.counts.len() + stretches.sum::<usize>();
        (counts * size_of::<u64>()) as u64
    }
}

impl Ended {
    fn among(tiles: Range<u64>, left: u64) -> Ended {
        let tile = None;
        Ended { tiles, left, tile }
    }

    /// Takes how many ties the tiles that follow have.
    pub(super) fn take(&mut self, tiles: Range<u64>, equals: &Equals) {
        for (tile, equal) in tiles.zip(&equals.tiles) {
            let equal = u64::from(*equal);
            if self.tile.is_some() {
                return;
            }
            match equal > self.left {
                true => self.tile = Some(tile),
                false => self.left -= equal,
            }
        }
    }
}

fn add(all: &mut [u64], counts: &[u64]) {
    all.iter_mut().zip(counts).for_each(|(a, b)| *a += b);
}
