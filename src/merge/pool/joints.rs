//! What operations on several tensors gave.

use std::sync::{Arc, Mutex, PoisonError};

use crate::kernel::joint::Joined;
use crate::plan::Joint;

/// Results by what they are of. Orders are small and stay as long as a merge runs, for all tensors
/// of a layer; values stay while their tensor is worked on.
#[derive(Debug, Default)]
pub(in crate::merge) struct Joints(Mutex<Vec<Arc<JointCell>>>);

/// A result, once it is there. Whoever needs it while it is found waits for it.
#[derive(Debug)]
pub(in crate::merge) struct JointCell {
    of: Joint,
    pub(in crate::merge) result: Mutex<Option<Arc<Joined>>>,
}

impl JointCell {
    fn is_of(&self, joint: &Joint) -> bool {
        match joint.op.0.moves() {
            true => self.of.is_beside(joint),
            false => self.of == *joint,
        }
    }
}

impl Joints {
    /// The place of a result. `most` bytes of values are kept at most where nobody forgets them.
    pub(in crate::merge) fn cell(&self, joint: &Joint, most: Option<u64>) -> Arc<JointCell> {
        let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = cells.iter().find(|cell| cell.is_of(joint)) {
            return Arc::clone(known);
        }
        if let Some(most) = most {
            let mut room = most.saturating_sub(joint.whole_bytes());
            cells.reverse();
            cells.retain(|cell| {
                let own = cell.of.result_bytes();
                let fits = own <= room;
                room -= if fits { own } else { 0 };
                fits
            });
            cells.reverse();
        }
        let cell = Arc::new(JointCell {
            of: joint.clone(),
            result: Mutex::default(),
        });
        cells.push(Arc::clone(&cell));
        cell
    }

    /// Drops the values of a tensor that is done.
    pub(in crate::merge) fn forget<'j>(&self, joints: impl Iterator<Item = &'j Joint>) {
        let done: Vec<&Joint> = joints.filter(|joint| !joint.op.0.moves()).collect();
        if !done.is_empty() {
            let mut cells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            cells.retain(|cell| !done.contains(&&cell.of));
        }
    }
}
