//! Which entries of a value are the largest: the threshold that keeps exactly so many.
//!
//! A sample gives a first guess, a range that most likely holds the threshold. Where elements come
//! in order and there is memory, one pass collects the keys in the range, and the threshold is
//! picked from them; else passes count in grids that narrow. Where entries equal to the threshold
//! are not all kept, the tile in which the kept ones end is known from the keys, or looked for in a
//! stretch of the elements, and the entry is found in the tile. The result is exact whatever was
//! guessed.

use std::ops::Range;

use super::counted::{Counted, Ended};
use super::{Extent, Filled, Found, PassCount, Reach, Reduce, Reduction};
use crate::kernel::{
    Compute, Contradiction, Counts, Equals, Grid, Kept, Keys, Output, Place, Row, Selection, TILE,
    Tally, Threshold, Ties, ValueId,
};

/// Elements of a sample: one in so many, within bounds. More of them make the range narrower, and
/// so what is collected less.
const SAMPLED: u64 = 128;
const SAMPLE_MIN: u64 = 1 << 16;
const SAMPLE_MAX: u64 = 1 << 19;
/// A sample is never a larger share of the elements than one in so many.
const SAMPLE_SHARE: u64 = 8;
/// Elements of a tile that are sampled.
const TILE_SAMPLE: usize = 256;
/// Bytes of a key that is collected.
const KEY_BYTES: u64 = size_of::<u32>() as u64;
/// Keys worth collecting: one in so many elements. Beyond it counting, which needs no memory, is as
/// fast.
const COLLECTED: u64 = 8;
/// What a sample may be wrong about how many keys there are.
const MARGIN: f64 = 1.25;
/// Passes that count, at most: in the grid that was guessed, and in grids of 2^31, 2^20 and
/// 2^9 keys.
const COUNTING_PASSES: u64 = 4;

/// Keeps the largest entries.
#[derive(Clone, Copy, Debug)]
pub struct Largest {
    /// How many.
    pub kept: Kept,
    /// What happens at the threshold.
    pub ties: Ties,
}

impl Reduce for Largest {
    fn name(&self) -> &'static str {
        "largest"
    }

    fn numbers(&self) -> Vec<u64> {
        let ties = [self.ties as u64];
        self.kept.numbers().into_iter().chain(ties).collect()
    }

    fn sought(&self, among: u64) -> Vec<u64> {
        vec![self.kept.count(among), self.ties as u64]
    }

    fn outputs(&self, values: &[ValueId]) -> Vec<Output> {
        values.iter().copied().map(Output::Count).collect()
    }

    fn passes(&self, elements: u64) -> PassCount {
        let count = self.kept.count(elements);
        PassCount {
            least: u64::from(count > 0 && count < elements),
            // One that collects, and one that looks for ties.
            most: Some(2 + COUNTING_PASSES),
            sampled: match elements > SAMPLE_MIN {
                true => sample_size(elements),
                false => 0,
            },
        }
    }

    fn begin(&self, extent: Extent) -> Box<dyn Reduction> {
        let kept = self.kept.count(extent.among);
        let mut search = Search {
            selection: Selection::new(extent.elements, kept, self.ties),
            extent,
            phase: Phase::Count,
            counted: Counted::default(),
        };
        search.phase = search.first();
        Box::new(search)
    }

    fn fill(&self, found: &Found, place: Filled, _: Compute, row: &mut Row) {
        if let Found::Threshold(found) = found {
            row.put(place.first, [found.key]);
            if let Some(cutoff) = place.cutoff {
                row.cutoffs[cutoff.index()] = found.cutoff;
            }
        }
    }
}

fn sample_size(elements: u64) -> u64 {
    let size = (elements / SAMPLED).clamp(SAMPLE_MIN, SAMPLE_MAX);
    size.min(elements / SAMPLE_SHARE)
}

/// A search for a threshold.
#[derive(Debug)]
struct Search {
    selection: Selection,
    extent: Extent,
    phase: Phase,
    counted: Counted,
}

/// What the next pass is for.
#[derive(Debug)]
enum Phase {
    Sample(Vec<u32>),
    Collect(Keys),
    Count,
    /// Looks for the tile in which the kept ties end.
    Ties(Ended),
    /// Looks for the entry in the tile.
    Find {
        tile: u64,
        place: Place,
    },
    Done(Threshold),
}

impl Search {
    /// What the first pass is for.
    fn first(&self) -> Phase {
        if self.selection.grid().is_none() {
            return self.counted();
        }
        let size = sample_size(self.extent.elements).min(self.extent.room as u64 / KEY_BYTES);
        match self.collecting_all() {
            Some(keys) => Phase::Collect(keys),
            None if size >= TILE_SAMPLE as u64 => {
                // The last tile gives all that it is asked for.
                Phase::Sample(Vec::with_capacity(size as usize + TILE_SAMPLE))
            }
            None => Phase::Count,
        }
    }

    /// What collects all keys, where that is possible.
    fn collecting_all(&self) -> Option<Keys> {
        let elements = self.extent.elements;
        let few = elements <= SAMPLE_MIN && elements <= self.room();
        let all = (0, Grid::KEY_MAX);
        (self.extent.collects && few).then(|| Keys::new(all, elements, elements as usize))
    }

    /// What collects the keys in the guessed range, of which a sample says how many there are,
    /// where that is possible.
    fn collecting(&self, sample: &[u32]) -> Option<Keys> {
        let range = self.selection.guessed()?;
        let inside = sample
            .iter()
            .filter(|&&key| range.0 <= key && key <= range.1);
        let share = inside.count() as f64 / sample.len() as f64;
        let expected = (share * MARGIN * self.extent.elements as f64) as u64 + TILE as u64;
        let most = self.room().min(self.extent.elements / COLLECTED);
        let worth = self.extent.collects && expected <= most;
        worth.then(|| Keys::new(range, self.extent.elements, expected as usize))
    }

    /// Keys that may be collected.
    fn room(&self) -> u64 {
        (self.extent.room as u64 / KEY_BYTES).saturating_sub(self.extent.tiles)
    }

    /// How far sampled tiles lie from each other.
    fn stride(&self) -> u64 {
        let size = sample_size(self.extent.elements).min(self.extent.room as u64 / KEY_BYTES);
        let wanted = (size / TILE_SAMPLE as u64).max(1);
        self.extent.tiles.div_ceil(wanted).max(1)
    }

    /// What comes after the passes that counted.
    fn counted(&self) -> Phase {
        let done = Phase::Done(Threshold {
            key: self.selection.threshold(),
            cutoff: u64::MAX,
        });
        let Some(left) = self.selection.kept_ties() else {
            return done;
        };
        let bin = self.selection.last_bin();
        let ended = self.counted.ended(bin, left, self.extent.tiles);
        ended.map_or(done, Phase::Ties)
    }

    /// Picks the threshold from the keys that were collected; None where the guess was missed, or
    /// they were too many.
    fn pick(&self, mut keys: Keys) -> Option<Phase> {
        if !keys.fits() {
            return None;
        }
        let range = keys.lo..=keys.hi;
        let own = self.selection.among(range, keys.above, &keys.keys)?;
        let key = own.threshold();
        let mut equal = (0..).zip(&keys.keys).filter(|(_, other)| **other == key);
        let dropped = own.kept_ties().and_then(|kept| equal.nth(kept as usize));
        let Some((position, _)) = dropped else {
            let cutoff = u64::MAX;
            return Some(Phase::Done(Threshold { key, cutoff }));
        };
        let tile = keys.before.partition_point(|&before| before <= position) - 1;
        let inside = &keys.keys[keys.before[tile] as usize..position as usize];
        let left = inside.iter().filter(|other| **other == key).count() as u64;
        let found = None;
        Some(Phase::Find {
            tile: tile as u64,
            place: Place { key, left, found },
        })
    }
}

impl Reduction for Search {
    fn reach(&self) -> Option<Reach> {
        match &self.phase {
            Phase::Sample(_) => Some(Reach::Sample {
                stride: self.stride(),
                elements: TILE_SAMPLE,
            }),
            Phase::Collect(_) | Phase::Count => Some(Reach::All),
            Phase::Ties(Ended { tiles, .. }) => Some(Reach::Tiles {
                from: tiles.start,
                to: tiles.end,
            }),
            Phase::Find { tile, .. } => Some(Reach::Tiles {
                from: *tile,
                to: tile + 1,
            }),
            Phase::Done(_) => None,
        }
    }

    fn ask(&mut self, tallies: &mut Vec<Tally>) {
        let tally = match &mut self.phase {
            Phase::Sample(_) => {
                let all = (0, Grid::KEY_MAX);
                Tally::Keys(Keys::new(all, TILE_SAMPLE as u64, TILE_SAMPLE))
            }
            // What is collected goes on where it is.
            Phase::Collect(keys) => Tally::Keys(std::mem::take(keys)),
            Phase::Count => match self.selection.grid() {
                Some(grid) => Tally::Counts(Counts::new(grid)),
                None => Tally::Nothing,
            },
            Phase::Ties(_) => Tally::Equals(Equals {
                key: self.selection.threshold(),
                tiles: Vec::new(),
            }),
            Phase::Find { place, .. } => Tally::Place(*place),
            Phase::Done(_) => Tally::Nothing,
        };
        tallies.push(tally);
    }

    fn take(&mut self, tiles: Range<u64>, tallies: &mut [Tally]) {
        let Some(tally) = tallies.first_mut().map(std::mem::take) else {
            return;
        };
        match (tally, &mut self.phase) {
            (Tally::Keys(own), Phase::Sample(sample)) => {
                let free = sample.capacity() - sample.len();
                sample.extend(own.keys.into_iter().take(free));
            }
            (Tally::Keys(own), Phase::Collect(keys)) => *keys = own,
            (Tally::Counts(own), Phase::Count) => {
                self.counted.add(tiles, &own, &self.extent);
            }
            (Tally::Equals(own), Phase::Ties(ended)) => ended.take(tiles, &own),
            (Tally::Place(own), Phase::Find { place, .. }) => *place = own,
            _ => {}
        }
    }

    fn end_pass(&mut self) -> Result<(), Contradiction> {
        let done = Phase::Done(Threshold {
            key: self.selection.threshold(),
            cutoff: u64::MAX,
        });
        self.phase = match std::mem::replace(&mut self.phase, Phase::Count) {
            Phase::Sample(mut sample) => {
                self.selection.guess(&mut sample, self.extent.elements);
                let keys = self.collecting(&sample);
                keys.map_or(Phase::Count, Phase::Collect)
            }
            Phase::Collect(keys) => self.pick(keys).unwrap_or(Phase::Count),
            Phase::Count => {
                self.selection.feed(&self.counted.end())?;
                match self.selection.grid() {
                    Some(_) => Phase::Count,
                    None => self.counted(),
                }
            }
            Phase::Ties(Ended { tile: None, .. }) => done,
            Phase::Ties(Ended {
                tile: Some(tile),
                left,
                ..
            }) => {
                let (key, found) = (self.selection.threshold(), None);
                let place = Place { key, left, found };
                Phase::Find { tile, place }
            }
            Phase::Find { tile, place } => {
                // The element lies in this tile, whichever of its tensor's that is.
                let tile_len = TILE as u64;
                let element = |found: u64| tile * tile_len + found % tile_len;
                Phase::Done(Threshold {
                    key: place.key,
                    cutoff: place.found.map_or(u64::MAX, element),
                })
            }
            phase @ Phase::Done(_) => phase,
        };
        Ok(())
    }

    fn found(&self) -> Found {
        Found::Threshold(match &self.phase {
            Phase::Done(found) => *found,
            _ => Threshold {
                key: self.selection.threshold(),
                cutoff: u64::MAX,
            },
        })
    }

    fn bytes_held(&self) -> u64 {
        let own = match &self.phase {
            Phase::Sample(sample) => size_of_val(sample.as_slice()) as u64,
            Phase::Collect(keys) => keys.bytes_held(),
            _ => 0,
        };
        own + self.counted.bytes_held()
    }
}
