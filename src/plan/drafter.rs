//! Drafts jobs: what each tensor of the output computes.

use super::account::is_merged;
use super::bytes::Seen;
use super::class::Stored;
use super::draft::{Draft, Lowered, Work};
use super::frame::{Frame, Region};
use super::job::Input;
use super::ledger::Ledger;
use super::loader::{Framed, Loaded, TensorLoader};
use super::parallel::in_runs;
use super::{PlanError, Source};
use crate::dtype::Float;
use crate::kernel::{Expression, Node};
use crate::recipe::{Leaf, Lowerer, OnNan, OutputDType, Recipe, ShapePolicy, Solution, View};

/// Tensors that are worth a thread.
const THREAD_TENSORS: usize = 64;

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
        let shape = match &work {
            Work::Copy(_) => seen.shape,
            Work::Merge(lowered, _) => lowered.shape.clone(),
        };
        Ok(Some(Draft {
            key: name.to_owned(),
            dtype,
            shape,
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
            framed: None,
        };
        let root = self.value(key, &mut expression, &mut loader, false)?;
        let policy = self.recipe.options.shape;
        let differ = loader.inputs.iter().any(|input| input.form != shape);
        if root.is_some() && policy.grows() && differ {
            return self.framed(key, loader);
        }
        Ok(root.map(|root| Lowered {
            shape: shape.to_vec(),
            expression,
            root,
            inputs: loader.into_inputs(),
        }))
    }

    /// The value of the root.
    fn value(
        self,
        key: &str,
        expression: &mut Expression,
        loader: &mut TensorLoader<'_, '_>,
        partial: bool,
    ) -> Result<Option<Node>, PlanError> {
        let (recipe, solution) = (self.recipe, self.solution);
        let mut lowerer = Lowerer::new(recipe, solution, key, expression, &mut *loader);
        lowerer.partial = partial;
        let root = lowerer.root()?;
        let lost = std::mem::take(&mut lowerer.lost);
        if let Some(fault) = loader.fault.take() {
            return Err(fault);
        }
        if loader.framed.is_none() {
            loader.ledger.lacks(recipe, solution, key, lost);
        }
        Ok(root)
    }

    /// The arithmetic of a tensor that is of several shapes: of the shape that has room for all,
    /// and where what only some have is kept, region by region.
    fn framed(
        self,
        key: &str,
        mut loader: TensorLoader<'_, '_>,
    ) -> Result<Option<Lowered>, PlanError> {
        let loaded = std::mem::take(&mut loader.inputs);
        let (numbers, loaded): (Vec<Loaded>, Vec<Loaded>) =
            loaded.into_iter().partition(|input| input.everywhere);
        let numbers: Vec<View<Leaf>> = numbers.into_iter().map(|input| input.view).collect();
        let forms: Vec<Vec<u64>> = loaded.iter().map(|input| input.form.clone()).collect();
        let views: Vec<View<Leaf>> = loaded.into_iter().map(|input| input.view).collect();
        let Some(frame) = Frame::of(&forms) else {
            loader.refuse(&views, &forms);
            return Ok(None);
        };
        let mut expression = Expression::new(self.recipe.options.compute);
        if self.recipe.options.shape == ShapePolicy::Pad {
            loader.framed = Some(Framed {
                shape: frame.shape.clone(),
                within: None,
                owners: [views, numbers].concat(),
            });
            let root = self.value(key, &mut expression, &mut loader, false)?;
            return Ok(root.map(|root| Lowered {
                shape: frame.shape,
                expression,
                root,
                inputs: loader.into_inputs(),
            }));
        }
        let mut kept: Option<Node> = None;
        for region in &frame.regions {
            let owners = views.iter().zip(&region.owners);
            let owners: Vec<View<Leaf>> = owners
                .filter(|(_, owns)| **owns)
                .map(|(view, _)| view.clone())
                .chain(numbers.iter().cloned())
                .collect();
            loader.framed = Some(Framed {
                shape: frame.shape.clone(),
                within: Some(region.within.clone()),
                owners,
            });
            let Some(value) = self.region(key, region, &mut expression, &mut loader)? else {
                return Ok(None);
            };
            kept = Some(match region.within == frame.shape {
                true => value,
                false => loader.inside(&mut expression, &region.within, value, kept),
            });
        }
        if expression.planes().iter().any(|plane| plane.made.ranks()) {
            // The ranks would be those of the zeros beside a region, too.
            loader.refuse(&views, &forms);
            return Ok(None);
        }
        Ok(kept.map(|root| Lowered {
            shape: frame.shape,
            expression,
            root,
            inputs: loader.into_inputs(),
        }))
    }

    /// The value of the tensors that have a region: merged, where there are several.
    fn region(
        self,
        key: &str,
        region: &Region,
        expression: &mut Expression,
        loader: &mut TensorLoader<'_, '_>,
    ) -> Result<Option<Node>, PlanError> {
        let first = expression.statistics().len();
        let all = region.count() == region.owners.len();
        let merged = match region.count() {
            1 => None,
            _ => self.value(key, expression, loader, !all)?,
        };
        expression.confine(first, region.elements(), !all);
        Ok(match merged {
            Some(merged) => Some(merged),
            None if all => None,
            None => loader.first(expression),
        })
    }
}

/// What a thread drafts.
type Part<'a> = (Result<Vec<Draft>, PlanError>, Ledger<'a>);
