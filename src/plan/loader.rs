//! Loads the tensors of models into a tensor's expression.

use super::bytes::{Bytes, Seen};
use super::job::Input;
use super::ledger::Ledger;
use super::{PlanError, Source};
use crate::dtype::Float;
use crate::kernel::{Entry, Expression, Formula, Node};
use crate::keys::Mismatch;
use crate::method::Space;
use crate::recipe::{Leaf, Loader, OnNan, OnOverflow, Recipe, View};

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
    fn slot(
        &mut self,
        expression: &Expression,
        view: &View<Leaf>,
        space: Space,
    ) -> Option<(u16, Float)> {
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
        // A parameter may be one number for all elements of a tensor.
        let one = space == Space::Param && seen.shape.iter().product::<u64>() == 1;
        let Some(float) = float.filter(|_| (fits || one) && simple) else {
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
            } if one => Bytes::Repeated {
                model,
                file,
                offset,
            },
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
                let base = self.finite_or_zero(expression, (&origin, Space::Weight))?;
                let raw = self.enter(expression, loaded, Entry::Raw)?;
                expression.call(Formula::FiniteOr, &[raw.into(), base.into()])
            }
        };
        Some(expression.call(Formula::Enter, &[finite.into()]))
    }
}
