//! Chains of random formulas, element by element.

use proptest::prelude::*;
use wgmerge::dtype::Float;
use wgmerge::kernel::{
    Compute, Entry, Formula, Kind, OnOverflow, Operand, Output, Program, Row, SlotId, Step, TILE,
};

use super::powers::POWERS;
use super::{compare, naive, rounded};
use crate::support::random::random as next;

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(40)
    })]

    #[test]
    fn random_programs_are_what_they_say(seed in any::<u64>(), compute in 0..3usize) {
        // Powers have a test of their own: the nearest number is not all that they may be.
        let all = Formula::ALL.iter().filter(|formula| !POWERS.contains(formula));
        let formulas: Vec<Formula> = all.copied().collect();
        let limits = Limits {
            input: &|state| (next(state) % 4001) as f32 / 500.0 - 4.0,
            scalar: &|state| (next(state) % 9) as f64 / 4.0 - 1.0,
            formulas: &formulas,
            len: 2 * TILE,
            calls: 12,
        };
        run(seed, Compute::ALL[compute], &limits);
    }
}

/// Numbers of some sign, whose magnitudes are 2^`exponent` or up to `width` powers of two more,
/// times a mantissa of some digits, or one of a few neighbours.
#[derive(Clone, Copy)]
struct Size {
    exponent: i32,
    width: u64,
    digits: u64,
    neighbours: Option<u32>,
}

impl Size {
    fn draw(self, state: &mut u64) -> f32 {
        let power = (self.exponent + (next(state) % self.width) as i32).clamp(-125, 127);
        let any = next(state) as u32;
        let mantissa = match self.neighbours {
            None => any & (u32::MAX << (23 - self.digits)),
            Some(first) => first + any % 3,
        };
        let sign = (next(state) as u32 & 1) << 31;
        f32::from_bits(sign | (power + 127).cast_unsigned() << 23 | mantissa & 0x7f_ffff)
    }
}

/// Formulas whose results' sizes are known from those of their arguments.
const FOLLOWED: &[Formula] = &[
    Formula::Add,
    Formula::Sub,
    Formula::Mul,
    Formula::Scale,
    Formula::Axpy,
    Formula::AddDifference,
    Formula::LerpNear,
    Formula::LerpFar,
    Formula::LerpNearNear,
    Formula::LerpNearFar,
    Formula::LerpFarNear,
    Formula::LerpFarFar,
    Formula::ScaleDifference,
    Formula::ShiftScaled,
    Formula::ShiftDifference,
    Formula::ShiftFromScaled,
    Formula::Blend,
    Formula::AxpyEach,
    Formula::TrimDelta,
    Formula::DropoutDelta,
    Formula::ConsensusOfTwo,
    Formula::EvenConsensus,
    Formula::Gather,
    Formula::Choose,
];

/// Where the sizes of a tile's values are known, the guard is left out: as far as it may be, not
/// further.
#[test]
fn results_at_the_edge_of_what_is_flushed_pass_the_guard() {
    let mut state = 11;
    for seed in 0..12_000 {
        let random = next(&mut state);
        let draw =
            |state: &mut u64, from, to: i32| from + (next(state) % (to - from) as u64) as i32;
        // Where sums come near 2^-126, where products do, and where they come near infinity.
        let exponent = match random % 4 {
            0 => draw(&mut state, -125, -95),
            1 => draw(&mut state, -75, -55),
            2 => draw(&mut state, 55, 70),
            _ => draw(&mut state, 100, 127),
        };
        // Nothing much, products near the edge, and quotients.
        let factor = match random / 4 % 4 {
            0 => 0,
            1 => draw(&mut state, -20, 20),
            2 => -126 - exponent + draw(&mut state, -2, 28),
            _ => exponent + 126 + draw(&mut state, -28, 2),
        };
        let size = Size {
            exponent,
            width: 1 + random / 16 % 3,
            digits: [0, 2, 7, 23][(random / 64 % 4) as usize],
            neighbours: (random / 256)
                .is_multiple_of(2)
                .then_some(next(&mut state) as u32),
        };
        let factors = Size {
            exponent: factor,
            width: 1,
            ..size
        };
        let limits = Limits {
            input: &|state| match next(state) % 5 {
                0 => 0.0,
                _ => size.draw(state),
            },
            scalar: &|state| factors.draw(state).into(),
            formulas: FOLLOWED,
            len: 80,
            calls: 3,
        };
        run(seed, Compute::F32, &limits);
    }
}

/// What random Programs are made of.
struct Limits<'a> {
    input: &'a dyn Fn(&mut u64) -> f32,
    scalar: &'a dyn Fn(&mut u64) -> f64,
    formulas: &'a [Formula],
    /// Elements at most.
    len: usize,
    /// Formulas at most.
    calls: u64,
}

/// Builds a chain of random steps, runs it at every level, and computes it element by element.
fn run(seed: u64, compute: Compute, limits: &Limits<'_>) {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let len = 1 + next(&mut state) as usize % limits.len;
    let inputs: Vec<Vec<f32>> = (0..3)
        .map(|_| (0..len).map(|_| (limits.input)(&mut state)).collect())
        .collect();
    let mut row = Row::default();
    let mut steps: Vec<Step> = (0..3)
        .map(|slot| Step::Load {
            slot: SlotId::new(slot),
            float: Float::F32,
            entry: Entry::Kept,
        })
        .collect();
    let mut values: Vec<Vec<f32>> = inputs
        .iter()
        .map(|x| x.iter().map(|x| rounded(compute, *x)).collect())
        .collect();
    for _ in 0..1 + next(&mut state) % limits.calls {
        let formula = limits.formulas[next(&mut state) as usize % limits.formulas.len()];
        let operands: Vec<Operand> = formula
            .parameters()
            .iter()
            .map(|kind| match kind {
                Kind::Lane => {
                    Operand::Value(((next(&mut state) as usize % values.len()) as u16).into())
                }
                Kind::Word => Operand::Index,
                Kind::Scalar => {
                    let x = (limits.scalar)(&mut state);
                    row.scalars.push(compute.scalar(x));
                    Operand::Scalar(((row.scalars.len() - 1) as u16).into())
                }
                Kind::Code => {
                    row.scalars
                        .push(1f32.to_bits() + next(&mut state) as u32 % (1 << 23));
                    Operand::Scalar(((row.scalars.len() - 1) as u16).into())
                }
            })
            .collect();
        let argument = |operand: &Operand, i: usize| match operand {
            Operand::Value(value) => values[value.index()][i].to_bits(),
            Operand::Scalar(scalar) => row.scalars[scalar.index()],
            Operand::Index | Operand::Cutoff(_) => i as u32,
        };
        let computed = (0..len).map(|i| {
            let arguments: Vec<u32> = operands.iter().map(|o| argument(o, i)).collect();
            naive(compute, formula, &arguments)
        });
        values.push(computed.collect());
        steps.push(Step::Call { formula, operands });
    }
    let stored = Output::Store {
        value: ((steps.len() - 1) as u16).into(),
        float: Float::F32,
        on_overflow: OnOverflow::Keep,
    };
    let program = Program::new(compute, steps, vec![stored]);
    compare(&program, &row, &inputs, &values[values.len() - 1]);
}
