//! Fusing of steps: two formulas that often follow each other are one pass over a tile.
//!
//! A fused formula calls the two functions that it replaces, so every bit stays the same; what is
//! saved is a store and a load per element.

use super::{Formula, Operand, Step, ValueId};

/// `outer(a…, inner(b…), c…)` becomes `fused(a…, b…, c…)`.
struct Fusion {
    outer: Formula,
    /// Which operand of the outer formula the inner one is.
    operand: usize,
    inner: Formula,
    fused: Formula,
}

const FUSIONS: &[Fusion] = &[
    Fusion {
        outer: Formula::Trim,
        operand: 0,
        inner: Formula::Sub,
        fused: Formula::TrimDelta,
    },
    Fusion {
        outer: Formula::Dropout,
        operand: 0,
        inner: Formula::Sub,
        fused: Formula::DropoutDelta,
    },
    Fusion {
        outer: Formula::Axpy,
        operand: 1,
        inner: Formula::Sub,
        fused: Formula::AddDifference,
    },
    Fusion {
        outer: Formula::Scale,
        operand: 0,
        inner: Formula::Sub,
        fused: Formula::ScaleDifference,
    },
    Fusion {
        outer: Formula::ShiftScaled,
        operand: 1,
        inner: Formula::Sub,
        fused: Formula::ShiftDifference,
    },
    Fusion {
        outer: Formula::ShiftDifference,
        operand: 0,
        inner: Formula::Scale,
        fused: Formula::ShiftFromScaled,
    },
    Fusion {
        outer: Formula::LerpNear,
        operand: 0,
        inner: Formula::LerpNear,
        fused: Formula::LerpNearNear,
    },
    Fusion {
        outer: Formula::LerpFar,
        operand: 0,
        inner: Formula::LerpNear,
        fused: Formula::LerpNearFar,
    },
    Fusion {
        outer: Formula::LerpNear,
        operand: 0,
        inner: Formula::LerpFar,
        fused: Formula::LerpFarNear,
    },
    Fusion {
        outer: Formula::LerpFar,
        operand: 0,
        inner: Formula::LerpFar,
        fused: Formula::LerpFarFar,
    },
];

/// Fuses what nobody else reads. `ends` are the values that the Program ends in; they are
/// renumbered with the steps.
pub(super) fn fuse(mut steps: Vec<Step>, ends: &mut [ValueId]) -> Vec<Step> {
    let mut readers = vec![0; steps.len()];
    for step in &steps {
        if let Step::Call { operands, .. } = step {
            for operand in operands {
                if let Operand::Value(value) = operand {
                    readers[value.index()] += 1;
                }
            }
        }
    }
    for &value in ends.iter() {
        readers[value.index()] += 1;
    }
    let mut gone = vec![false; steps.len()];
    for number in 0..steps.len() {
        loop {
            if let Some((step, twice)) = between(&steps[number]) {
                steps[number] = step;
                readers[twice.index()] -= 1;
            }
            let Some((step, inner)) = fused(&steps, number, &readers) else {
                break;
            };
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
    let inner_of = |fusion: &'static Fusion| {
        let Operand::Value(inner) = *operands.get(fusion.operand)? else {
            return None;
        };
        let Step::Call { formula, operands } = &steps[inner.index()] else {
            return None;
        };
        let fits = fusion.outer == *outer && fusion.inner == *formula;
        (fits && readers[inner.index()] == 1).then_some((fusion, inner.index(), operands))
    };
    let (fusion, inner, own) = FUSIONS.iter().find_map(inner_of)?;
    let (before, rest) = operands.split_at(fusion.operand);
    let operands = before.iter().chain(own).chain(&rest[1..]).copied();
    let step = Step::Call {
        formula: fusion.fused,
        operands: operands.collect(),
    };
    Some((step, inner))
}

/// A step from one value towards another, or beyond it, in the form that reads both once; and which
/// of them it read twice.
fn between(step: &Step) -> Option<(Step, ValueId)> {
    let Step::Call {
        formula: Formula::AddDifference,
        operands,
    } = step
    else {
        return None;
    };
    let [from, Operand::Value(y), Operand::Value(x), weight] = operands[..] else {
        return None;
    };
    let (formula, twice) = match from {
        Operand::Value(from) if from == x => (Formula::LerpNear, x),
        Operand::Value(from) if from == y => (Formula::LerpFar, y),
        _ => return None,
    };
    let operands = vec![Operand::Value(x), Operand::Value(y), weight];
    Some((Step::Call { formula, operands }, twice))
}

fn renumber(steps: Vec<Step>, gone: &[bool], ends: &mut [ValueId]) -> Vec<Step> {
    let mut numbers = vec![ValueId::default(); steps.len()];
    let mut kept = Vec::with_capacity(steps.len());
    let rest = steps.into_iter().enumerate();
    let rest = rest.filter(|(number, _)| !gone[*number]);
    for ((number, mut step), own) in rest.zip(ValueId::all()) {
        if let Step::Call { operands, .. } = &mut step {
            for operand in operands {
                if let Operand::Value(value) = operand {
                    *value = numbers[value.index()];
                }
            }
        }
        numbers[number] = own;
        kept.push(step);
    }
    for value in ends {
        *value = numbers[value.index()];
    }
    kept
}
