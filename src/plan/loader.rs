//! Loads the tensors of models into a tensor's expression.

use super::account::read_as;
use super::bytes::{Bytes, Cut};
use super::input::Input;
use super::ledger::Ledger;
use super::seen::Seen;
use super::{PlanError, Source};
use crate::dtype::Float;
use crate::kernel::{Entry, Expression, Formula, Node, SlotId};
use crate::keys::Mismatch;
use crate::method::Space;
use crate::recipe::{Leaf, Loader, OnNan, OnOverflow, Recipe, View, same_numbers};

/// What one tensor of the output reads.
pub(super) struct TensorLoader<'a, 'b> {
    pub(super) recipe: &'a Recipe,
    pub(super) sources: &'a [Source<'a>],
    /// The tensor's name in the output.
    pub(super) key: &'a str,
    /// What it has its dimensions from, and stands in for what is not finite.
    pub(super) origin: &'a View<Leaf>,
    pub(super) shape: &'a [u64],
    pub(super) ledger: &'a mut Ledger<'b>,
    /// What is read.
    pub(super) inputs: Vec<Loaded>,
    pub(super) fault: Option<PlanError>,
    /// What is worked out, where the tensors are of several shapes.
    pub(super) framed: Option<Framed>,
}

/// An input, and what it was made of.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) slot: SlotId,
    pub(super) view: View<Leaf>,
    /// The dimensions of what is seen, in as many dimensions as the reference has.
    pub(super) form: Vec<u64>,
    pub(super) input: Input,
    float: Float,
    /// The box of its elements that are read.
    within: Vec<u64>,
    /// Whether it is one number for all elements.
    pub(super) everywhere: bool,
}

/// A region of a frame at work.
#[derive(Clone, Debug)]
pub(super) struct Framed {
    /// The shape of the output.
    pub(super) shape: Vec<u64>,
    /// What may be read: the elements of a box; all where there is none.
    pub(super) within: Option<Vec<u64>>,
    /// The tensors that have the region.
    pub(super) owners: Vec<View<Leaf>>,
}

impl TensorLoader<'_, '_> {
    /// The slot of a view, and its stored type; None where its form does not fit.
    fn slot(
        &mut self,
        expression: &Expression,
        view: &View<Leaf>,
        space: Space,
    ) -> Option<(SlotId, Float)> {
        let framed = self.framed.as_ref();
        if framed.is_some_and(|framed| !framed.owners.contains(view)) {
            return None;
        }
        let within = framed.and_then(|framed| framed.within.clone());
        let known = self.inputs.iter().find(|known| {
            let within = within.as_ref().unwrap_or(&known.form);
            known.view == *view && (known.everywhere || known.within == *within)
        });
        if let Some(known) = known {
            return Some((known.slot, known.float));
        }
        let seen = self.seen(view)?;
        let float = read_as(self.recipe, seen.dtype);
        let fits = self.recipe.options.shape.fits(self.shape, &seen.shape);
        // A parameter may be one number for all elements of a tensor.
        let one = space == Space::Param
            && seen.shape.iter().product::<u64>() == 1
            && seen.dtype.is_mergeable()
            && matches!(seen.bytes, Bytes::Run { .. });
        let Some(float) = float.filter(|_| fits || one) else {
            self.mismatch(view, &seen);
            return None;
        };
        for leaf in view.leaves() {
            self.ledger.uses(leaf.model, &leaf.name);
        }
        let ignores_ones = self.recipe.options.shape.ignores_ones();
        let same = ignores_ones && same_numbers(self.shape, &seen.shape);
        let form = match one || same {
            true => self.shape.to_vec(),
            false => seen.shape.clone(),
        };
        let within = within.unwrap_or_else(|| form.clone());
        let bytes = match seen.numbers() {
            Bytes::Run {
                model,
                file,
                offset,
            } if one => Bytes::Repeated {
                model,
                file,
                offset,
            },
            bytes => self.fitted(bytes, &form, &within),
        };
        let slot = expression.next_slot();
        self.inputs.push(Loaded {
            slot,
            view: view.clone(),
            form,
            input: Input {
                element_bytes: float.bytes() as u64,
                bytes,
            },
            float,
            within,
            everywhere: one,
        });
        Some((slot, float))
    }

    /// A view as it is seen, or a fault.
    fn seen(&mut self, view: &View<Leaf>) -> Option<Seen> {
        let seen = Seen::of(view, self.sources);
        seen.map_err(|fault| self.fault.get_or_insert(fault.into()))
            .ok()
    }

    /// A box of a tensor of this form, in the shape of the output.
    fn fitted(&self, bytes: Bytes, form: &[u64], within: &[u64]) -> Bytes {
        let framed = self.framed.as_ref();
        let shape = framed.map_or(self.shape, |framed| &framed.shape);
        match form == shape && within == form {
            true => bytes,
            false if self.recipe.options.shape.repeats(shape, form) => Bytes::Spread {
                of: Box::new(bytes),
                stored: form.to_vec(),
            },
            false => Bytes::Fitted {
                of: Box::new(bytes),
                cut: Box::new(Cut {
                    stored: form.to_vec(),
                    within: within.to_vec(),
                }),
            },
        }
    }

    fn mismatch(&mut self, view: &View<Leaf>, seen: &Seen) {
        let first = view.leaves().first().map(|leaf| leaf.model);
        let expected = Seen::of(self.origin, self.sources).map(|origin| origin.dtype);
        let expected = expected.map_or_else(|_| String::new(), |dtype| dtype.to_string());
        let mismatch = Mismatch {
            key: self.key.to_owned(),
            expected: format!("{expected} {:?}", self.shape),
            found: format!("{} {:?}", seen.dtype, seen.shape),
            shape: true,
            advice: self.recipe.options.shape.advice(self.shape, &seen.shape),
        };
        self.ledger.mismatch(first.unwrap_or_default(), mismatch);
    }

    fn enter(
        &mut self,
        expression: &mut Expression,
        loaded: (&View<Leaf>, Space),
        entry: Entry,
    ) -> Option<Node> {
        let (slot, float) = self.slot(expression, loaded.0, loaded.1)?;
        let refuses = self.recipe.options.on_overflow == OnOverflow::Error;
        let entry = match entry {
            // Only f64 holds numbers beyond f32.
            Entry::Checked if float == Float::F64 && !refuses => Entry::Rounded,
            entry => entry,
        };
        Some(expression.load(slot, float, entry))
    }

    fn finite_or_zero(
        &mut self,
        expression: &mut Expression,
        loaded: (&View<Leaf>, Space),
    ) -> Option<Node> {
        let raw = self.enter(expression, loaded, Entry::Raw)?;
        let zero = expression.scalar(0.0);
        Some(expression.call(Formula::FiniteOrScalar, &[raw.into(), zero]))
    }

    /// The value of the tensor that the result goes out from, where it is read anyway: as it is
    /// read, so that nothing is checked that otherwise is not.
    pub(super) fn origin_value(&self, expression: &Expression) -> Option<Node> {
        let mut inputs = self.inputs.iter();
        let origin = inputs.find(|input| {
            input.view == *self.origin && input.form == self.shape && !input.everywhere
        })?;
        expression.loaded(origin.slot)
    }

    /// The first owner of the region at work.
    pub(super) fn first(&mut self, expression: &mut Expression) -> Option<Node> {
        let owners = self.framed.as_ref().map(|framed| framed.owners.as_slice());
        let view = owners.and_then(<[_]>::first)?.clone();
        self.load(expression, (&view, Space::Weight), false)
    }

    /// Says of tensors that they cannot be fitted to each other.
    pub(super) fn refuse(&mut self, views: &[View<Leaf>], forms: &[Vec<u64>]) {
        for (view, form) in views.iter().zip(forms) {
            if form != self.shape
                && let Ok(seen) = Seen::of(view, self.sources)
            {
                self.mismatch(view, &seen);
            }
        }
    }

    /// What is read, by input slot.
    pub(super) fn into_inputs(self) -> Vec<(SlotId, Input)> {
        let inputs = self.inputs.into_iter();
        inputs.map(|loaded| (loaded.slot, loaded.input)).collect()
    }

    /// A value inside a box of the output; outside what is known of it, or zero.
    pub(super) fn inside(
        &mut self,
        expression: &mut Expression,
        within: &[u64],
        value: Node,
        outside: Option<Node>,
    ) -> Node {
        let slot = expression.next_slot();
        self.inputs.push(Loaded {
            slot,
            view: View::Zero,
            form: Vec::new(),
            input: Input {
                element_bytes: Float::F32.bytes() as u64,
                bytes: Bytes::Inside {
                    within: within.to_vec(),
                },
            },
            float: Float::F32,
            within: Vec::new(),
            everywhere: false,
        });
        let inside = expression.load(slot, Float::F32, Entry::Made);
        let outside = outside.unwrap_or_else(|| {
            let zero = expression.scalar(0.0);
            expression.call(Formula::Fill, &[zero])
        });
        let operands = [value.into(), outside.into(), inside.into()];
        expression.call(Formula::ChooseEach, &operands)
    }
}

impl Loader for TensorLoader<'_, '_> {
    fn load(
        &mut self,
        expression: &mut Expression,
        loaded: (&View<Leaf>, Space),
        tolerated: bool,
    ) -> Option<Node> {
        let (view, space) = loaded;
        let finite = match self.recipe.options.on_nan {
            // Whoever tolerates them chooses another value in their place.
            _ if tolerated => self.enter(expression, loaded, Entry::Raw)?,
            OnNan::Error => return self.enter(expression, loaded, Entry::Checked),
            OnNan::Keep => return self.enter(expression, loaded, Entry::Kept),
            OnNan::Zero => self.finite_or_zero(expression, loaded)?,
            // What takes the place of a difference or of a parameter is none.
            OnNan::Base if view == self.origin || space != Space::Weight => {
                self.finite_or_zero(expression, loaded)?
            }
            OnNan::Base => {
                let origin = self.origin.clone();
                match self.finite_or_zero(expression, (&origin, Space::Weight)) {
                    Some(base) => {
                        let raw = self.enter(expression, loaded, Entry::Raw)?;
                        expression.call(Formula::FiniteOr, &[raw.into(), base.into()])
                    }
                    // The base has nothing here.
                    None => self.finite_or_zero(expression, loaded)?,
                }
            }
        };
        Some(expression.call(Formula::Enter, &[finite.into()]))
    }
}
