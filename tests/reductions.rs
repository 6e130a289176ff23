//! A statistic is one file: here is one that the library does not have, on every backend.

mod scopes;

use std::ops::Range;
use std::sync::Arc;

use wgmerge::dtype::Float;
use wgmerge::kernel::reduce::{Extent, Filled, Found, PassCount, Reach, Reduce, Reduction};
use wgmerge::kernel::{
    Compute, Contradiction, Entry, Expression, Formula, Measure, Measures, Output, Row, Scope,
    TILE, Tally, ValueId,
};

use crate::support::backends::for_each_backend;
use crate::support::cases::{Elements, elements};
use crate::support::models::values;
use crate::support::reduce::settle;

/// By how much values must be scaled so that none is larger than a limit.
#[derive(Debug)]
struct Headroom {
    limit: f64,
}

impl Reduce for Headroom {
    fn name(&self) -> &'static str {
        "headroom"
    }

    fn numbers(&self) -> Vec<u64> {
        vec![self.limit.to_bits()]
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
        Box::new(Peaks {
            values: extent.values,
            peak: 0,
            is_done: false,
        })
    }

    fn fill(&self, found: &Found, place: Filled, compute: Compute, row: &mut Row) {
        if let Found::Numbers(peak) = found {
            row.put(place.first, [compute.scalar(self.limit / peak[0])]);
        }
    }
}

/// The largest magnitude of some values.
#[derive(Debug)]
struct Peaks {
    values: usize,
    peak: u32,
    is_done: bool,
}

impl Reduction for Peaks {
    fn reach(&self) -> Option<Reach> {
        (!self.is_done).then_some(Reach::All)
    }

    fn ask(&mut self, tallies: &mut Vec<Tally>) {
        tallies.extend((0..self.values).map(|_| Tally::Max(0)));
    }

    fn take(&mut self, _: Range<u64>, tallies: &mut [Tally]) {
        for tally in tallies {
            if let Tally::Max(own) = tally {
                self.peak = self.peak.max(*own);
            }
        }
    }

    fn end_pass(&mut self) -> Result<(), Contradiction> {
        self.is_done = true;
        Ok(())
    }

    fn found(&self) -> Found {
        Found::Numbers(vec![f32::from_bits(self.peak).into()])
    }

    fn bytes_held(&self) -> u64 {
        0
    }
}

#[test]
fn a_new_statistic_is_found_on_every_backend() {
    let mut e = Expression::new(Compute::F32);
    let x = e.load(0.into(), Float::F32, Entry::Checked);
    let scale = e.reduced(&[x], Arc::new(Headroom { limit: 6.0 }), 1);
    assert_eq!(scale.len(), 1);
    assert_eq!(e.levels(&[x]), Vec::<Vec<_>>::new());
    let statistic = e.statistics()[0].clone();
    assert!(statistic.scope == Scope::Tensor && !statistic.needs_host());
    let program = e.program(&[x], |values| statistic.reduce.outputs(values));
    let row = e.into_parts().row;
    for len in [1, 3, TILE, 5 * TILE + 7, 40 * TILE - 1] {
        let bytes = elements(Float::F32, Elements::Tame, len, &mut 1);
        let words = bytes.as_chunks::<4>().0.iter();
        let x: Vec<f32> = words.map(|word| f32::from_le_bytes(*word)).collect();
        let peak = x.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
        for_each_backend(|backend, executor| {
            let extent = Extent {
                values: 1,
                tiles: len.div_ceil(TILE) as u64,
                elements: len as u64,
                among: len as u64,
                room: 0,
                collects: false,
            };
            let mut reductions = [statistic.reduce.begin(extent)];
            let passes = settle(executor, &program, &x, 3, &mut reductions);
            assert_eq!(passes, 1);
            let mut row = row.clone();
            let found = reductions[0].found();
            statistic.fill(&found, 0, Compute::F32, &mut row);
            let expected = (6.0 / f64::from(peak)) as f32;
            assert_eq!(row.scalars, [expected.to_bits()], "{len} on {backend}");
        });
    }
}

/// What is to be found of two lists of numbers, in the order of a pair's numbers.
fn pair_of(x: &[f32], y: &[f32]) -> (Vec<f64>, [f64; 4]) {
    let pairs: Vec<(f64, f64)> = x
        .iter()
        .zip(y)
        .map(|(x, y)| (f64::from(*x), f64::from(*y)))
        .collect();
    let sum = |f: fn(f64, f64) -> f64| pairs.iter().map(|(x, y)| f(*x, *y)).sum();
    let count = |f: fn(f64, f64) -> bool| pairs.iter().filter(|(x, y)| f(*x, *y)).count() as f64;
    let apart = |at: usize| (y[at] - x[at]).abs();
    let mut greatest = 0;
    for at in 0..x.len() {
        greatest = if apart(at) > apart(greatest) {
            at
        } else {
            greatest
        };
    }
    let sums = [
        sum(|x, _| x * x),
        sum(|_, y| y * y),
        sum(|x, y| x * y),
        sum(|x, y| (y - x) * (y - x)),
    ];
    let others = [
        count(|x, y| x * y > 0.0),
        count(|x, y| x * y < 0.0),
        count(|x, y| x != y),
        f64::from(apart(greatest)),
        greatest as f64,
    ];
    (others.to_vec(), sums)
}

#[test]
fn measures_are_sums_counts_and_pairs_on_every_backend() {
    let mut x = values(20 * TILE + 77, 3, 0);
    let most = x.iter().map(|x| x.abs()).fold(0.0, f32::max);
    // Two of the same difference: the first counts.
    x[19 * TILE] = -2.0 * most;
    x[19 * TILE + 5] = -2.0 * most;
    x[7] = 0.0;
    let mut e = Expression::new(Compute::F32);
    let value = e.load(0.into(), Float::F32, Entry::Checked);
    let present = e.call(Formula::Presence, &[value.into(), value.into()]);
    let size = e.call(Formula::Magnitude, &[value.into()]);
    let measures = Measures(vec![Measure::Sum, Measure::Counts, Measure::Pair]);
    let program = e.program(&[value, present, value, size], |values| {
        measures.outputs(values)
    });
    let sum: f64 = x.iter().map(|x| f64::from(*x)).sum();
    let sizes: Vec<f32> = x.iter().map(|x| x.abs()).collect();
    let total: f64 = sizes.iter().map(|x| f64::from(*x)).sum();
    let present = x.iter().filter(|x| **x != 0.0).count() as f64;
    let (others, sums) = pair_of(&x, &sizes);
    let mut known: Option<Found> = None;
    for_each_backend(|name, executor| {
        for tiles in [1, 6, 64] {
            let mut reduction = [measures.begin(Extent {
                values: 4,
                tiles: x.len().div_ceil(TILE) as u64,
                elements: x.len() as u64,
                among: x.len() as u64,
                room: 0,
                collects: false,
            })];
            let passes = settle(executor, &program, &x, tiles, &mut reduction);
            assert_eq!(passes, 2, "{name}");
            let found = reduction[0].found();
            let Found::Numbers(numbers) = &found else {
                panic!("{name}: {found:?}")
            };
            let near = |found: f64, expected: f64, scale: f64| {
                assert!((found - expected).abs() <= 1e-6 * scale, "{name}: {found}");
            };
            near(numbers[0], sum, total);
            assert_eq!(numbers[1..5], [present, present, 0.0, 0.0], "{name}");
            for (found, expected) in numbers[5..9].iter().zip(sums) {
                near(*found, expected, sums[0].max(sums[3]));
            }
            assert_eq!(numbers[9..], others, "{name}");
            assert_eq!(*known.get_or_insert_with(|| found.clone()), found, "{name}");
        }
    });
}
