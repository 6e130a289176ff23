//! Powers against f64: the nearest f32 or the one beside it.

use wgmerge::dtype::{Float, codec};
use wgmerge::exec::cpu::{CpuExecutor, Level};
use wgmerge::exec::{Batch, Executor, Piece, Results};
use wgmerge::kernel::{
    Compute, Entry, Formula, OnOverflow, Operand, Output, Program, Row, SlotId, Step, TILE,
};

use super::bytes;
use crate::support::backends::levels;
use crate::support::random::random;

/// The formulas that are made of powers.
pub const POWERS: &[Formula] = &[
    Formula::Geometric,
    Formula::GeometricEach,
    Formula::SignedGeometric,
    Formula::MultiplyQuotient,
    Formula::MultiplyQuotientEach,
    Formula::SignedLength,
    Formula::AddNormal,
];

/// What a formula makes of elements, on the CPU at a level.
fn values(level: Level, formula: Formula, inputs: &[&[f32]], number: Option<f32>) -> Vec<f32> {
    let load = |slot| Step::Load {
        slot,
        float: Float::F32,
        entry: Entry::Raw,
    };
    let mut steps: Vec<Step> = SlotId::all().take(inputs.len()).map(load).collect();
    let lanes = (0..inputs.len() as u16).map(|lane| Operand::Value(lane.into()));
    let scalar = number.map(|_| Operand::Scalar(0.into()));
    let operands = lanes.chain(scalar).collect();
    steps.push(Step::Call { formula, operands });
    let stored = Output::Store {
        value: (inputs.len() as u16).into(),
        float: Float::F32,
        on_overflow: OnOverflow::Keep,
    };
    let program = Program::new(Compute::F32, steps, vec![stored]);
    let row = Row {
        scalars: number.map(f32::to_bits).into_iter().collect(),
        ..Row::default()
    };
    let len = inputs[0].len();
    let stride = (4 * len).next_multiple_of(16);
    let mut arena = vec![0; inputs.len() * stride];
    for (x, part) in inputs.iter().zip(arena.chunks_mut(stride)) {
        part[..4 * len].copy_from_slice(&bytes(x));
    }
    let piece = Piece {
        row: &row,
        start: 0,
        len,
        inputs: (0..inputs.len()).map(|slot| slot * stride).collect(),
        output: 0,
    };
    let batch = Batch {
        program: &program,
        pieces: std::slice::from_ref(&piece),
    };
    let mut output = vec![0; 4 * len];
    let mut executor = CpuExecutor::new(level);
    let run = executor.run(&batch, &arena, &mut Results::storing(&mut output));
    run.expect("the CPU does it");
    let words = output.as_chunks::<4>().0.iter();
    words.map(|word| f32::from_le_bytes(*word)).collect()
}

/// The same at every level: the same bits.
fn values_at_all(formula: Formula, inputs: &[&[f32]], number: Option<f32>) -> Vec<f32> {
    let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<u32>>();
    let mut all = levels().map(|level| values(level, formula, inputs, number));
    let first = all.next().expect("there is a baseline");
    for other in all {
        assert_eq!(bits(&first), bits(&other), "{formula:?}");
    }
    first
}

/// How far a number is from one in f64, in units of its last place.
fn units(found: f32, exact: f64) -> f64 {
    let exponent = (exact.abs().to_bits() >> 52) as i32 - 1023;
    (f64::from(found) - exact).abs() / 2_f64.powi(exponent - 23)
}

/// Numbers of all signs around 1 and, every fourth, of any size.
fn numbers(count: usize, state: &mut u64) -> Vec<f32> {
    let draw = |_| {
        let word = random(state);
        let exponent = match word % 4 {
            0 => 1 + (word >> 40) % 253,
            _ => 117 + (word >> 40) % 14,
        };
        f32::from_bits((word as u32 & 0x807f_ffff) | (exponent as u32) << 23)
    };
    (0..count).map(draw).collect()
}

/// Whether f32 holds a result with all its digits.
fn is_ordinary(exact: f64) -> bool {
    (1.2e-38..3.4e38).contains(&exact.abs())
}

const COUNT: usize = 40_000;

#[test]
fn geometric_means_are_the_nearest_numbers_or_beside_them() {
    let mut state = 1;
    for ratio in [0.5, 0.25, 1.0 / 3.0, -0.75, 1.5, 3.7, 0.0, 1.0, 1e-3, -12.0] {
        let [a, b] = [(); 2].map(|()| numbers(COUNT, &mut state));
        let found = values_at_all(Formula::SignedGeometric, &[&a, &b, &b], Some(ratio));
        let (s, t) = (f64::from(1.0 - ratio), f64::from(ratio));
        let mut worst = 0.0_f64;
        for ((a, b), found) in a.iter().zip(&b).zip(found) {
            // In extended range: one of the powers alone may be beyond f64.
            let [x, y] = [a, b].map(|x| f64::from(x.abs()).log2());
            let exact = (s * x + t * y).exp2().copysign(f64::from(*b));
            if is_ordinary(exact) {
                worst = worst.max(units(found, exact));
            }
        }
        assert!(worst < 0.8, "{worst} units at {ratio}");
    }
}

#[test]
fn lengths_are_the_nearest_numbers_or_beside_them() {
    let mut state = 2;
    let [x, y] = [(); 2].map(|()| numbers(COUNT, &mut state));
    let found = values_at_all(Formula::SignedLength, &[&x, &y, &x], None);
    let flushed = |x: f32| f32::from_bits(codec::settled(x.to_bits()));
    for ((x, y), found) in x.iter().zip(&y).zip(found) {
        let square = flushed(x * x) + flushed(y * y);
        if is_ordinary(square.into()) {
            let exact = f64::from(square).sqrt().copysign(f64::from(*x));
            assert!(units(found, exact) < 0.8, "{x:e}, {y:e}: {found:e}");
        }
    }
}

#[test]
fn geometric_means_turn_where_signs_differ() {
    let mut state = 3;
    let [a, b] = [(); 2].map(|()| numbers(COUNT, &mut state));
    let t: Vec<f32> = (0..COUNT)
        .map(|_| (random(&mut state) >> 40) as f32 / (1 << 22) as f32 - 2.0)
        .collect();
    let found = values_at_all(Formula::GeometricEach, &[&a, &b, &t], None);
    for (((a, b), t), found) in a.iter().zip(&b).zip(&t).zip(found) {
        let (s, t) = (f64::from(1.0 - t), f64::from(*t));
        let [x, y] = [a, b].map(|x| f64::from(x.abs()).log2());
        let size = (s * x + t * y).exp2();
        let turn = match (*a < 0.0, *b < 0.0) {
            (true, true) => -1.0,
            (true, false) => (std::f64::consts::PI * s).cos(),
            (false, true) => (std::f64::consts::PI * t).cos(),
            (false, false) => 1.0,
        };
        if is_ordinary(size) && is_ordinary(size * turn) && turn.abs() > 1e-6 {
            let off = units(found, size * turn);
            assert!(off < 2.5, "{a:e}, {b:e}, {t}: {found:e}, {off} units");
        }
    }
}

#[test]
fn quotients_are_powers_where_two_oppose_a_third() {
    let mut state = 4;
    let [a, b, c] = [(); 3].map(|()| numbers(COUNT, &mut state));
    let found = values_at_all(Formula::MultiplyQuotient, &[&a, &b, &c], Some(0.75));
    let mut opposed = 0;
    for (((a, b), c), found) in a.iter().zip(&b).zip(&c).zip(found) {
        let [x, y, z] = [a, b, c].map(|x| f64::from(x.abs()).log2());
        let (x, y) = (x - z, y - z);
        let larger = x.abs().max(y.abs());
        let power = 0.75 * (-x * y / (larger * larger)).max(0.0);
        let turn = if (*b < 0.0) == (*c < 0.0) { 0.0 } else { power };
        let exact = f64::from(*a) * (power * y).exp2() * (std::f64::consts::PI * turn).cos();
        if is_ordinary(exact) {
            // The exponent has the rounding of f32, and y up to 8 bits before the point.
            let off = (f64::from(found) - exact).abs();
            let size = f64::from(a.abs()) * (power * y).exp2();
            assert!(
                off <= 1e-4 * size,
                "{a:e}, {b:e}, {c:e}: {found:e}, not {exact:e}"
            );
            opposed += usize::from(power > 0.0);
        }
    }
    assert!(opposed > COUNT / 8, "{opposed}");
}

#[test]
fn normal_numbers_are_made_of_two_words() {
    let mut state = 6;
    // A word is loaded as a number, so it has the bits of one.
    let mut words = || -> Vec<f32> {
        let drawn = std::iter::repeat_with(|| f32::from_bits(random(&mut state) as u32));
        drawn.filter(|x| x.is_normal()).take(COUNT).collect()
    };
    let (first, second) = (words(), words());
    let zeros = vec![0.0; COUNT];
    let found = values_at_all(Formula::AddNormal, &[&zeros, &first, &second], Some(1.0));
    let mut largest = 0.0_f64;
    for ((u, v), found) in first.iter().zip(&second).zip(found) {
        let share = |word: &f32| f64::from(word.to_bits() >> 9) / f64::from(1 << 23);
        let length = (-2.0 * (1.0 - share(u)).ln()).sqrt();
        let exact = length * (2.0 * std::f64::consts::PI * share(v)).cos();
        let off = (f64::from(found) - exact).abs();
        assert!(
            off <= 4e-7 * length,
            "{u:e}, {v:e}: {found:e}, not {exact:e}"
        );
        largest = largest.max(exact.abs());
    }
    assert!(largest > 3.0, "{largest}");
}

/// A tile is computed without the guard, unless something in it is not a number.
#[test]
fn means_are_the_same_with_and_without_the_guard() {
    let mut state = 5;
    for round in 0..200 {
        let tame = |x: &f32| {
            if (1e-6..1e6).contains(&x.abs()) {
                *x
            } else {
                1.5
            }
        };
        let [mut a, b] = [(); 2].map(|()| {
            let drawn = numbers(TILE, &mut state);
            match round % 8 {
                0 => drawn,
                _ => drawn.iter().map(tame).collect(),
            }
        });
        let any = (random(&mut state) >> 40) as f32 / (1 << 22) as f32 - 2.0;
        let ratio = *[0.5, 0.25, any, any * 1e-20].get(round % 4).expect("four");
        let ratios = vec![ratio; TILE];
        let others: [&[&[f32]]; 3] = [&[&b], &[&b, &b], &[&b, &ratios]];
        let formulas = [
            (Formula::Geometric, Some(ratio)),
            (Formula::SignedGeometric, Some(ratio)),
            (Formula::GeometricEach, None),
        ];
        for ((formula, number), others) in formulas.into_iter().zip(others) {
            let with = |a: &[f32]| values_at_all(formula, &[&[a], others].concat(), number);
            a[TILE - 1] = 1.0;
            let plain = with(&a);
            a[TILE - 1] = f32::NAN;
            let guarded = with(&a);
            for at in 0..TILE - 1 {
                let same = plain[at].to_bits() == guarded[at].to_bits();
                assert!(same, "{formula:?} of {:e}, {:e}, {ratio:e}", a[at], b[at]);
            }
        }
    }
}

#[test]
fn powers_of_what_has_no_logarithm() {
    let (inf, nan) = (f32::INFINITY, f32::NAN);
    let cases: &[(f32, f32, f32, f32)] = &[
        (0.0, 2.0, 0.5, 0.0),
        (0.0, 2.0, 1.0, 2.0),
        (3.0, 0.0, 0.0, 3.0),
        (0.0, 2.0, 1.5, inf),
        (0.0, 0.0, 0.5, 0.0),
        (inf, 2.0, 0.5, inf),
        (inf, 2.0, 1.5, 0.0),
        (2.0, nan, 0.5, nan),
        (2.0, nan, 0.0, nan),
        (-2.0, -8.0, 0.5, -4.0),
        (-2.0, 8.0, 0.5, 0.0),
        (2.0, 8.0, f32::MAX, inf),
    ];
    for &(a, b, t, expected) in cases {
        let found = values_at_all(Formula::GeometricEach, &[&[a], &[b], &[t]], None)[0];
        let same = found == expected || (found.is_nan() && expected.is_nan());
        assert!(same, "{a}, {b}, {t}: {found}, not {expected}");
    }
    for (a, b, c) in [
        (0.0, 2.0, 3.0),
        (5.0, 0.0, 3.0),
        (5.0, 2.0, 0.0),
        (5.0, 2.0, inf),
    ] {
        let operands: [&[f32]; 3] = [&[a], &[b], &[c]];
        let found = values_at_all(Formula::MultiplyQuotient, &operands, Some(1.0))[0];
        assert_eq!(found.to_bits(), a.to_bits(), "{a}, {b}, {c}");
    }
}
