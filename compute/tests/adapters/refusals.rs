//! Factors that do not fit are told, whatever their shapes are.

use wgmerge_compute::adapter::{
    Axis, Bank, Cayley, Change, Delta, Dialect, Factor, Glora, Kind, Magnitude, Matrix, Multiplied,
    Product, Rotation, Tokens,
};
use wgmerge_compute::level::Level;

/// Shapes that factors and weights are given, in all combinations.
const SHAPES: [&[u64]; 14] = [
    &[],
    &[0],
    &[1],
    &[4],
    &[2, 2],
    &[4, 4],
    &[4, 0],
    &[2, 4],
    &[4, 6],
    &[2, 4, 1, 1],
    &[1, 4, 1, 1],
    &[1, 2, 2, 2],
    &[2, 1, 2, 2],
    &[u64::MAX, 3],
];

const NUMBERS: [f32; 64] = [0.5; 64];

fn factor(shape: &'static [u64]) -> Factor<'static> {
    let elements: u64 = shape.iter().fold(1, |n, d| n.saturating_mul(*d));
    let elements = usize::try_from(elements).unwrap_or(usize::MAX);
    Factor {
        shape,
        values: &NUMBERS[..elements.min(NUMBERS.len())],
    }
}

/// Every kind of change that two factors make.
fn kinds(a: Factor<'static>, b: Factor<'static>) -> Vec<Kind<'static>> {
    let product = |is_flipped| {
        Matrix::Product(Product {
            up: a,
            down: b,
            values: None,
            is_flipped,
        })
    };
    let tucker = Matrix::Tucker {
        core: a,
        up: b,
        down: b,
        rows_first: true,
    };
    let deltas = [
        Delta::One(product(false)),
        Delta::One(product(true)),
        Delta::One(tucker),
        Delta::Hadamard(product(false), Matrix::Whole(a)),
        Delta::Kronecker(Matrix::Whole(a), Matrix::Whole(b)),
    ];
    let added = deltas.into_iter().flat_map(|delta| {
        [None, Some(Axis::Rows), Some(Axis::Columns)].map(|axis| Kind::Added {
            delta,
            magnitude: axis.map(|axis| Magnitude {
                values: b,
                axis,
                dialect: Dialect::Lycoris,
            }),
        })
    });
    let multiplied = |axis| {
        Kind::Multiplied(Multiplied {
            by: a,
            axis,
            is_step: true,
        })
    };
    let others = [
        multiplied(Axis::Rows),
        multiplied(Axis::Columns),
        Kind::Bank(Bank { up: a, down: b }),
        Kind::Replaced(a),
        Kind::Tokens(Tokens {
            rows: vec![1, 0],
            values: a,
        }),
        Kind::Glora(Glora {
            a1: a,
            a2: b,
            b1: a,
            b2: b,
        }),
        Kind::Rotated(Rotation::Outputs {
            blocks: a,
            rescale: Some(b),
            most: Some(0.1),
        }),
        Kind::Rotated(Rotation::Outputs {
            blocks: a,
            rescale: None,
            most: None,
        }),
        Kind::Rotated(Rotation::Inputs {
            entries: a,
            cayley: Cayley::Neumann(5),
            most: Some(0.1),
        }),
        Kind::Rotated(Rotation::Blocks {
            blocks: a,
            scales: Some(b),
        }),
        Kind::Rotated(Rotation::Reflections(a)),
    ];
    added.chain(others).collect()
}

#[test]
fn what_is_not_refused_is_applied() {
    let (mut refused, mut applied) = (0, 0);
    for a in SHAPES {
        for b in SHAPES {
            for kind in kinds(factor(a), factor(b)) {
                let change = Change {
                    kind,
                    scale: 0.5,
                    strength: 0.5,
                };
                for shape in SHAPES {
                    match change.check(shape) {
                        Ok(()) => {
                            let base = factor(shape).values;
                            let rows = 0..shape.first().copied().unwrap_or(1);
                            let mut out = vec![0.0; base.len()];
                            change.apply(Level::BASELINE, shape, rows, base, &mut out);
                            applied += 1;
                        }
                        Err(fault) => {
                            assert!(!fault.is_empty());
                            refused += 1;
                        }
                    }
                }
            }
        }
    }
    assert!(applied > 100, "{applied} applied, {refused} refused");
}
