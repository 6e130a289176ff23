//! The fused straight-line form of one tensor's expression.

use super::{Compute, CutoffId, Formula, OnOverflow, ScalarId, SlotId, StreamId, ValueId};
use crate::dtype::Float;

/// How a loaded value enters the arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Entry {
    /// An infinity or NaN stops the merge with an error, and so does a number beyond f32.
    Checked,
    /// An infinity or NaN stops the merge with an error; a number beyond f32 becomes an infinity.
    Rounded,
    /// Infinities and NaN flow through the arithmetic.
    Kept,
    /// The bits as decoded; the Program replaces what is not finite before it uses the value. A
    /// number beyond f32 stops the merge with an error.
    Raw,
    /// A plane's value, which the host computed.
    Made,
}

/// Where a step reads an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operand {
    /// The result of an earlier step.
    Value(ValueId),
    /// A scalar of the tensor's row.
    Scalar(ScalarId),
    /// A cutoff of the tensor's row, relative to the piece.
    Cutoff(CutoffId),
    /// The element's index in the piece.
    Index,
}

/// One step; its result is the value with the step's number.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// An element of an input.
    Load {
        /// Which input of the tensor.
        slot: SlotId,
        /// Its stored type.
        float: Float,
        /// What happens to values that are not finite.
        entry: Entry,
    },
    /// A random word for each element.
    Word {
        /// Which stream of the row.
        stream: StreamId,
    },
    /// A formula.
    Call {
        /// Which.
        formula: Formula,
        /// One operand per parameter.
        operands: Vec<Operand>,
    },
}

/// What becomes of the values.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// One value is rounded and written.
    Store {
        /// Which value.
        value: ValueId,
        /// The stored type.
        float: Float,
        /// What happens to results beyond it.
        on_overflow: OnOverflow,
    },
    /// Each value is summed over every tile.
    Sum(Vec<ValueId>),
    /// The magnitudes of each value are counted in the bins of a window.
    Count(Vec<ValueId>),
}

impl End {
    /// The values that must be known at the end.
    pub fn values(&self) -> &[ValueId] {
        match self {
            End::Store { value, .. } => std::slice::from_ref(value),
            End::Sum(values) | End::Count(values) => values,
        }
    }
}

/// A straight-line computation on the elements of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    compute: Compute,
    steps: Vec<Step>,
    end: End,
    planes: Vec<u16>,
    plane_count: u16,
}

impl Program {
    /// Joins steps and an end. Steps may only read earlier values: a Program that does not is a
    /// bug of whoever built it, so this panics.
    pub fn new(compute: Compute, steps: Vec<Step>, end: End) -> Program {
        let count = steps.len();
        assert!(count <= usize::from(u16::MAX), "a Program of {count} steps");
        for (number, step) in steps.iter().enumerate() {
            for value in read_by(step) {
                assert!(value.index() < number, "step {number} reads value {value}");
            }
        }
        for &value in end.values() {
            assert!(value.index() < steps.len(), "the end reads value {value}");
        }
        let (planes, plane_count) = assign_planes(&steps, &end);
        Program {
            compute,
            steps,
            end,
            planes,
            plane_count,
        }
    }

    /// The working dtype.
    pub fn compute(&self) -> Compute {
        self.compute
    }

    /// The steps in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The input slots that it reads, in ascending order.
    pub fn slots(&self) -> Vec<SlotId> {
        let mut slots: Vec<SlotId> = self.loads().map(|(slot, _)| slot).collect();
        slots.sort_unstable();
        slots.dedup();
        slots
    }

    /// What becomes of the values.
    pub fn end(&self) -> &End {
        &self.end
    }

    /// The tile plane in which a step's value lives until it was last read.
    pub fn plane(&self, value: ValueId) -> usize {
        usize::from(self.planes[value.index()])
    }

    /// How many planes of a tile are live at once at most.
    pub fn plane_count(&self) -> usize {
        usize::from(self.plane_count)
    }

    /// Whether a step reads the element's index.
    pub fn reads_index(&self) -> bool {
        self.steps.iter().any(|step| match step {
            Step::Call { operands, .. } => operands.contains(&Operand::Index),
            _ => false,
        })
    }

    /// The input slots loaded, with their stored types.
    pub fn loads(&self) -> impl Iterator<Item = (SlotId, Float)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Load { slot, float, .. } => Some((*slot, *float)),
            _ => None,
        })
    }
}

fn read_by(step: &Step) -> impl Iterator<Item = ValueId> {
    let operands = match step {
        Step::Call { operands, .. } => operands.as_slice(),
        _ => &[],
    };
    operands.iter().filter_map(|operand| match operand {
        Operand::Value(value) => Some(*value),
        _ => None,
    })
}

/// Gives every value a plane, reusing those whose value is read no more. A step never writes the
/// plane it reads.
fn assign_planes(steps: &[Step], end: &End) -> (Vec<u16>, u16) {
    let mut last_read = vec![0; steps.len()];
    for (number, step) in steps.iter().enumerate() {
        last_read[number] = number;
        for value in read_by(step) {
            last_read[value.index()] = number;
        }
    }
    for &value in end.values() {
        last_read[value.index()] = usize::MAX;
    }
    let mut free: Vec<u16> = Vec::new();
    let mut planes: Vec<u16> = Vec::with_capacity(steps.len());
    let mut count = 0;
    for (number, step) in steps.iter().enumerate() {
        planes.push(free.pop().unwrap_or_else(|| {
            count += 1;
            count - 1
        }));
        let mut ended: Vec<usize> = read_by(step)
            .map(ValueId::index)
            .chain([number])
            .filter(|&value| last_read[value] == number)
            .collect();
        ended.sort_unstable();
        ended.dedup();
        free.extend(ended.into_iter().map(|value| planes[value]));
    }
    (planes, count)
}
