//! Drafts of jobs: what each tensor of the output computes, before equal computations are joined.

use super::account::is_merged;
use super::bytes::Seen;
use super::class::{Classes, Stored};
use super::job::{Action, Input, Job, Place};
use super::ledger::Ledger;
use super::loader::TensorLoader;
use super::parallel::in_runs;
use super::{PlanError, Source};
use crate::dtype::{DType, Float};
use crate::kernel::{Expression, Node};
use crate::recipe::{Leaf, Lowerer, OnNan, OutputDType, Recipe, Solution, View};

/// Tensors that are worth a thread.
const THREAD_TENSORS: usize = 64;

/// A job whose class is not known yet.
pub(super) struct Draft {
    key: String,
    dtype: DType,
    shape: Vec<u64>,
    work: Work,
}

enum Work {
    Copy(Input),
    Merge(Box<Lowered>, Stored),
}

/// A tensor's arithmetic with what it reads.
struct Lowered {
    expression: Expression,
    root: Node,
    inputs: Vec<(u16, Input)>,
}

impl Draft {
    /// The job, in the class of its arithmetic.
    pub(super) fn job(self, classes: &mut Classes) -> Job {
        let action = match self.work {
            Work::Copy(input) => Action::Copy(input),
            Work::Merge(lowered, stored) => lowered.action(stored, classes),
        };
        let elements: u64 = self.shape.iter().product();
        Job {
            key: self.key,
            dtype: self.dtype,
            elements,
            // Types narrower than a byte are counted by their stored bytes.
            bytes: (elements * self.dtype.bits()).div_ceil(8),
            shape: self.shape,
            place: Place::default(),
            action,
        }
    }
}

impl Lowered {
    fn action(self, stored: Stored, classes: &mut Classes) -> Action {
        let Lowered {
            expression,
            root,
            inputs,
        } = self;
        let class = classes.class(&expression, root, stored);
        let mut slots: Vec<Option<Input>> = vec![None; usize::from(expression.next_slot())];
        for (slot, input) in inputs {
            let slot = usize::from(slot);
            slots[slot] = classes.classes[class].slots[slot].then_some(input);
        }
        let (row, statistics, planes) = expression.into_parts();
        Action::Merge {
            class,
            inputs: slots,
            row,
            statistics,
            planes,
            float: stored.float,
            resident: false,
        }
    }
}

/// Drafts jobs.
#[derive(Clone, Copy)]
pub(super) struct Drafter<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) sources: &'a [Source<'a>],
    pub(super) solution: &'a Solution<'a>,
}

impl<'a> Drafter<'a> {
    /// The drafts of tensors of the output, in order, without those that cannot be made; the ledger
    /// says why.
    pub(super) fn all(
        self,
        keys: &[&str],
        ledger: &mut Ledger<'a>,
    ) -> Result<Vec<Draft>, PlanError> {
        let parts = in_runs(keys, THREAD_TENSORS, |keys| self.part(keys));
        let mut drafts = Vec::with_capacity(keys.len());
        for (own, more) in parts {
            ledger.add(more);
            drafts.append(&mut own?);
        }
        Ok(drafts)
    }

    fn part(self, keys: &[&str]) -> Part<'a> {
        let mut ledger = Ledger::new(self.sources);
        let drafts = keys
            .iter()
            .filter_map(|key| self.draft(key, &mut ledger).transpose());
        (drafts.collect(), ledger)
    }

    /// A tensor of the output, or None where it cannot be made; the ledger says why.
    fn draft(self, key: &str, ledger: &mut Ledger<'a>) -> Result<Option<Draft>, PlanError> {
        let recipe = self.recipe;
        let name = self.solution.output_name(key);
        let wanted = View::Tensor(key.to_owned());
        let Some(origin) = self.solution.origin(recipe, recipe.root(), &wanted) else {
            self.lower(key, &View::Stacked(Vec::new()), &[], ledger)?;
            return Ok(None);
        };
        let seen = Seen::of(&origin, self.sources)?;
        let float = seen
            .dtype
            .float()
            .filter(|_| is_merged(recipe, name, seen.dtype) && !self.counts(key));
        let (dtype, work) = match float {
            Some(float) => match self.merge(key, float, &origin, &seen, ledger)? {
                Some((float, work)) => (float.dtype(), work),
                None => return Ok(None),
            },
            None => (seen.dtype, self.copy(key, &origin, &seen, ledger)),
        };
        Ok(Some(Draft {
            key: name.to_owned(),
            dtype,
            shape: seen.shape,
            work,
        }))
    }

    /// Whether the model config of the output says that a tensor is of integers, whatever type a
    /// model stores it in.
    fn counts(self, key: &str) -> bool {
        let config = self.solution.config(self.recipe.root());
        let key = config.and_then(|config| config.key(key));
        key.is_some_and(|key| key.dtype.is_integer())
    }

    fn copy(self, key: &str, origin: &View<Leaf>, seen: &Seen, ledger: &mut Ledger<'a>) -> Work {
        for leaf in origin.leaves() {
            ledger.uses(leaf.model, &leaf.name);
        }
        // The output has the tensor, though it is not theirs.
        for leaf in self.solution.named(key) {
            ledger.uses(leaf.model, &leaf.name);
        }
        Work::Copy(Input {
            model: seen.bytes.model(),
            element_bytes: seen.dtype.unit().bytes,
            bytes: seen.bytes.clone(),
        })
    }

    fn merge(
        self,
        key: &str,
        stored: Float,
        origin: &View<Leaf>,
        seen: &Seen,
        ledger: &mut Ledger<'a>,
    ) -> Result<Option<(Float, Work)>, PlanError> {
        let recipe = self.recipe;
        let float = match recipe.options.dtype {
            OutputDType::Keep => recipe.cast().unwrap_or(stored),
            OutputDType::Float(float) => float,
        };
        let routed = self
            .solution
            .routed(recipe, recipe.root(), &View::Tensor(key.to_owned()));
        let untouched = recipe.options.on_nan == OnNan::Keep && float == stored;
        if untouched && routed.as_ref() == Some(origin) {
            // Nothing is computed and nothing checked: not a bit may change.
            return Ok(Some((float, self.copy(key, origin, seen, ledger))));
        }
        let lowered = self.lower(key, origin, &seen.shape, ledger)?;
        let stored = Stored {
            float,
            on_overflow: recipe.options.on_overflow,
        };
        Ok(lowered.map(|lowered| (float, Work::Merge(Box::new(lowered), stored))))
    }

    /// A tensor's arithmetic, or None where something is lacking; the ledger says what.
    fn lower(
        self,
        key: &str,
        origin: &View<Leaf>,
        shape: &[u64],
        ledger: &mut Ledger<'a>,
    ) -> Result<Option<Lowered>, PlanError> {
        let mut expression = Expression::new(self.recipe.options.compute);
        let mut loader = TensorLoader {
            recipe: self.recipe,
            sources: self.sources,
            key,
            origin,
            shape,
            ledger: &mut *ledger,
            inputs: Vec::new(),
            fault: None,
        };
        let mut lowerer = Lowerer::new(
            self.recipe,
            self.solution,
            key,
            &mut expression,
            &mut loader,
        );
        let root = lowerer.root()?;
        let lost = std::mem::take(&mut lowerer.lost);
        if let Some(fault) = loader.fault.take() {
            return Err(fault);
        }
        let inputs = std::mem::take(&mut loader.inputs);
        let inputs = inputs.into_iter().map(|(slot, _, input, _)| (slot, input));
        let inputs = inputs.collect();
        ledger.lacks(self.recipe, self.solution, key, lost);
        Ok(root.map(|root| Lowered {
            expression,
            root,
            inputs,
        }))
    }
}

/// What a thread drafts.
type Part<'a> = (Result<Vec<Draft>, PlanError>, Ledger<'a>);
