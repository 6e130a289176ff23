//! Loads the tensors of models into a tensor's expression.

use super::account::Ledger;
use super::bytes::{Bytes, Seen};
use super::job::Input;
use super::{PlanError, Source};
use crate::dtype::Float;
use crate::kernel::{Entry, Expression, Formula, Node};
use crate::keys::Mismatch;
use crate::method::Space;
use crate::recipe::{Leaf, Loader, OnNan, Recipe, View};

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
    /// What is read, by input slot.
    pub(super) inputs: Vec<(u16, View<Leaf>, Input, Float)>,
    pub(super) fault: Option<PlanError>,
}

impl TensorLoader<'_, '_> {
    /// The slot of a view, and its stored type; None where its form does not fit.
    fn slot(&mut self, expression: &Expression, view: &View<Leaf>) -> Option<(u16, Float)> {
        let known = self.inputs.iter().find(|(_, known, _, _)| known == view);
        if let Some((slot, _, _, float)) = known {
            return Some((*slot, *float));
        }
        let seen = match Seen::of(view, self.sources) {
            Ok(seen) => seen,
            Err(fault) => {
                self.fault.get_or_insert(fault.into());
                return None;
            }
        };
        let float = seen.dtype.float();
        let fits =
            seen.shape == self.shape || self.recipe.options.shape.fits(self.shape, &seen.shape);
        let simple = seen.shape == self.shape || matches!(view, View::Tensor(_));
        let Some(float) = float.filter(|_| fits && simple) else {
            self.mismatch(view, &seen);
            return None;
        };
        for leaf in view.leaves() {
            self.ledger.uses(leaf.model, &leaf.name);
        }
        let bytes = match seen.bytes {
            Bytes::Run {
                model,
                file,
                offset,
            } if seen.shape != self.shape => Bytes::Fitted {
                model,
                file,
                offset,
                stored: seen.shape,
            },
            bytes => bytes,
        };
        let input = Input {
            model: bytes.model(),
            element_bytes: float.bytes() as u64,
            bytes,
        };
        let slot = expression.next_slot();
        self.inputs.push((slot, view.clone(), input, float));
        Some((slot, float))
    }

    fn mismatch(&mut self, view: &View<Leaf>, seen: &Seen) {
        let leaf = view.leaves().first().map_or(0, |leaf| leaf.model);
        let expected = Seen::of(self.origin, self.sources).map(|origin| origin.dtype);
        let expected = expected.map_or_else(|_| String::new(), |dtype| dtype.to_string());
        let mismatch = Mismatch {
            key: self.key.to_owned(),
            expected: format!("{expected} {:?}", self.shape),
            found: format!("{} {:?}", seen.dtype, seen.shape),
            shape: true,
        };
        self.ledger.mismatch(leaf, mismatch);
    }

    fn enter(
        &mut self,
        expression: &mut Expression,
        view: &View<Leaf>,
        entry: Entry,
    ) -> Option<Node> {
        let (slot, float) = self.slot(expression, view)?;
        Some(expression.load(slot, float, entry))
    }

    fn finite_or_zero(&mut self, expression: &mut Expression, view: &View<Leaf>) -> Option<Node> {
        let raw = self.enter(expression, view, Entry::Raw)?;
        let zero = expression.scalar(0.0);
        Some(expression.call(Formula::FiniteOrScalar, &[raw.into(), zero]))
    }
}

impl Loader for TensorLoader<'_, '_> {
    fn load(
        &mut self,
        expression: &mut Expression,
        (view, space): (&View<Leaf>, Space),
        tolerated: bool,
    ) -> Option<Node> {
        let finite = match self.recipe.options.on_nan {
            _ if tolerated => return self.enter(expression, view, Entry::Kept),
            OnNan::Error => return self.enter(expression, view, Entry::Checked),
            OnNan::Keep => return self.enter(expression, view, Entry::Kept),
            OnNan::Zero => self.finite_or_zero(expression, view)?,
            // What takes the place of a difference is no difference.
            OnNan::Base if view == self.origin || space == Space::Delta => {
                self.finite_or_zero(expression, view)?
            }
            OnNan::Base => {
                let origin = self.origin.clone();
                let base = self.finite_or_zero(expression, &origin)?;
                let raw = self.enter(expression, view, Entry::Raw)?;
                expression.call(Formula::FiniteOr, &[raw.into(), base.into()])
            }
        };
        Some(expression.call(Formula::Enter, &[finite.into()]))
    }
}
