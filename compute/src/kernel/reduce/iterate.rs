//! Scalars that an iteration finds in several passes over a tensor, on the host.

use std::ops::Range;

use super::{Extent, Filled, Found, PassCount, Reach, Reduce, Reduction, bits, put};
use crate::kernel::{Compute, Contradiction, Output, Row, Tally, ValueId};

/// An iteration over a tensor.
#[derive(Clone, Debug)]
pub struct Iterate {
    /// Begins it, from the number of values and the parameters.
    pub begin: fn(values: usize, parameters: &[f64]) -> Box<dyn Passes>,
    /// Constants of the merge.
    pub parameters: Vec<f64>,
}

/// The passes of an iteration.
pub trait Passes: std::fmt::Debug + Send {
    /// Takes the next elements of all values, in order. All calls of a pass but the last give a
    /// multiple of eight elements.
    fn take(&mut self, values: &[&[f32]]);

    /// Ends a pass over the whole tensor. The scalars, if it was the last.
    fn end(&mut self) -> Option<Vec<f64>>;
}

impl Reduce for Iterate {
    fn name(&self) -> &'static str {
        "iteration"
    }

    fn numbers(&self) -> Vec<u64> {
        let address = self.begin as usize as u64;
        [address]
            .into_iter()
            .chain(bits(&self.parameters))
            .collect()
    }

    fn outputs(&self, values: &[ValueId]) -> Vec<Output> {
        values.iter().copied().map(Output::Collect).collect()
    }

    fn passes(&self, _: u64) -> PassCount {
        PassCount {
            least: 1,
            most: None,
            sampled: 0,
        }
    }

    fn begin(&self, extent: Extent) -> Box<dyn Reduction> {
        Box::new(Iteration {
            values: extent.values,
            passes: (self.begin)(extent.values, &self.parameters),
            scalars: None,
            spare: Vec::new(),
        })
    }

    fn fill(&self, found: &Found, place: Filled, compute: Compute, row: &mut Row) {
        if let Found::Numbers(numbers) = found {
            put(numbers, place, compute, row);
        }
    }
}

#[derive(Debug)]
struct Iteration {
    values: usize,
    passes: Box<dyn Passes>,
    scalars: Option<Vec<f64>>,
    /// Lists of values that were taken, to be filled again: what is freed and asked for again is
    /// given back to the system in between.
    spare: Vec<Vec<f32>>,
}

impl Reduction for Iteration {
    fn reach(&self) -> Option<Reach> {
        self.scalars.is_none().then_some(Reach::All)
    }

    fn ask(&mut self, tallies: &mut Vec<Tally>) {
        let spare = &mut self.spare;
        let lists = (0..self.values).map(|_| spare.pop().unwrap_or_default());
        tallies.extend(lists.map(Tally::Values));
    }

    fn take(&mut self, _: Range<u64>, tallies: &mut [Tally]) {
        let lists = tallies.iter_mut().filter_map(|tally| match tally {
            Tally::Values(values) => Some(std::mem::take(values)),
            _ => None,
        });
        let lists: Vec<Vec<f32>> = lists.collect();
        self.passes
            .take(&lists.iter().map(Vec::as_slice).collect::<Vec<&[f32]>>());
        self.spare.extend(lists.into_iter().map(|mut list| {
            list.clear();
            list
        }));
    }

    fn end_pass(&mut self) -> Result<(), Contradiction> {
        self.scalars = self.passes.end();
        Ok(())
    }

    fn found(&self) -> Found {
        Found::Numbers(self.scalars.clone().unwrap_or_default())
    }

    fn bytes_held(&self) -> u64 {
        let spare = self.spare.iter().map(Vec::capacity);
        (spare.sum::<usize>() * size_of::<f32>()) as u64
    }
}
