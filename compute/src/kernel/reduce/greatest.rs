//! The greatest magnitudes of values.

use std::ops::Range;

use super::{Extent, Filled, Found, PassCount, Reach, Reduce, Reduction};
use crate::kernel::{Compute, Contradiction, Output, Row, Tally, ValueId};

/// Finds the greatest magnitude of each value, as f32; NaN where one is among them.
#[derive(Clone, Copy, Debug)]
pub struct Greatest;

impl Reduce for Greatest {
    fn name(&self) -> &'static str {
        "greatest magnitudes"
    }

    fn numbers(&self) -> Vec<u64> {
        Vec::new()
    }

    fn outputs(&self, values: &[ValueId]) -> Vec<Output> {
        values.iter().copied().map(Output::Max).collect()
    }

    fn passes(&self, _: u64) -> PassCount {
        PassCount {
            least: 1,
            most: Some(1),
            sampled: 0,
        }
    }

    fn begin(&self, extent: Extent) -> Box<dyn Reduction> {
        Box::new(Search {
            greatest: vec![0; extent.values],
            done: false,
        })
    }

    fn fill(&self, found: &Found, place: Filled, _: Compute, row: &mut Row) {
        if let Found::Numbers(numbers) = found {
            // They are values of the working dtype.
            let bits = numbers.iter().map(|number| (*number as f32).to_bits());
            row.put(place.first, bits.take(place.count.into()));
        }
    }
}

/// The search for magnitudes, as f32 bits.
#[derive(Debug)]
struct Search {
    greatest: Vec<u32>,
    done: bool,
}

impl Reduction for Search {
    fn reach(&self) -> Option<Reach> {
        (!self.done).then_some(Reach::All)
    }

    fn ask(&mut self, tallies: &mut Vec<Tally>) {
        tallies.extend(self.greatest.iter().map(|_| Tally::Max(0)));
    }

    fn take(&mut self, _: Range<u64>, tallies: &mut [Tally]) {
        for (own, tally) in self.greatest.iter_mut().zip(tallies) {
            if let Tally::Max(found) = tally {
                *own = (*own).max(*found);
            }
        }
    }

    fn end_pass(&mut self) -> Result<(), Contradiction> {
        self.done = true;
        Ok(())
    }

    fn found(&self) -> Found {
        let numbers = self.greatest.iter();
        let numbers = numbers.map(|bits| f64::from(f32::from_bits(*bits)));
        Found::Numbers(numbers.collect())
    }

    fn bytes_held(&self) -> u64 {
        size_of_val(self.greatest.as_slice()) as u64
    }
}
