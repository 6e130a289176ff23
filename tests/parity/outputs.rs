//! What Programs make of their values besides storing them.

use super::{LENGTHS, case, compare, products, statistics};
use wgmerge::dtype::Float;
use wgmerge::kernel::{Compute, Grid, OnOverflow, Output, ValueId};

#[test]
fn sums_in_every_working_dtype() {
    let mut cases = Vec::new();
    for compute in Compute::ALL {
        let program = statistics(compute, Output::Sum);
        cases.push((format!("sums in {}", compute.name()), case(program, 3)));
    }
    compare(cases);
}

#[test]
fn largest_magnitudes_in_every_working_dtype() {
    let mut cases = Vec::new();
    for compute in Compute::ALL {
        let program = statistics(compute, Output::Max);
        cases.push((format!("maxima in {}", compute.name()), case(program, 14)));
    }
    compare(cases);
}

/// A Program may store, sum and count at the same time.
#[test]
fn all_kinds_of_outputs_at_once() {
    let mut cases = Vec::new();
    for (compute, float) in Compute::ALL.into_iter().flat_map(|compute| {
        let floats = Float::ALL.iter();
        floats.map(move |float| (compute, *float))
    }) {
        let [a, b, c] = [2, 3, 4].map(ValueId::new);
        let stored = Output::Store {
            value: b,
            float,
            on_overflow: OnOverflow::Keep,
        };
        let change = Output::Change {
            value: b,
            base: a,
            float,
        };
        let outputs = vec![
            Output::Count(b),
            Output::Sum(a),
            stored,
            Output::Max(b),
            Output::Pair([c, a]),
            Output::Count(a),
            change,
            Output::Pair([a, b]),
            Output::Sum(c),
            Output::Max(c),
        ];
        let mut case = case(products(compute, outputs), 15);
        let grids = [
            Grid::over(0x3f00_0000, 0x3f80_0000),
            Grid::over(0, 0x7fff_ffff),
        ];
        case.grids = grids.into_iter().cycle().take(2 * LENGTHS.len()).collect();
        cases.push((
            format!("all in {}, stored as {float}", compute.name()),
            case,
        ));
    }
    compare(cases);
}
