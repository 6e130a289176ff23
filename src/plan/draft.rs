//! Drafts of jobs, before equal computations are joined.

use std::sync::Arc;

use super::bytes::Bytes;
use super::class::{Classes, Stored};
use super::input::Input;
use super::job::{Action, Job, Place, Run, Work as Arithmetic};
use super::said::Said;
use super::{Encoded, InputId, Largest, PlanError, Seen};
use crate::dtype::{DType, Float};
use crate::kernel::{Expression, Node, Parts, SlotId};

/// A job whose class is not known yet.
pub(super) struct Draft {
    pub(super) key: String,
    pub(super) dtype: DType,
    pub(super) shape: Vec<u64>,
    pub(super) run: Option<Run>,
    pub(super) work: Work,
    /// Every model's tensor, where copies are compared.
    pub(super) copies: Box<[Seen]>,
    /// What the header says of it, where it is stored as codes.
    pub(super) said: Option<Said>,
    /// What its model calls the tensor, where it is stored as codes.
    pub(super) from: Option<String>,
    /// Whether it is an entry of codes: of a tensor, or beside some.
    pub(super) is_entry: bool,
    /// Whether it stands for all entries of a tensor of codes that is copied.
    pub(super) is_codes: bool,
}

/// How it comes about.
pub(super) enum Work {
    Copy(Input),
    Merge(Box<Lowered>, Stored, Option<Arc<Encoded>>),
    /// It is written with another.
    Part,
}

impl Work {
    /// The type in which the result is stored, if it is computed.
    pub(super) fn float(&self) -> Option<Float> {
        match self {
            Work::Copy(_) | Work::Part => None,
            Work::Merge(_, stored, _) => Some(stored.float),
        }
    }
}

/// A tensor's arithmetic with what it reads.
pub(super) struct Lowered {
    pub(super) shape: Vec<u64>,
    pub(super) expression: Expression,
    pub(super) root: Node,
    /// The type that the result counts as being of.
    pub(super) float: Float,
    pub(super) inputs: Vec<(SlotId, Input)>,
    /// The tensor that the result goes out from, where it is one of the inputs.
    pub(super) base: Option<Node>,
    /// What must be known of a result that is encoded.
    pub(super) largest: Option<Largest>,
}

impl Draft {
    /// The job of an only or first output.
    pub(super) fn job(self, classes: &mut Classes) -> Result<Job, PlanError> {
        let action = match self.work {
            Work::Copy(input) => Action::Copy(input),
            Work::Part => Action::Part,
            Work::Merge(lowered, stored, encoded) => {
                let mut inputs = Vec::new();
                let work = lowered.work(stored, &mut inputs, classes);
                let work = classes.work(work.ok_or_else(|| too_many(&self.key))?);
                Action::Merge {
                    inputs: inputs.into(),
                    outputs: classes.works(None, work),
                    float: stored.float,
                    resident: false,
                    encoded,
                }
            }
        };
        let elements: u64 = self.shape.iter().product();
        Ok(Job {
            key: self.key,
            dtype: self.dtype,
            elements,
            // Types narrower than a byte are counted by their stored bytes.
            bytes: match &action {
                Action::Merge {
                    encoded: Some(_), ..
                } => 0,
                _ => (elements * self.dtype.bits()).div_ceil(8),
            },
            shape: classes.shape(&self.shape),
            place: Place::default(),
            run: self.run,
            is_part: self.is_entry && !self.is_codes,
            streams: true,
            action,
            copies: self.copies,
        })
    }

    /// That no output before has the tensor.
    pub(super) fn stray(self) -> PlanError {
        PlanError::Outputs { key: self.key }
    }

    /// Adds what a further output computes to a job.
    pub(super) fn join(self, job: &mut Job, classes: &mut Classes) -> Result<(), PlanError> {
        let own = (&job.key, job.dtype, &*job.shape, job.run);
        if own != (&self.key, self.dtype, &*self.shape, self.run) {
            return Err(self.stray());
        }
        match (&mut job.action, self.work) {
            (Action::Copy(known), Work::Copy(input)) if *known == input => Ok(()),
            (Action::Part, Work::Part) => Ok(()),
            (
                Action::Merge {
                    inputs, outputs, ..
                },
                Work::Merge(lowered, stored, _),
            ) => {
                let mut all = std::mem::take(inputs).into_vec();
                let work = lowered.work(stored, &mut all, classes);
                let work = classes.work(work.ok_or_else(|| too_many(&self.key))?);
                *inputs = all.into();
                *outputs = classes.works(Some(&*outputs), work);
                Ok(())
            }
            _ => Err(PlanError::Outputs { key: self.key }),
        }
    }
}

impl Lowered {
    /// The input of a slot, where it is a tensor of a file as it is.
    pub(super) fn whole_input(&self, slot: SlotId) -> Option<&Input> {
        let mut inputs = self.inputs.iter();
        let (_, input) = inputs.find(|(own, _)| *own == slot)?;
        matches!(input.bytes, Bytes::Run { .. } | Bytes::Coded(_)).then_some(input)
    }

    /// What the result goes out from, with its type, where it is read.
    pub(super) fn base_input(&self) -> Option<(Input, Float)> {
        let (slot, float) = self.expression.untouched(self.base?)?;
        let mut inputs = self.inputs.iter();
        let (_, input) = inputs.find(|(own, _)| *own == slot)?;
        Some((input.clone(), float))
    }

    /// What is computed; `all` gets the inputs that it does not have. None where those are more
    /// than have numbers.
    fn work(
        self,
        stored: Stored,
        all: &mut Vec<Input>,
        classes: &mut Classes,
    ) -> Option<Arithmetic> {
        let Lowered {
            expression,
            root,
            inputs,
            largest,
            ..
        } = self;
        let class = classes.class(&expression, root, stored);
        let mut slots = vec![None; expression.next_slot().index()];
        for (slot, input) in inputs {
            let slot = slot.index();
            if classes.classes[class].slots[slot] {
                let known = all.iter().position(|known| *known == input);
                let at = known.unwrap_or_else(|| {
                    all.push(input);
                    all.len() - 1
                });
                slots[slot] = Some(InputId::after(at)?);
            }
        }
        let Parts {
            row,
            statistics,
            planes,
            stages,
        } = expression.into_parts();
        Some(Arithmetic {
            class,
            slots,
            row,
            statistics,
            planes,
            stages,
            largest,
        })
    }
}

fn too_many(key: &str) -> PlanError {
    PlanError::Inputs {
        key: key.to_owned(),
    }
}
