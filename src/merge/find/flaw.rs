//! Which value of an input is at fault: whatever found one, the first is named.

use std::sync::atomic::Ordering;

use crate::dtype::Float;
use crate::exec::Stored;
use crate::kernel::{ARENA_ALIGNMENT, Entry, Step, TILE};
use crate::merge::MergeError;
use crate::merge::lane::Lane;
use crate::merge::read::read_input;
use crate::plan::{InputId, JobId, Part};

/// Elements that are looked at together, at most.
const RUN: usize = 128 * TILE;

/// The fault to report where one was found in an input of these jobs: of the first job in their
/// order, the first model's first element. How a merge is cut does not show in it.
pub(in crate::merge) fn first(
    lane: &mut Lane<'_>,
    jobs: impl IntoIterator<Item = JobId>,
    found: MergeError,
) -> MergeError {
    if !found.is_of_input() {
        return found;
    }
    for job in jobs {
        if let Err(first) = look(lane, job) {
            return first;
        }
    }
    found
}

/// Ends with an error at a job's first value that its Programs refuse.
fn look(lane: &mut Lane<'_>, number: JobId) -> Result<(), MergeError> {
    let shared = lane.shared;
    let plan = shared.plan;
    let job = &plan.jobs[number];
    // What reads each input, of all outputs.
    let mut loads: Vec<(InputId, Float, Entry)> = Vec::new();
    for work in job.outputs() {
        let programs = plan.classes[work.class].programs();
        let steps = programs.flat_map(|program| plan.programs[program].steps());
        loads.extend(steps.filter_map(|step| match step {
            Step::Load { slot, float, entry } => {
                let input = work.slots[slot.index()]?;
                Some((input, *float, *entry))
            }
            _ => None,
        }));
    }
    loads.sort_by_key(|(input, _, _)| *input);
    loads.dedup();
    let mut inputs: Vec<_> = InputId::all().zip(job.inputs()).collect();
    inputs.sort_by_key(|(number, input)| (input.model(), *number));
    let room = plan.memory.arena_bytes / size_of::<f64>() / TILE * TILE;
    let run = room.clamp(TILE, RUN);
    for (number_of, input) in inputs {
        let own = loads.iter().filter(|(own, ..)| *own == number_of);
        for start in (0..job.elements).step_by(run) {
            if shared.cancel.load(Ordering::Relaxed) {
                return Err(MergeError::Interrupted);
            }
            let len = (run as u64).min(job.elements - start);
            let part = Part {
                job: number,
                start,
                len,
            };
            let bytes = (len * input.element_bytes) as usize;
            let arena = lane.blank(bytes.next_multiple_of(ARENA_ALIGNMENT));
            read_input(shared, &part, input, arena, 0)?;
            let elements = (start..).zip(arena[..bytes].chunks_exact(input.element_bytes as usize));
            let mut refused = elements.flat_map(|(element, stored)| {
                let own = own.clone();
                let read = own.map(move |&(_, float, entry)| (Stored::read(float, stored), entry));
                read.filter(|(stored, entry)| stored.is_refused(*entry))
                    .map(move |(stored, _)| (element, stored))
            });
            if let Some((element, stored)) = shared.permits.with(|| refused.next()) {
                return Err(shared.refused(number, input, element, stored));
            }
        }
    }
    Ok(())
}
