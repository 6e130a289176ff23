//! From recipe and headers to jobs: which tensors there are, and how each comes about.

use super::account::{self, Ledger, is_merged};
use super::bytes::Seen;
use super::class::Classes;
use super::job::{Action, Input, Job, Place};
use super::loader::TensorLoader;
use super::{PlanError, Source};
use crate::dtype::Float;
use crate::kernel::{End, Expression};
use crate::keys::KeyReport;
use crate::recipe::{
    Leaf, Lowerer, Names, NodeId, OnNan, OutputDType, Recipe, Solution, View, spaces,
};

/// Jobs without places, and what they share.
pub(super) struct Resolved {
    pub(super) jobs: Vec<Job>,
    pub(super) report: KeyReport,
}

pub(super) fn resolve(
    recipe: &Recipe,
    sources: &[Source<'_>],
    classes: &mut Classes,
) -> Result<Resolved, PlanError> {
    for source in sources {
        if source.tensors.is_empty() {
            return Err(PlanError::Empty {
                model: account::name(source),
            });
        }
    }
    let solution = solve(recipe, sources)?;
    let plain = recipe.is_plain();
    let keys: Vec<String> = if plain {
        account::check_families(&sources[recipe.reference], sources)?;
        let keys = account::output_keys(recipe, sources);
        keys.into_iter().map(str::to_owned).collect()
    } else {
        let names = solution.names(recipe, recipe.root(), &recipe.configs);
        names.into_iter().collect()
    };
    if keys.is_empty() {
        return Err(PlanError::NoTensors {
            node: recipe.label(recipe.root()),
        });
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    recipe.options.filter.check(keys.iter().copied())?;
    let compared = match plain {
        true => {
            let report = account::account(recipe, sources, &keys);
            account::check_account(recipe, &report)?;
            Some(report)
        }
        false => None,
    };
    let mut resolver = Resolver {
        recipe,
        sources,
        solution: &solution,
        classes,
        ledger: Ledger::new(sources.len()),
    };
    let jobs: Vec<Job> = keys
        .iter()
        .filter_map(|key| resolver.job(key).transpose())
        .collect::<Result<_, PlanError>>()?;
    let report = match compared {
        Some(report) => report,
        None => {
            let report = resolver.ledger.report(recipe, sources, keys.len());
            resolver.ledger.check(recipe, &report)?;
            report
        }
    };
    let copied = jobs
        .iter()
        .filter(|job| matches!(job.action, Action::Copy(_)))
        .count();
    Ok(Resolved {
        report: KeyReport {
            merged: jobs.len() - copied,
            copied,
            ..report
        },
        jobs,
    })
}

/// Checks the merge spaces and finds out how every node's tensors are named.
fn solve(recipe: &Recipe, sources: &[Source<'_>]) -> Result<Solution, PlanError> {
    spaces(recipe)?;
    let names: Vec<Names<'_>> = sources
        .iter()
        .map(|source| Names {
            path: &source.path,
            tensors: source.tensors,
        })
        .collect();
    Ok(Solution::of(recipe, &names, &recipe.configs)?)
}

struct Resolver<'a> {
    recipe: &'a Recipe,
    sources: &'a [Source<'a>],
    solution: &'a Solution,
    classes: &'a mut Classes,
    ledger: Ledger,
}

impl Resolver<'_> {
    /// The job of a tensor of the output, or None where it cannot be made; the ledger says why.
    fn job(&mut self, key: &str) -> Result<Option<Job>, PlanError> {
        let recipe = self.recipe;
        let wanted = View::Tensor(key.to_owned());
        let Some(origin) = self.solution.origin(recipe, recipe.root(), &wanted) else {
            self.lower(key, &View::Stacked(Vec::new()), &[])?;
            return Ok(None);
        };
        let seen = Seen::of(&origin, self.sources)?;
        let float = seen
            .dtype
            .float()
            .filter(|_| is_merged(recipe, key, seen.dtype));
        let (dtype, action) = match float {
            Some(float) => match self.merge(key, float, &origin, &seen)? {
                Some((float, action)) => (float.dtype(), action),
                None => return Ok(None),
            },
            None => (seen.dtype, self.copy(key, &origin, &seen)),
        };
        let elements: u64 = seen.shape.iter().product();
        Ok(Some(Job {
            key: key.to_owned(),
            dtype,
            elements,
            // Types narrower than a byte are counted by their stored bytes.
            bytes: (elements * dtype.bits()).div_ceil(8),
            shape: seen.shape,
            place: Place::default(),
            action,
        }))
    }

    fn copy(&mut self, key: &str, origin: &View<Leaf>, seen: &Seen) -> Action {
        for leaf in origin.leaves() {
            self.ledger.uses(leaf.model, &leaf.name);
        }
        // The output has the tensor, though it is not theirs.
        let nodes = (0..self.recipe.nodes.len()).map(NodeId);
        for leaf in nodes.filter_map(|node| self.solution.leaf(node, key)) {
            self.ledger.uses(leaf.model, &leaf.name);
        }
        Action::Copy(Input {
            model: seen.bytes.model(),
            element_bytes: (seen.dtype.bits() / 8).max(1),
            bytes: seen.bytes.clone(),
        })
    }

    fn merge(
        &mut self,
        key: &str,
        stored: Float,
        origin: &View<Leaf>,
        seen: &Seen,
    ) -> Result<Option<(Float, Action)>, PlanError> {
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
            return Ok(Some((float, self.copy(key, origin, seen))));
        }
        let Some(lowered) = self.lower(key, origin, &seen.shape)? else {
            return Ok(None);
        };
        let Lowered {
            expression,
            root,
            inputs,
        } = lowered;
        let end = |value| End::Store { value, float };
        let slots = usize::from(expression.next_slot());
        let class = self.classes.class(&expression, root, slots, end);
        let mut slots: Vec<Option<Input>> = vec![None; slots];
        for (slot, input) in inputs {
            let slot = usize::from(slot);
            slots[slot] = self.classes.classes[class].slots[slot].then_some(input);
        }
        let action = Action::Merge {
            class,
            inputs: slots,
            row: expression.row().clone(),
            statistics: expression.statistics().to_vec(),
            planes: expression.planes().to_vec(),
            float,
            resident: false,
        };
        Ok(Some((float, action)))
    }

    /// A tensor's arithmetic, or None where something is lacking; the ledger says what.
    fn lower(
        &mut self,
        key: &str,
        origin: &View<Leaf>,
        shape: &[u64],
    ) -> Result<Option<Lowered>, PlanError> {
        let mut expression = Expression::new(self.recipe.options.compute);
        let mut loader = TensorLoader {
            recipe: self.recipe,
            sources: self.sources,
            key,
            origin,
            shape,
            ledger: &mut self.ledger,
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
        self.ledger.lacks(self.recipe, self.solution, key, lost);
        Ok(root.map(|root| Lowered {
            expression,
            root,
            inputs,
        }))
    }
}

/// A tensor's arithmetic with what it reads.
struct Lowered {
    expression: Expression,
    root: crate::kernel::Node,
    inputs: Vec<(u16, Input)>,
}
