//! What the host makes for an expression beside the inputs: planes, chunk by chunk, and the results
//! of stages.

use std::sync::Arc;

use super::{Entry, Expression, HostOp, Made, Node, Plane, Row, SlotId, Stage, Statistic, Step};
use crate::dtype::Float;

/// What a tensor's work consists of besides its Programs.
#[derive(Debug)]
pub struct Parts {
    /// The row, as far as it is known before any statistic.
    pub row: Row,
    /// What must be known of the tensor.
    pub statistics: Vec<Statistic>,
    /// What the host makes beside the inputs, chunk by chunk.
    pub planes: Vec<Plane>,
    /// What the host makes of whole values.
    pub stages: Vec<Stage>,
}

impl Expression {
    /// An element of a plane of f32 that the host makes beside the inputs. The same plane is made
    /// once.
    pub fn make(&mut self, made: Made) -> Node {
        let known = self.planes.iter().find(|plane| plane.made.is_same(&made));
        let slot = match known {
            Some(plane) => plane.slot,
            None => {
                let slot = self.next_slot;
                self.planes.push(Plane { slot, made });
                slot
            }
        };
        self.load(slot, Float::F32, Entry::Made)
    }

    /// The planes that the host makes, in the order in which they can be made.
    pub fn planes(&self) -> &[Plane] {
        &self.planes
    }

    /// An element of what the host makes of values as a whole. The same is made once.
    pub fn host(&mut self, op: impl HostOp + 'static, values: &[Node]) -> Node {
        let stage = Stage {
            slot: self.next_slot,
            op: Arc::new(op),
            values: values.to_vec(),
        };
        let known = self.stages.iter().find(|known| known.is_same(&stage));
        let slot = known.map_or(stage.slot, |known| known.slot);
        if slot == stage.slot {
            self.stages.push(stage);
        }
        self.load(slot, Float::F32, Entry::Made)
    }

    /// The stages, in the order in which they can be done.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// The values that the host makes what lies in a slot of.
    pub(super) fn made_of(&self, slot: SlotId) -> &[Node] {
        let plane = self.planes.iter().find(|plane| plane.slot == slot);
        let stage = self.stages.iter().find(|stage| stage.slot == slot);
        let of = plane.map(|plane| plane.made.values());
        of.or(stage.map(|stage| stage.values.as_slice()))
            .unwrap_or_default()
    }

    /// Whether inputs' infinities and NaN take part: then they are in what the host makes too.
    pub(super) fn keeps(&self) -> bool {
        let kept = |step: &Step| matches!(step, Step::Load { entry, .. } if *entry == Entry::Kept);
        self.steps.iter().any(kept)
    }

    /// What a tensor's work consists of besides its Programs.
    pub fn into_parts(self) -> Parts {
        Parts {
            row: self.row,
            statistics: self.statistics,
            planes: self.planes,
            stages: self.stages,
        }
    }
}
