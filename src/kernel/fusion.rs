//! Fusing of steps: two formulas that often follow each other are one pass over a tile.
//!
//! A fused formula calls the two functions that it replaces, so every bit stays the same; what is
//! saved is a store and a load per element.

use super::{Formula, Operand, Step};

/// `outer(inner(a…), b…)` becomes `fused(a…, b…)`.
struct Fusion {
    outer: Formula,
    inner: Formula,
    fused: Formula,
}

const FUSIONS: &[Fusion] = &[
    Fusion {
        outer: Formula::Trim,
        inner: Formula::Sub,
        fused: Formula::TrimDelta,
    },
    Fusion {
        outer: Formula::Dropout,
        inner: Formula::Sub,
        fused: Formula::DropoutDelta,
    },
];

/// Fuses what nobody else reads. `ends` are the values that the Program ends in; they are
/// renumbered with the steps.
pub(super) fn fuse(mut steps: Vec<Step>, ends: &mut [u16]) -> Vec<Step> {
    let mut readers = vec![0; steps.len()];
    for step in &steps {
        if let Step::Call { operands, .. } = step {
            for operand in operands {
                if let Operand::Value(value) = operand {
                    readers[usize::from(*value)] += 1;
                }
            }
        }
    }
    for &value in ends.iter() {
        readers[usize::from(value)] += 1;
    }
    let mut gone = vec![false; steps.len()];
    for number in 0..steps.len() {
        if let Some((step, inner)) = fused(&steps, number, &readers) {
            steps[number] = step;
            gone[inner] = true;
        }
    }
    renumber(steps, &gone, ends)
}

/// The fused form of a step and the number of the step that it swallows.
fn fused(steps: &[Step], number: usize, readers: &[usize]) -> Option<(Step, usize)> {
    let Step::Call {
        formula: outer,
        operands,
    } = &steps[number]
    else {
        return None;
    };
    let (Operand::Value(inner), rest) = operands.split_first()? else {
        return None;
    };
    let inner = usize::from(*inner);
    let Step::Call { formula, operands } = &steps[inner] else {
        return None;
    };
    let fusion = FUSIONS
        .iter()
        .find(|f| f.outer == *outer && f.inner == *formula)?;
    let operands = operands.iter().chain(rest).copied().collect();
    (readers[inner] == 1).then_some((
        Step::Call {
            formula: fusion.fused,
            operands,
        },
        inner,
    ))
}

fn renumber(steps: Vec<Step>, gone: &[bool], ends: &mut [u16]) -> Vec<Step> {
    let mut numbers = vec![0; steps.len()];
    let mut kept = Vec::with_capacity(steps.len());
    for (number, mut step) in steps.into_iter().enumerate() {
        if gone[number] {
            continue;
        }
        if let Step::Call { operands, .. } = &mut step {
            for operand in operands {
                if let Operand::Value(value) = operand {
                    *value = numbers[usize::from(*value)];
                }
            }
        }
        numbers[number] = kept.len() as u16;
        kept.push(step);
    }
    for value in ends {
        *value = numbers[usize::from(*value)];
    }
    kept
}
