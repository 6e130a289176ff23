//! Drafts jobs: what each tensor of the output computes.

use super::account::{is_merged, read_as};
use super::asked::Asked;
use super::class::Stored;
use super::draft::{Draft, Lowered, Work};
use super::frame::{Frame, Region};
use super::ledger::Ledger;
use super::loader::{Framed, Loaded, TensorLoader};
use super::seen::Seen;
use super::{PlanError, Source};
use crate::dtype::{DType, Float, promoted};
use crate::kernel::{Compute, Expression, Node};
use crate::recipe::{
    Leaf, Lowerer, Missing, OnNan, OutputDType, Recipe, ShapePolicy, Solution, View,
};

/// Drafts jobs.
#[derive(Clone, Copy)]
pub(super) struct Drafter<'a> {
    pub(super) recipe: &'a Recipe,
    pub(super) sources: &'a [Source<'a>],
    pub(super) solution: &'a Solution<'a>,
    /// Threads that draft.
    pub(super) threads: usize,
    /// Whether it is measured what results change.
    pub(super) measures: bool,
}

impl<'a> Drafter<'a> {
    /// What is asked for, with its entries where it is stored as codes; nothing where it cannot be
    /// made, and the ledger says why.
    pub(super) fn one(
        self,
        asked: &Asked<'_>,
        ledger: &mut Ledger<'a>,
    ) -> Result<Vec<Draft>, PlanError> {
        let (recipe, key) = (self.recipe, asked.key);
        let name = self.solution.output_name(key);
        let Some(origin) = self.solution.origin(recipe, recipe.root(), &asked.view) else {
            let compute = recipe.options.compute;
            self.lower(asked, &View::Stacked(Vec::new()), &[], compute, ledger)?;
            if recipe.options.missing == Missing::Skip {
                ledger.untaken(name);
            }
            return Ok(Vec::new());
        };
        let seen = Seen::of(&origin, self.sources)?;
        let counts = !recipe.options.integers && self.counts(key);
        let merged = is_merged(recipe, name, seen.dtype) && !counts;
        let (dtype, work) = match self.stored(key, &seen)?.filter(|_| merged) {
            Some(float) => match self.merge(asked, float, &origin, &seen, ledger)? {
                Some(work) => (work.float().unwrap_or(float).dtype(), work),
                None => return Ok(Vec::new()),
            },
            None => match self.copy(key, &origin, &seen, ledger) {
                Work::Copy(input) if self.is_decoded(&seen) => {
                    let work = self.numbers(input, &seen);
                    (work.float().unwrap_or(Float::BF16).dtype(), work)
                }
                work => (seen.dtype, work),
            },
        };
        let target = self.target(name, &seen).filter(|_| asked.run.is_none());
        let work = match target {
            Some(target) => self.targeted(name, &seen, work, target),
            None => work,
        };
        let shape = match &work {
            Work::Copy(_) | Work::Part => seen.shape.clone(),
            Work::Merge(lowered, ..) => lowered.shape.clone(),
        };
        let shape = asked.inner(shape);
        let copies = match work {
            Work::Copy(_) if recipe.options.compares => self.copies(key),
            _ => Box::default(),
        };
        let draft = Draft {
            key: name.to_owned(),
            dtype,
            shape,
            run: asked.run,
            work,
            copies,
            said: None,
            from: None,
            is_entry: false,
            is_codes: false,
        };
        let own = match &origin {
            View::Tensor(leaf) => Some(leaf.name.as_str()),
            _ => None,
        };
        Ok(self.with_entries(draft, own, &seen))
    }

    /// Whether the model config of the output says that a tensor is of integers, whatever type a
    /// model stores it in.
    fn counts(self, key: &str) -> bool {
        let config = self.solution.config(self.recipe.root());
        let key = config.and_then(|config| config.key(key));
        key.is_some_and(|key| key.dtype.is_integer())
    }

    fn merge(
        self,
        asked: &Asked<'_>,
        float: Float,
        origin: &View<Leaf>,
        seen: &Seen,
        ledger: &mut Ledger<'a>,
    ) -> Result<Option<Work>, PlanError> {
        let recipe = self.recipe;
        let routed = self.solution.routed(recipe, recipe.root(), &asked.view);
        let kept = self.kept(seen);
        let unchecked = recipe.options.on_nan == OnNan::Keep && float.dtype() == seen.dtype;
        let unchecked = unchecked || kept.is_some();
        if kept.is_some() && seen.shape.contains(&0) {
            // There is nothing to make codes of.
            return Ok(Some(self.copy(asked.key, origin, seen, ledger)));
        }
        if unchecked && routed.as_ref() == Some(origin) {
            // Nothing is computed and nothing checked: not a bit may change.
            return Ok(Some(self.copy(asked.key, origin, seen, ledger)));
        }
        let compute = recipe.options.compute;
        let Some(mut lowered) = self.lower(asked, origin, &seen.shape, compute, ledger)? else {
            return Ok(None);
        };
        let unrounded = recipe.options.direct_casts || compute == Compute::F32;
        if let Some((slot, own)) = lowered.expression.untouched(lowered.root)
            && unrounded
        {
            if let Some(input) = lowered.whole_input(slot)
                && (kept.is_none() || input.bytes == seen.bytes)
                && recipe.options.on_nan == OnNan::Keep
                && own == float
                && lowered.shape == seen.shape
            {
                return Ok(Some(Work::Copy(input.clone())));
            }
            if compute != Compute::F32 {
                let direct = self.lower(asked, origin, &seen.shape, Compute::F32, ledger)?;
                lowered = direct.unwrap_or(lowered);
            }
        }
        let float = match recipe.options.dtype {
            OutputDType::Computed => lowered.float,
            _ => float,
        };
        let name = self.solution.output_name(asked.key);
        let encoded = match (origin, kept.filter(|_| asked.run.is_none())) {
            (View::Tensor(leaf), Some(codes)) => {
                self.encoded((name, &leaf.name), codes, &mut lowered)
            }
            _ => None,
        };
        let stored = Stored {
            float: if encoded.is_some() { Float::F32 } else { float },
            on_overflow: recipe.options.on_overflow,
            base: lowered.base.filter(|_| self.measures && encoded.is_none()),
            known: encoded.as_ref().and_then(|encoded| encoded.1),
        };
        let encoded = encoded.map(|encoded| encoded.0);
        Ok(Some(Work::Merge(Box::new(lowered), stored, encoded)))
    }

    /// The type of a merged tensor in the output; None where the tensor is no number, or keeps a
    /// type that is not computed in.
    pub(super) fn stored(self, key: &str, seen: &Seen) -> Result<Option<Float>, PlanError> {
        let recipe = self.recipe;
        let own = read_as(recipe, seen.kept);
        Ok(match recipe.options.dtype {
            OutputDType::Keep => own.map(|own| recipe.cast().unwrap_or(own)),
            OutputDType::Float(float) => own.map(|_| float),
            // Its arithmetic will say it.
            OutputDType::Computed => own,
            OutputDType::Promoted => match self.types(key).as_slice() {
                [_] => seen.kept.float(),
                types => Some(promoted(types).ok_or_else(|| PlanError::NoCommonType {
                    key: self.solution.output_name(key).to_owned(),
                    types: types.iter().map(DType::to_string).collect(),
                })?),
            },
        })
    }

    /// The types of the models' tensors that go by a name.
    fn types(self, key: &str) -> Vec<DType> {
        let leaves = self.solution.named(key);
        let info = |leaf: Leaf| self.sources[leaf.model.index()].tensors.get(&leaf.name);
        let types = leaves.filter_map(info).map(|info| match &info.coding {
            Some(_) => Float::BF16.dtype(),
            None => info.dtype,
        });
        types.collect()
    }

    /// A tensor's arithmetic, or None where something is lacking; the ledger says what.
    fn lower(
        self,
        asked: &Asked<'_>,
        origin: &View<Leaf>,
        shape: &[u64],
        compute: Compute,
        ledger: &mut Ledger<'a>,
    ) -> Result<Option<Lowered>, PlanError> {
        let mut expression = Expression::new(compute);
        let mut loader = TensorLoader {
            recipe: self.recipe,
            sources: self.sources,
            key: asked.key,
            origin,
            shape,
            ledger: &mut *ledger,
            inputs: Vec::new(),
            fault: None,
            framed: None,
        };
        let root = self.value(asked, &mut expression, &mut loader, false)?;
        let policy = self.recipe.options.shape;
        let differ = loader.inputs.iter().any(|input| input.form != shape);
        if root.is_some() && policy.grows() && differ {
            return self.framed(asked, compute, loader);
        }
        let base = root.and_then(|_| loader.origin_value(&expression));
        Ok(root.map(|root| Lowered {
            base,
            ..root.lowered(shape.to_vec(), expression, loader)
        }))
    }

    /// The value of the root.
    fn value(
        self,
        asked: &Asked<'_>,
        expression: &mut Expression,
        loader: &mut TensorLoader<'_, '_>,
        partial: bool,
    ) -> Result<Option<Root>, PlanError> {
        let (recipe, solution) = (self.recipe, self.solution);
        let shape = loader.framed.as_ref().map(|framed| framed.shape.as_slice());
        let shape = shape.unwrap_or(loader.shape).to_vec();
        let name = &asked.name;
        let mut lowerer = Lowerer::new(recipe, solution, name, expression, &mut *loader);
        lowerer.run = asked.rows;
        lowerer.partial = partial;
        lowerer.elements = shape.iter().product();
        lowerer.shape = asked.inner(shape);
        let root = lowerer.root(&asked.view)?.map(|node| Root {
            node,
            float: lowerer.float(node),
        });
        let lost = std::mem::take(&mut lowerer.lost);
        if let Some(fault) = loader.fault.take() {
            return Err(fault);
        }
        if loader.framed.is_none() {
            loader.ledger.lacks(recipe, solution, asked.key, lost);
        }
        Ok(root)
    }

    /// The arithmetic of a tensor that is of several shapes: of the shape that has room for all,
    /// and where what only some have is kept, region by region.
    fn framed(
        self,
        asked: &Asked<'_>,
        compute: Compute,
        mut loader: TensorLoader<'_, '_>,
    ) -> Result<Option<Lowered>, PlanError> {
        let loaded = std::mem::take(&mut loader.inputs);
        let (numbers, loaded): (Vec<Loaded>, Vec<Loaded>) =
            loaded.into_iter().partition(|input| input.everywhere);
        let numbers: Vec<View<Leaf>> = numbers.into_iter().map(|input| input.view).collect();
        let forms: Vec<Vec<u64>> = loaded.iter().map(|input| input.form.clone()).collect();
        let views: Vec<View<Leaf>> = loaded.into_iter().map(|input| input.view).collect();
        let policy = self.recipe.options.shape;
        let repeats = forms.iter().any(|form| policy.repeats(loader.shape, form));
        let frame = match repeats {
            true => Frame::repeated(&forms),
            false => Frame::of(&forms),
        };
        let Some(frame) = frame else {
            loader.refuse(&views, &forms);
            return Ok(None);
        };
        let mut expression = Expression::new(compute);
        if policy != ShapePolicy::Keep {
            loader.framed = Some(Framed {
                shape: frame.shape.clone(),
                within: None,
                owners: [views, numbers].concat(),
            });
            let root = self.value(asked, &mut expression, &mut loader, false)?;
            return Ok(root.map(|root| root.lowered(frame.shape, expression, loader)));
        }
        let mut kept: Option<Root> = None;
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
            let Some(value) = self.region(asked, region, &mut expression, &mut loader)? else {
                return Ok(None);
            };
            kept = Some(match region.within == frame.shape {
                true => value,
                false => value.inside(&mut loader, &mut expression, (region, kept)),
            });
        }
        if !expression.stages().is_empty() {
            // They would be of the zeros beside a region, too.
            loader.refuse(&views, &forms);
            return Ok(None);
        }
        Ok(kept.map(|root| root.lowered(frame.shape, expression, loader)))
    }

    /// The value of the tensors that have a region: merged, where there are several.
    fn region(
        self,
        asked: &Asked<'_>,
        region: &Region,
        expression: &mut Expression,
        loader: &mut TensorLoader<'_, '_>,
    ) -> Result<Option<Root>, PlanError> {
        let first = expression.statistics().len();
        let all = region.count() == region.owners.len();
        let merged = match region.count() {
            1 => None,
            _ => self.value(asked, expression, loader, !all)?,
        };
        expression.confine(first, region.elements(), !all);
        Ok(match merged {
            Some(merged) => Some(merged),
            None if all => None,
            None => loader.first(expression).map(|node| Root {
                node,
                float: Float::F32,
            }),
        })
    }
}

/// The result of a tensor's arithmetic.
#[derive(Clone, Copy)]
struct Root {
    node: Node,
    /// The type that it counts as being of.
    float: Float,
}

impl Root {
    /// The arithmetic that it is the result of, with what that reads.
    fn lowered(
        self,
        shape: Vec<u64>,
        expression: Expression,
        loader: TensorLoader<'_, '_>,
    ) -> Lowered {
        Lowered {
            shape,
            expression,
            root: self.node,
            float: self.float,
            inputs: loader.into_inputs(),
            base: None,
            largest: None,
        }
    }

    /// It inside of a region, and what was kept before outside of it.
    fn inside(
        self,
        loader: &mut TensorLoader<'_, '_>,
        expression: &mut Expression,
        (region, kept): (&Region, Option<Root>),
    ) -> Root {
        let before = kept.map(|kept| kept.node);
        let node = loader.inside(expression, &region.within, self.node, before);
        Root { node, ..self }
    }
}
