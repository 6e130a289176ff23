//! What the stored tensors change, put together from what the lanes found of their parts.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::kernel::Change;
use crate::report::Survival;

/// What is found of each tensor of each output.
#[derive(Debug)]
pub(in crate::merge) struct Changes {
    /// Tensors of which parts are missing.
    open: Mutex<HashMap<usize, Open>>,
    found: Mutex<Vec<Option<Survival>>>,
}

#[derive(Debug)]
struct Open {
    /// Elements that were not seen yet.
    left: u64,
    change: Box<Change>,
}

impl Changes {
    /// For so many tensors.
    pub(in crate::merge) fn new(tensors: usize) -> Changes {
        Changes {
            open: Mutex::default(),
            found: Mutex::new(vec![None; tensors]),
        }
    }

    /// Adds what was found of `seen` elements of a tensor that has `elements`.
    pub(in crate::merge) fn add(
        &self,
        tensor: usize,
        (seen, elements): (u64, u64),
        change: Box<Change>,
    ) {
        let mut all = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let open = match all.get_mut(&tensor) {
            Some(open) => {
                open.change.join(&change);
                open
            }
            None => all.entry(tensor).or_insert(Open {
                left: elements,
                change,
            }),
        };
        open.left = open.left.saturating_sub(seen);
        if open.left > 0 {
            return;
        }
        if let Some(done) = all.remove(&tensor) {
            let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
            let change = done.change.found();
            found[tensor] = Some(Survival {
                elements: change.elements,
                intended_squares: change.meant,
                kept_squares: change.stored,
                products: change.along,
                changed: change.changed,
                saturated: change.beyond,
                non_finite: change.special,
                flushed: change.flushed,
            });
        }
    }

    /// What was found, tensor by tensor; None of those that were not measured.
    pub(in crate::merge) fn take(&self) -> Vec<Option<Survival>> {
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut found)
    }
}
