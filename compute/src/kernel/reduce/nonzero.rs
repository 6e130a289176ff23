//! Which entries of a value are the largest, of a share of those that are not zero.
//!
//! A first pass counts the entries that are not zero; then the search is that for so many.

use std::ops::Range;

use super::{Extent, Filled, Found, Largest, PassCount, Reach, Reduce, Reduction};
use crate::kernel::{
    BINS, Compute, Contradiction, Counts, Grid, Kept, Output, Row, Tally, Threshold, Ties, ValueId,
};

/// Keeps the largest: floor(share n) of the n entries that are not zero, of equal magnitudes those
/// with the lowest index.
#[derive(Clone, Copy, Debug)]
pub struct LargestNonzero {
    /// The share.
    pub share: f64,
}

impl LargestNonzero {
    fn so_many(count: u64) -> Largest {
        Largest {
            kept: Kept::Count(count),
            ties: Ties::Exact,
        }
    }
}

impl Reduce for LargestNonzero {
    fn name(&self) -> &'static str {
        "largest of those that are not zero"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.share.to_bits()]
    }

    fn outputs(&self, values: &[ValueId]) -> Vec<Output> {
        values.iter().copied().map(Output::Count).collect()
    }

    fn passes(&self, elements: u64) -> PassCount {
        let search = LargestNonzero::so_many(elements / 2).passes(elements);
        PassCount {
            least: 1,
            most: search.most.map(|most| most + 1),
            ..search
        }
    }

    fn begin(&self, extent: Extent) -> Box<dyn Reduction> {
        Box::new(Search {
            share: self.share,
            extent,
            nonzero: 0,
            largest: None,
        })
    }

    fn fill(&self, found: &Found, place: Filled, compute: Compute, row: &mut Row) {
        LargestNonzero::so_many(0).fill(found, place, compute, row);
    }
}

/// The search for a threshold.
#[derive(Debug)]
struct Search {
    share: f64,
    extent: Extent,
    /// Entries that are not zero, as far as they were counted.
    nonzero: u64,
    /// The search for so many, once all are counted.
    largest: Option<Box<dyn Reduction>>,
}

impl Reduction for Search {
    fn reach(&self) -> Option<Reach> {
        match &self.largest {
            Some(largest) => largest.reach(),
            None => Some(Reach::All),
        }
    }

    fn ask(&mut self, tallies: &mut Vec<Tally>) {
        match &mut self.largest {
            Some(largest) => largest.ask(tallies),
            None => tallies.push(Tally::Counts(Counts::new(Grid::over(1, Grid::KEY_MAX)))),
        }
    }

    fn take(&mut self, tiles: Range<u64>, tallies: &mut [Tally]) {
        match (&mut self.largest, tallies.first()) {
            (Some(largest), _) => largest.take(tiles, tallies),
            (None, Some(Tally::Counts(counts))) => {
                self.nonzero += counts.bins[..=BINS].iter().sum::<u64>();
            }
            (None, _) => {}
        }
    }

    fn end_pass(&mut self) -> Result<(), Contradiction> {
        if let Some(largest) = &mut self.largest {
            return largest.end_pass();
        }
        let count = (self.share * self.nonzero as f64) as u64;
        self.largest = Some(LargestNonzero::so_many(count).begin(self.extent));
        Ok(())
    }

    fn found(&self) -> Found {
        let unknown = Threshold {
            key: Grid::KEY_MAX,
            cutoff: u64::MAX,
        };
        let largest = self.largest.as_ref();
        largest.map_or(Found::Threshold(unknown), |largest| largest.found())
    }

    fn bytes_held(&self) -> u64 {
        self.largest.as_ref().map_or(0, |own| own.bytes_held())
    }
}
