//! Reads the inputs of parts.

use super::arrange;
use crate::kernel::ARENA_ALIGNMENT;
use crate::merge::MergeError;
use crate::merge::shared::Shared;
use crate::plan::{Action, Bytes, Input, Job, OutputId, Part};

/// Reads the inputs of a part into the arena from `at` on; `inputs` gets their offsets. Returns
/// where they end.
pub(in crate::merge) fn read_inputs(
    shared: &Shared<'_>,
    (part, output): (&Part, OutputId),
    arena: &mut [u8],
    mut at: usize,
    inputs: &mut [usize],
) -> Result<usize, MergeError> {
    let job = &shared.plan.jobs[part.job];
    for (slot, input) in job.slots(output) {
        inputs[slot.index()] = at;
        at = read_input(shared, part, input, arena, at)?;
    }
    Ok(at)
}

/// Reads one input of a part into the arena at `at`. Returns where it ends, zeros included.
pub(in crate::merge) fn read_input(
    shared: &Shared<'_>,
    part: &Part,
    input: &Input,
    arena: &mut [u8],
    at: usize,
) -> Result<usize, MergeError> {
    let job = &shared.plan.jobs[part.job];
    let unit = match job.action {
        // A copy's parts are counted in bytes.
        Action::Copy(_) | Action::Part => 1,
        Action::Merge { .. } => input.element_bytes,
    };
    let end = at + (part.len * unit) as usize;
    let padded = end.next_multiple_of(ARENA_ALIGNMENT);
    let target = &mut arena[at..end];
    match job.action {
        Action::Copy(_) | Action::Part => read_copy(shared, job, input, part.start, target)?,
        Action::Merge { .. } => {
            let form = (&*job.shape, unit);
            arrange::read(shared, &input.bytes, form, part.start, target)?;
        }
    }
    arena[end..padded].fill(0);
    Ok(padded)
}

/// Reads elements of an input from one on, of a tensor of this shape.
pub(in crate::merge) fn read_elements(
    shared: &Shared<'_>,
    input: &Input,
    shape: &[u64],
    start: u64,
    target: &mut [u8],
) -> Result<(), MergeError> {
    let form = (shape, input.element_bytes);
    arrange::read(shared, &input.bytes, form, start, target)
}

/// Reads bytes of a copied tensor. Its parts are counted in bytes, and begin between elements.
pub(in crate::merge) fn read_copy(
    shared: &Shared<'_>,
    job: &Job,
    input: &Input,
    start: u64,
    target: &mut [u8],
) -> Result<(), MergeError> {
    let unit = match input.bytes {
        Bytes::Run { .. } => 1,
        _ => input.element_bytes,
    };
    let form = (&*job.shape, unit);
    arrange::read(shared, &input.bytes, form, start / unit, target)
}
