//! What is told of values rather than computed with: sums in f64, counts, the greatest magnitude
//! and where it is.

use std::ops::Range;

use super::{Extent, Filled, Found, PassCount, Reach, Reduce, Reduction};
use crate::kernel::{Compute, Contradiction, Output, Place, Row, TILE, Tally, ValueId};

/// What is measured of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Its sum: one number.
    Sum,
    /// How often it holds each of two conditions, of which the first counts 1 and the second
    /// [`Measure::SECOND`]: two numbers.
    Counts,
    /// Its greatest magnitude and the first element that has it, NaN where all are zero: two
    /// numbers.
    Greatest,
}

impl Measure {
    /// What the second of two conditions counts: more than a tile has elements.
    pub const SECOND: u32 = 2 * TILE as u32;

    /// How many numbers it gives.
    pub fn numbers(self) -> usize {
        match self {
            Measure::Sum => 1,
            Measure::Counts | Measure::Greatest => 2,
        }
    }
}

/// Measures of values, one of each.
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

    fn output(&self, at: usize, value: ValueId) -> Output {
        match self.0.get(at) {
            Some(Measure::Greatest) => Output::Max(value),
            _ => Output::Sum(value),
        }
    }

    fn passes(&self, _: u64) -> PassCount {
        PassCount {
            least: 1,
            // The second looks for elements in a part.
            most: Some(2),
            sampled: 0,
        }
    }

    fn begin(&self, _: Extent) -> Box<dyn Reduction> {
        let own = self.0.iter().map(|measure| Measured {
            measure: *measure,
            numbers: [0.0; 2],
            key: 0,
            tiles: 0..0,
            element: None,
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
    /// Sums and magnitudes.
    All,
    /// Looks where the greatest of this value is.
    Find(usize),
    Done,
}

/// What is known of a value.
#[derive(Debug)]
struct Measured {
    measure: Measure,
    numbers: [f64; 2],
    /// Its greatest magnitude, and the tiles of the part that first had it.
    key: u32,
    tiles: Range<u64>,
    element: Option<u64>,
}

impl Measured {
    fn take(&mut self, tiles: &Range<u64>, tally: &Tally) {
        match (self.measure, tally) {
            (Measure::Sum, Tally::Sums(sums)) => {
                sums.iter()
                    .for_each(|tile| self.numbers[0] += f64::from(*tile));
            }
            (Measure::Counts, Tally::Sums(sums)) => {
                for tile in sums {
                    // Exact: whole numbers below 2^24.
                    let both = *tile as u32;
                    self.numbers[0] += f64::from(both % Measure::SECOND);
                    self.numbers[1] += f64::from(both / Measure::SECOND);
                }
            }
            (Measure::Greatest, Tally::Max(key)) if *key > self.key => {
                (self.key, self.tiles) = (*key, tiles.clone());
            }
            (Measure::Greatest, Tally::Place(place)) => {
                self.element = self.element.or(place.found);
            }
            _ => {}
        }
    }
}

#[derive(Debug)]
struct Measuring {
    values: Vec<Measured>,
    phase: Phase,
}

impl Measuring {
    /// The next value from a number on whose greatest is to be looked for.
    fn find_from(&self, from: usize) -> Phase {
        let mut values = self.values.iter().enumerate().skip(from);
        let found = values.find(|(_, own)| own.key > 0);
        found.map_or(Phase::Done, |(at, _)| Phase::Find(at))
    }
}

impl Reduction for Measuring {
    fn reach(&self) -> Option<Reach> {
        match self.phase {
            Phase::All => Some(Reach::All),
            Phase::Find(at) => {
                let Range { start, end } = self.values[at].tiles;
                Some(Reach::Tiles {
                    from: start,
                    to: end,
                })
            }
            Phase::Done => None,
        }
    }

    fn ask(&mut self, tallies: &mut Vec<Tally>) {
        let phase = self.phase;
        tallies.extend(self.values.iter().enumerate().map(|(at, own)| {
            match (phase, own.measure) {
                (Phase::All, Measure::Greatest) => Tally::Max(0),
                (Phase::All, _) => Tally::Sums(Vec::new()),
                (Phase::Find(sought), _) if sought == at => Tally::Place(Place {
                    key: own.key,
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
            Phase::Find(at) if self.values[at].element.is_none() => return Err(Contradiction),
            Phase::Find(at) => self.find_from(at + 1),
            Phase::Done => Phase::Done,
        };
        Ok(())
    }

    fn found(&self) -> Found {
        let numbers = self.values.iter().flat_map(|own| match own.measure {
            Measure::Sum => vec![own.numbers[0]],
            Measure::Counts => own.numbers.to_vec(),
            Measure::Greatest => vec![
                f64::from(f32::from_bits(own.key)),
                own.element.map_or(f64::NAN, |element| element as f64),
            ],
        });
        Found::Numbers(numbers.collect())
    }

    fn bytes_held(&self) -> u64 {
        size_of_val(self.values.as_slice()) as u64
    }
}
