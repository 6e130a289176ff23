//! Sums and products at the edge of what the guard flushes, and of what is not a number.

use super::{compare, naive};
use crate::support::random::random;
use wgmerge::dtype::{Float, codec};
use wgmerge::kernel::{
    Compute, Entry, Formula, Kind, OnOverflow, Operand, Output, Program, Row, ScalarId, SlotId,
    Step, ValueId,
};

/// A settled f32, often zero or tiny, sometimes infinite or NaN.
fn tiny(state: &mut u64) -> u32 {
    let drawn = random(state) as u32;
    let word = match random(state) % 12 {
        0 => 0,
        1 => 0x7f80_0000,
        2 => 0x7fc0_0000,
        3..6 => 0x3f00_0000 | (drawn & 0x00ff_ffff),
        // From 2^-127 to 2^-95, and near the smallest normal.
        6..10 => drawn & 0x0fff_ffff,
        _ => 0x0080_0000 | (drawn & 3),
    };
    codec::settled(word | (random(state) as u32 & 1) << 31)
}

/// Formulas, with how many values per element each has.
const FORMULAS: [(Formula, usize); 19] = [
    (Formula::Add, 2),
    (Formula::Sub, 2),
    (Formula::Mul, 2),
    (Formula::Scale, 1),
    (Formula::Axpy, 2),
    (Formula::AddDifference, 3),
    (Formula::LerpNear, 2),
    (Formula::LerpFar, 2),
    (Formula::LerpNearNear, 3),
    (Formula::LerpNearFar, 3),
    (Formula::LerpFarNear, 3),
    (Formula::LerpFarFar, 3),
    (Formula::AxpyEach, 3),
    (Formula::Blend, 2),
    (Formula::ScaleDifference, 2),
    (Formula::Shift, 2),
    (Formula::ShiftScaled, 2),
    (Formula::ShiftDifference, 3),
    (Formula::ShiftFromScaled, 3),
];

#[test]
fn tiny_results_pass_the_guard() {
    let mut state = 7;
    for round in 0..3000 {
        for (formula, lanes) in FORMULAS {
            let slots = SlotId::all().take(lanes);
            let load = |slot| Step::Load {
                slot,
                float: Float::F32,
                entry: Entry::Kept,
            };
            let mut steps: Vec<Step> = slots.map(load).collect();
            let (mut lane, mut scalar) = (ValueId::all(), ScalarId::all());
            let operand = |kind: &Kind| match kind {
                Kind::Scalar => scalar.next().map(Operand::Scalar),
                _ => lane.next().map(Operand::Value),
            };
            let operands = formula.parameters().iter().filter_map(operand).collect();
            steps.push(Step::Call { formula, operands });
            let stored = Output::Store {
                value: (lanes as u16).into(),
                float: Float::F32,
                on_overflow: OnOverflow::Keep,
            };
            let program = Program::new(Compute::F32, steps, vec![stored]);
            let row = Row {
                scalars: (0..3).map(|_| tiny(&mut state)).collect(),
                ..Row::default()
            };
            let len = 1 + round % 3;
            let draw = |state: &mut u64| (0..len).map(|_| tiny(state)).collect();
            let inputs: Vec<Vec<u32>> = (0..lanes).map(|_| draw(&mut state)).collect();
            let expected: Vec<f32> = (0..len)
                .map(|i| {
                    let mut lanes = inputs.iter().map(|input| input[i]);
                    let mut scalars = row.scalars.iter().copied();
                    let word = |kind: &Kind| match kind {
                        Kind::Scalar => scalars.next(),
                        _ => lanes.next(),
                    };
                    let words: Vec<u32> = formula.parameters().iter().filter_map(word).collect();
                    naive(Compute::F32, formula, &words)
                })
                .collect();
            let inputs: Vec<Vec<f32>> = inputs
                .into_iter()
                .map(|input| input.into_iter().map(f32::from_bits).collect())
                .collect();
            compare(&program, &row, &inputs, &expected);
        }
    }
}
