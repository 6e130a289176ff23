//! Sums over a tensor, turned into scalars.

use std::ops::Range;

use super::{Extent, Filled, Found, PassCount, Reach, Reduce, Reduction, bits, put};
use crate::kernel::{Compute, Contradiction, Output, Row, Tally, ValueId};

/// Turns sums over a tensor into scalars, on the host in f64.
#[derive(Clone, Debug)]
pub struct Derive {
    /// From the sums and the parameters to the scalars.
    pub function: fn(sums: &[f64], parameters: &[f64]) -> Vec<f64>,
    /// Constants of the merge.
    pub parameters: Vec<f64>,
}

impl Derive {
    /// What it is, bit for bit.
    pub(in crate::kernel) fn numbers(&self) -> Vec<u64> {
        let address = self.function as usize as u64;
        [address]
            .into_iter()
            .chain(bits(&self.parameters))
            .collect()
    }
}

/// Scalars that are derived from the sums of values.
#[derive(Clone, Debug)]
pub struct Sums(pub Derive);

impl Reduce for Sums {
    fn name(&self) -> &'static str {
        "sums"
    }

    fn numbers(&self) -> Vec<u64> {
        self.0.numbers()
    }

    fn sought(&self, _: u64) -> Vec<u64> {
        // Whatever is derived of them.
        Vec::new()
    }

    fn outputs(&self, values: &[ValueId]) -> Vec<Output> {
        values.iter().copied().map(Output::Sum).collect()
    }

    fn passes(&self, _: u64) -> PassCount {
        PassCount {
            least: 1,
            most: Some(1),
            sampled: 0,
        }
    }

    fn begin(&self, extent: Extent) -> Box<dyn Reduction> {
        Box::new(Totals {
            sums: vec![0.0; extent.values],
            is_done: false,
        })
    }

    fn fill(&self, found: &Found, place: Filled, compute: Compute, row: &mut Row) {
        if let Found::Numbers(sums) = found {
            let numbers = (self.0.function)(sums, &self.0.parameters);
            put(&numbers, place, compute, row);
        }
    }
}

/// Sums of tiles, added in f64 in index order.
#[derive(Debug)]
struct Totals {
    sums: Vec<f64>,
    is_done: bool,
}

impl Reduction for Totals {
    fn reach(&self) -> Option<Reach> {
        (!self.is_done).then_some(Reach::All)
    }

    fn ask(&mut self, tallies: &mut Vec<Tally>) {
        tallies.extend(self.sums.iter().map(|_| Tally::Sums(Vec::new())));
    }

    fn take(&mut self, _: Range<u64>, tallies: &mut [Tally]) {
        for (total, tally) in self.sums.iter_mut().zip(tallies) {
            if let Tally::Sums(tiles) = tally {
                tiles.iter().for_each(|tile| *total += f64::from(*tile));
            }
        }
    }

    fn end_pass(&mut self) -> Result<(), Contradiction> {
        self.is_done = true;
        Ok(())
    }

    fn found(&self) -> Found {
        Found::Numbers(self.sums.clone())
    }

    fn bytes_held(&self) -> u64 {
        size_of_val(self.sums.as_slice()) as u64
    }
}
