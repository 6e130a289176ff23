//! The stages of a tensor: their values are computed as a whole, and their results kept while the
//! lane works on the tensor.

use super::planes::{Maker, Place};
use crate::kernel::{ARENA_ALIGNMENT, SlotId};
use crate::merge::MergeError;
use crate::plan::{Part, ProgramId};

impl Maker<'_> {
    /// Does the stages that lie in some slots, and those that these need, unless they are done.
    pub(super) fn stages(&mut self, place: Place<'_>, reads: &[SlotId]) -> Result<(), MergeError> {
        let work = self.work(place);
        for number in self.needed(place, reads) {
            if !self.done.contains_key(&(place.output, number)) {
                let values = self.whole_values(place, &self.class(place).stages[number])?;
                let (op, shape) = (&work.stages[number].op, &self.job(place).shape);
                let level = self.shared.level;
                let result = self.shared.permits.with(|| op.run(&level, shape, values));
                self.done.insert((place.output, number), result);
            }
        }
        Ok(())
    }

    /// The stages under some slots, in the order in which they can be done.
    fn needed(&self, place: Place<'_>, reads: &[SlotId]) -> Vec<usize> {
        let (work, class) = (self.work(place), self.class(place));
        if work.stages.is_empty() {
            return Vec::new();
        }
        let programs = &self.shared.plan.programs;
        let slots = |made: &[ProgramId]| -> Vec<SlotId> {
            made.iter()
                .flat_map(|&program| programs[program].slots())
                .collect()
        };
        let mut open = reads.to_vec();
        let mut needed = Vec::new();
        while let Some(slot) = open.pop() {
            let stage = work.stages.iter().position(|stage| stage.slot == slot);
            let plane = work.planes.iter().position(|plane| plane.slot == slot);
            if let Some(plane) = plane {
                open.extend(slots(&class.planes[plane]));
            }
            if let Some(stage) = stage.filter(|stage| !needed.contains(stage)) {
                needed.push(stage);
                open.extend(slots(&class.stages[stage]));
            }
        }
        // What a stage needs was there before it.
        needed.sort_unstable();
        needed
    }

    /// The values of Programs over the whole tensor.
    fn whole_values(
        &mut self,
        place: Place<'_>,
        programs: &[ProgramId],
    ) -> Result<Vec<Vec<f32>>, MergeError> {
        let elements = self.job(place).elements;
        let mut whole: Vec<Vec<f32>> = programs
            .iter()
            .map(|_| Vec::with_capacity(elements as usize))
            .collect();
        let block = self.block();
        for start in (0..elements).step_by(block as usize) {
            self.shared.check_running()?;
            let part = Part {
                start,
                len: block.min(elements - start),
                ..place.part
            };
            self.values(Place { part, ..place }, programs, |values| {
                for (whole, values) in whole.iter_mut().zip(values) {
                    whole.extend_from_slice(values);
                }
            })?;
        }
        Ok(whole)
    }

    /// Copies a part of a stage's result to the arena; returns where the next may lie.
    pub(super) fn copy_stage(
        &self,
        place: Place<'_>,
        stage: usize,
        arena: &mut [u8],
        at: usize,
    ) -> usize {
        let part = place.part;
        let result = self.done.get(&(place.output, stage));
        let own = result.map_or(&[][..], |result| {
            &result[part.start as usize..][..part.len as usize]
        });
        let end = at + part.len as usize * size_of::<f32>();
        self.shared
            .permits
            .with(|| arena[at..end].copy_from_slice(bytemuck::cast_slice(own)));
        end.next_multiple_of(ARENA_ALIGNMENT)
    }
}
