//! Parameters that a merge has for one tensor by the tensor's name.

use std::borrow::Cow;

use super::merge::Numbers;
use super::{LowerError, Lowerer, Wanted};
use crate::method::{Method, ParameterError};
use crate::recipe::{NodeId, RecipeNode, Schedule, Scheduled};

impl Lowerer<'_> {
    /// Replaces parameters of a merge by those of the tensor, on which all its parts must agree.
    pub(super) fn schedule(
        &self,
        wanted: &Wanted,
        (method, schedule): (&'static Method, &dyn Schedule),
        numbers: &mut Numbers<'_>,
        models: usize,
    ) -> Result<(), LowerError> {
        for (name, value) in self.agreed(wanted, |name| schedule.parameters(name))? {
            let with = numbers.values.with(method, name, &value, models);
            numbers.values = Cow::Owned(with.map_err(|fault| self.refused(wanted.id, fault))?);
        }
        Ok(())
    }

    /// Which models of a merge take part in a tensor; None where no schedule says it: all do.
    pub(super) fn taking(
        &self,
        wanted: &Wanted,
        node: &RecipeNode,
    ) -> Result<Option<Vec<bool>>, LowerError> {
        let taking = match node {
            RecipeNode::Merge {
                models,
                schedule: Some(Scheduled::Bound(schedule)),
                ..
            } => self.agreed(wanted, |name| {
                let takes = |position| schedule.0.takes_part(name, position);
                (0..models.len()).map(takes).collect()
            })?,
            _ => return Ok(None),
        };
        Ok(Some(taking))
    }

    /// What holds for every part of a tensor.
    fn agreed<T: PartialEq + std::fmt::Debug>(
        &self,
        wanted: &Wanted,
        of: impl Fn(&str) -> Vec<T>,
    ) -> Result<Vec<T>, LowerError> {
        let mut parts = wanted.view.leaves().into_iter().map(|name| of(name));
        let Some(first) = parts.next() else {
            return Ok(of(self.key));
        };
        match parts.find(|part| *part != first) {
            None => Ok(first),
            Some(other) => Err(LowerError::Parts {
                node: self.recipe.label(wanted.id),
                key: self.key.to_owned(),
                values: format!("{first:?}, {other:?}"),
            }),
        }
    }

    /// A parameter that cannot be what it is for this tensor.
    pub(super) fn refused(&self, id: NodeId, fault: ParameterError) -> LowerError {
        LowerError::Parameter {
            node: self.recipe.label(id),
            key: self.key.to_owned(),
            fault: Box::new(fault),
        }
    }
}
