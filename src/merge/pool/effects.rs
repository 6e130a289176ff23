//! Which models an output would be the same without.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::plan::{Action, Bytes, Input, Job};
use crate::recipe::ModelId;

/// For each model, whether anything was read of it that can change the output: an element that is
/// not the base's or, of an adapter, not zero.
#[derive(Debug)]
pub(in crate::merge) struct Effects {
    reference: ModelId,
    seen: Vec<AtomicBool>,
    /// Of how many models nothing was seen yet.
    left: AtomicUsize,
}

impl Effects {
    /// For so many models, of which one is the base.
    pub(in crate::merge) fn new(models: usize, reference: ModelId) -> Effects {
        let effects = Effects {
            reference,
            seen: (0..models).map(|_| AtomicBool::new(false)).collect(),
            left: AtomicUsize::new(models),
        };
        effects.mark(reference);
        effects
    }

    /// Where nobody asks: nothing is looked at, and no model is found.
    pub(in crate::merge) fn unwatched() -> Effects {
        Effects {
            reference: ModelId::default(),
            seen: Vec::new(),
            left: AtomicUsize::new(0),
        }
    }

    /// Looks at what was read of a job: inputs of `len` elements lie at `offsets` of the arena,
    /// where they were read.
    pub(in crate::merge) fn look(
        &self,
        job: &Job,
        offsets: &[Option<usize>],
        len: u64,
        arena: &[u8],
    ) {
        if self.left.load(Ordering::Relaxed) == 0 {
            return;
        }
        let bytes = |(input, offset): (&Input, &Option<usize>)| {
            let begin = (*offset)?;
            arena.get(begin..begin + (len * input.element_bytes) as usize)
        };
        let mut inputs = job.inputs().iter().zip(offsets);
        let base = inputs.find(|(input, _)| {
            input.model() == self.reference && matches!(input.bytes, Bytes::Run { .. })
        });
        let base = base.and_then(bytes);
        for (input, offset) in job.inputs().iter().zip(offsets) {
            let model = input.model();
            let known = &self.seen[model.index()];
            let (false, Some(own)) = (known.load(Ordering::Relaxed), bytes((input, offset))) else {
                continue;
            };
            let idle = match &input.bytes {
                Bytes::Run { .. } => base == Some(own),
                Bytes::Delta(_) => own.iter().all(|byte| *byte == 0),
                _ => false,
            };
            if !idle {
                self.mark(model);
            }
        }
    }

    /// Notes a job whose bytes are a model's.
    pub(in crate::merge) fn copied(&self, job: &Job) {
        if let Action::Copy(input) = &job.action {
            self.mark(input.model());
        }
    }

    fn mark(&self, model: ModelId) {
        let was = self.seen[model.index()].swap(true, Ordering::Relaxed);
        if !was {
            self.left.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The models of which nothing was seen.
    pub(in crate::merge) fn idle(&self) -> impl Iterator<Item = ModelId> {
        let seen = ModelId::all().zip(&self.seen);
        let idle = seen.filter(|(_, seen)| !seen.load(Ordering::Relaxed));
        idle.map(|(model, _)| model)
    }
}
