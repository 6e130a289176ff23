//! What is told of values rather than computed with: sums in f64, counts, and how two compare.

use std::ops::Range;

use super::{Extent, Filled, Found, PassCount, Reach, Reduce, Reduction};
use crate::kernel::{Compute, Contradiction, Output, Place, Row, TILE, Tally, TilePair, ValueId};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// The sum of a value: one number.
    Sum,
    /// How often a value holds each of two conditions, of which the first counts 1 and the second
    /// [`Measure::SECOND`]: two numbers.
    Counts,
    /// How two values compare: how many elements of each are infinite or NaN; then of the others
    /// the sums of the squares of each, of their products and of the squares of their difference,
    /// how many have the same sign, opposite ones, and differ; last the greatest magnitude of the
    /// second minus the first and the first element that has it, NaN where they are the same.
    Pair,
}

impl Measure {
    /// What the second of two conditions counts: more than a tile has elements.
    pub const SECOND: u32 = 2 * TILE as u32;

    /// How many values it is of.
    pub fn values(self) -> usize {
        match self {
            Measure::Sum | Measure::Counts => 1,
            Measure::Pair => 2,
        }
    }

    /// How many numbers it gives.
    pub fn numbers(self) -> usize {
        match self {
            Measure::Sum => 1,
            Measure::Counts => 2,
            Measure::Pair => TOTALS + 2,
        }
    }
}

/// Numbers of a pair that are added.
const TOTALS: usize = 9;

/// Measures of values, in their order.
#[derive(Clone, Debug)]
pub struct Measures(pub Vec<Measure>);

/// Scalars that hold a number: the two halves of an f64.
const WORDS: usize = 2;

impl Measures {
    /// How many scalars the numbers take.
    pub fn scalars(&self) -> usize {
        let numbers = self.0.iter().map(|own| own.numbers());
        numbers.sum::<usize>() * WORDS
    }

    /// The numbers that were put at a place of a row.
    pub fn found_in(place: Filled, row: &Row) -> Vec<f64> {
        let scalars = row.scalars[place.first.index()..].iter();
        let words: Vec<u32> = scalars.take(place.count.into()).copied().collect();
        let pairs = words.as_chunks::<WORDS>().0.iter();
        let number = |[low, high]: &[u32; WORDS]| u64::from(*low) | u64::from(*high) << 32;
        pairs.map(|pair| f64::from_bits(number(pair))).collect()
    }
}

impl Reduce for Measures {
    fn name(&self) -> &'static str {
        "measures"
    }

    fn numbers(&self) -> Vec<u64> {
        self.0.iter().map(|own| *own as u64).collect()
    }

    fn outputs(&self, values: &[ValueId]) -> Vec<Output> {
        let mut from = 0;
        let outputs = self.0.iter().map(|measure| {
            let of = &values[from..][..measure.values()];
            from += of.len();
            match *of {
                [one, other] => Output::Pair([one, other]),
                _ => Output::Sum(of[0]),
            }
        });
        outputs.collect()
    }

    fn passes(&self, _: u64) -> PassCount {
        PassCount {
            least: 1,
            // The second looks for an element in a tile.
            most: Some(2),
            sampled: 0,
        }
    }

    fn begin(&self, _: Extent) -> Box<dyn Reduction> {
        let own = self.0.iter().map(|measure| Measured {
            measure: *measure,
            totals: [0.0; TOTALS],
            greatest: Greatest::default(),
        });
        Box::new(Measuring {
            values: own.collect(),
            phase: Phase::All,
        })
    }

    fn fill(&self, found: &Found, place: Filled, _: Compute, row: &mut Row) {
        if let Found::Numbers(numbers) = found {
            let bits = numbers.iter().map(|number| number.to_bits());
            let words = bits.flat_map(|bits| [bits as u32, (bits >> 32) as u32]);
            row.put(place.first, words.take(place.count.into()));
        }
    }
}

/// What the next pass is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// All that is added, and magnitudes.
    All,
    /// Looks where the greatest difference of this measure is.
    Find(usize),
    Done,
}

/// What is known of a measure.
#[derive(Debug)]
struct Measured {
    measure: Measure,
    /// What is added, the first of them all that some measures have.
    totals: [f64; TOTALS],
    greatest: Greatest,
}

/// The greatest difference: its magnitude as f32 bits, the first tile that has it, and the element
/// in it.
#[derive(Debug, Default)]
struct Greatest {
    key: u32,
    tile: u64,
    element: Option<u64>,
}

impl Measured {
    fn take(&mut self, tiles: &Range<u64>, tally: &Tally) {
        match tally {
            Tally::Sums(sums) if self.measure == Measure::Counts => {
                for tile in sums {
                    // Exact: whole numbers below 2^24.
                    let both = *tile as u32;
                    self.totals[0] += f64::from(both % Measure::SECOND);
                    self.totals[1] += f64::from(both / Measure::SECOND);
                }
            }
            Tally::Sums(sums) => sums
                .iter()
                .for_each(|tile| self.totals[0] += f64::from(*tile)),
            Tally::Pairs(pairs) => {
                for (tile, pair) in tiles.clone().zip(pairs) {
                    self.add(tile, pair);
                }
            }
            Tally::Place(place) => {
                self.greatest.element = self.greatest.element.or(place.found);
            }
            _ => {}
        }
    }

    /// Adds what was found of a tile of two values.
    fn add(&mut self, tile: u64, pair: &TilePair) {
        let TilePair { sums, flaws, .. } = pair;
        let counts = [pair.same_sign, pair.opposite_sign, pair.different];
        let own = flaws.iter().map(|count| f64::from(*count));
        let own = own.chain(sums.iter().map(|sum| f64::from(*sum)));
        let own = own.chain(counts.map(f64::from));
        self.totals
            .iter_mut()
            .zip(own)
            .for_each(|(total, own)| *total += own);
        if pair.greatest > self.greatest.key {
            (self.greatest.key, self.greatest.tile) = (pair.greatest, tile);
        }
    }

    /// Its numbers.
    fn numbers(&self) -> Vec<f64> {
        let mut numbers = self.totals.to_vec();
        let Greatest { key, element, .. } = self.greatest;
        let place = element.map_or(f64::NAN, |element| element as f64);
        numbers.extend([f64::from(f32::from_bits(key)), place]);
        numbers.truncate(self.measure.numbers());
        numbers
    }
}

#[derive(Debug)]
struct Measuring {
    values: Vec<Measured>,
    phase: Phase,
}

impl Measuring {
    /// The next measure from a number on whose greatest difference is to be looked for.
    fn find_from(&self, from: usize) -> Phase {
        let mut values = self.values.iter().enumerate().skip(from);
        let found = values.find(|(_, own)| own.greatest.key > 0);
        found.map_or(Phase::Done, |(at, _)| Phase::Find(at))
    }
}

impl Reduction for Measuring {
    fn reach(&self) -> Option<Reach> {
        match self.phase {
            Phase::All => Some(Reach::All),
            Phase::Find(at) => {
                let from = self.values[at].greatest.tile;
                Some(Reach::Tiles { from, to: from + 1 })
            }
            Phase::Done => None,
        }
    }

    fn ask(&mut self, tallies: &mut Vec<Tally>) {
        let phase = self.phase;
        tallies.extend(self.values.iter().enumerate().map(|(at, own)| {
            match (phase, own.measure) {
                (Phase::All, Measure::Pair) => Tally::Pairs(Vec::new()),
                (Phase::All, _) => Tally::Sums(Vec::new()),
                (Phase::Find(sought), _) if sought == at => Tally::Place(Place {
                    key: own.greatest.key,
                    left: 0,
                    found: None,
                }),
                _ => Tally::Nothing,
            }
        }));
    }

    fn take(&mut self, tiles: Range<u64>, tallies: &mut [Tally]) {
        for (own, tally) in self.values.iter_mut().zip(tallies) {
            own.take(&tiles, tally);
        }
    }

    fn end_pass(&mut self) -> Result<(), Contradiction> {
        self.phase = match self.phase {
            Phase::All => self.find_from(0),
            Phase::Find(at) if self.values[at].greatest.element.is_none() => {
                return Err(Contradiction);
            }
            Phase::Find(at) => self.find_from(at + 1),
            Phase::Done => Phase::Done,
        };
        Ok(())
    }

    fn found(&self) -> Found {
        let numbers = self.values.iter().flat_map(Measured::numbers);
        Found::Numbers(numbers.collect())
    }

    fn bytes_held(&self) -> u64 {
        size_of_val(self.values.as_slice()) as u64
    }
}
