//! The fused straight-line form of one tensor's expression.

use super::{
    Change, Compute, CutoffId, Formula, OnOverflow, ScalarId, SlotId, StreamId, Tally, ValueId,
};
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
    /// What the host made, of inputs without infinities and NaN.
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

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Output {
    /// It is rounded and written.
    Store {
        /// Which value.
        value: ValueId,
        /// The stored type.
        float: Float,
        /// What happens to results beyond it.
        on_overflow: OnOverflow,
    },
    /// It is summed over every tile.
    Sum(ValueId),
    /// Two values are compared, element by element.
    Pair([ValueId; 2]),
    /// Its largest magnitude is found.
    Max(ValueId),
    /// Its magnitudes are counted, or looked at one by one, as a [`Tally`](super::Tally) asks.
    Count(ValueId),
    /// It is handed to the host, which alone computes it.
    Collect(ValueId),
    /// What the stored value changes of another is measured: of the same Program's
    /// [`Output::Store`], whose value and type it repeats.
    Change {
        /// The value that is stored.
        value: ValueId,
        /// What it is compared with.
        base: ValueId,
        /// The stored type.
        float: Float,
    },
}

impl Output {
    /// The value, of a pair the first.
    pub fn value(&self) -> ValueId {
        match *self {
            Output::Store { value, .. }
            | Output::Sum(value)
            | Output::Max(value)
            | Output::Count(value)
            | Output::Collect(value)
            | Output::Change { value, .. }
            | Output::Pair([value, _]) => value,
        }
    }

    /// All values that it reads.
    fn values(&self) -> impl Iterator<Item = ValueId> + use<> {
        let other = match *self {
            Output::Change { base: other, .. } | Output::Pair([_, other]) => Some(other),
            _ => None,
        };
        [self.value()].into_iter().chain(other)
    }
}

/// How a value is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Storing {
    /// Which value.
    pub value: ValueId,
    /// The stored type.
    pub float: Float,
    /// What happens to results beyond it.
    pub on_overflow: OnOverflow,
}

/// A straight-line computation on the elements of a tensor.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Program {
    compute: Compute,
    steps: Vec<Step>,
    outputs: Vec<Output>,
    registers: Vec<u16>,
    register_count: u16,
}

impl Program {
    /// Joins steps and what becomes of their values, of which one may be stored. Steps may only
    /// read earlier values: a Program that does not is a bug of whoever built it, so this panics.
    pub fn new(compute: Compute, steps: Vec<Step>, outputs: Vec<Output>) -> Program {
        let count = steps.len();
        assert!(count <= usize::from(u16::MAX), "a Program of {count} steps");
        for (number, step) in steps.iter().enumerate() {
            for value in read_by(step) {
                assert!(value.index() < number, "step {number} reads value {value}");
            }
        }
        for value in outputs.iter().flat_map(Output::values) {
            assert!(value.index() < steps.len(), "an output is value {value}");
        }
        let stores = |output: &&Output| matches!(output, Output::Store { .. });
        let stored = outputs.iter().filter(stores).count();
        assert!(stored <= 1, "a Program that stores {stored} values");
        let changes = |output: &&Output| matches!(output, Output::Change { .. });
        let changes = outputs.iter().filter(changes).count();
        assert!(changes <= stored, "a Program measures what it stores");
        let (registers, register_count) = assign_registers(&steps, &outputs);
        Program {
            compute,
            steps,
            outputs,
            registers,
            register_count,
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

    /// What becomes of its values.
    pub fn outputs(&self) -> &[Output] {
        &self.outputs
    }

    /// The value that it stores, if it stores one.
    pub fn storing(&self) -> Option<Storing> {
        self.outputs.iter().find_map(|output| match *output {
            Output::Store {
                value,
                float,
                on_overflow,
            } => Some(Storing {
                value,
                float,
                on_overflow,
            }),
            _ => None,
        })
    }

    /// The outputs about which a [`Tally`](super::Tally) asks: all that are not stored.
    pub fn asked(&self) -> impl Iterator<Item = &Output> + Clone {
        let outputs = self.outputs.iter();
        outputs.filter(|output| !matches!(output, Output::Store { .. }))
    }

    /// The questions of a Program that stores: about each of its other outputs one. Of changes one
    /// tile in so many is looked at.
    pub fn measured(&self, every: u64) -> Vec<Tally> {
        let asked = self.asked().map(|output| match output {
            Output::Change { .. } => Tally::Change(Box::new(Change::of_every(every))),
            _ => Tally::Nothing,
        });
        asked.collect()
    }

    /// Whether the host alone computes it.
    pub fn needs_host(&self) -> bool {
        let collects = |output: &Output| matches!(output, Output::Collect(_));
        self.outputs.iter().any(collects)
    }

    /// The tile register in which a step's value lives until it was last read.
    pub fn register(&self, value: ValueId) -> usize {
        usize::from(self.registers[value.index()])
    }

    /// How many registers of a tile are live at once at most.
    pub fn register_count(&self) -> usize {
        usize::from(self.register_count)
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

/// Gives every value a register, reusing those whose value is read no more. A step never writes the
/// register it reads.
fn assign_registers(steps: &[Step], outputs: &[Output]) -> (Vec<u16>, u16) {
    let mut last_read = vec![0; steps.len()];
    for (number, step) in steps.iter().enumerate() {
        last_read[number] = number;
        for value in read_by(step) {
            last_read[value.index()] = number;
        }
    }
    for value in outputs.iter().flat_map(Output::values) {
        last_read[value.index()] = usize::MAX;
    }
    let mut free: Vec<u16> = Vec::new();
    let mut registers: Vec<u16> = Vec::with_capacity(steps.len());
    let mut count = 0;
    for (number, step) in steps.iter().enumerate() {
        registers.push(free.pop().unwrap_or_else(|| {
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
        free.extend(ended.into_iter().map(|value| registers[value]));
    }
    (registers, count)
}
