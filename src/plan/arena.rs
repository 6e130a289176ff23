//! Bytes of arena that the inputs of jobs take.

use super::job::{Action, Input, Job};
use crate::kernel::ARENA_ALIGNMENT;

/// Bytes of an element of a plane that the host makes.
const PLANE_BYTES: u64 = 4;

/// The jobs of all outputs that stand for one of the first output's.
pub(super) fn siblings(job: usize, jobs: usize, variants: usize) -> impl Iterator<Item = usize> {
    let each = jobs / variants.max(1);
    (0..variants).map(move |variant| job + variant * each)
}

/// Bytes of arena that `elements` of a job and its siblings take, with shared inputs held once.
pub(super) fn group_bytes_of(jobs: &[Job], job: usize, variants: usize, elements: u64) -> u64 {
    if variants == 1 {
        return arena_bytes_of(&jobs[job], elements);
    }
    let mut inputs: Vec<&Input> = Vec::new();
    let mut bytes = 0;
    for sibling in siblings(job, jobs.len(), variants) {
        bytes += plane_bytes(&jobs[sibling], elements);
        for (_, input) in jobs[sibling].inputs() {
            if !inputs.contains(&input) {
                inputs.push(input);
                let own = elements * input.element_bytes;
                bytes += own.next_multiple_of(ARENA_ALIGNMENT as u64);
            }
        }
    }
    bytes
}

/// Elements of a job and its siblings that are read and computed at a time, `chunk` unless its bytes
/// lie far from each other: then as many as the arena takes.
pub(super) fn chunk_of(
    jobs: &[Job],
    job: usize,
    variants: usize,
    chunk: usize,
    arena: u64,
) -> usize {
    let strided = |job: usize| {
        jobs[job]
            .inputs()
            .any(|(_, input)| input.bytes.is_strided())
    };
    if !siblings(job, jobs.len(), variants).any(strided) {
        return chunk;
    }
    let mut wide = chunk;
    while (wide as u64) < jobs[job].elements
        && group_bytes_of(jobs, job, variants, 2 * wide as u64) <= arena
    {
        wide *= 2;
    }
    wide
}

/// Bytes of arena that a chunk of a job and its siblings takes.
pub(super) fn chunk_bytes_of(jobs: &[Job], job: usize, variants: usize, chunk: usize) -> u64 {
    match &jobs[job].action {
        Action::Copy(_) => 0,
        Action::Merge { .. } => {
            let elements = jobs[job].elements.min(chunk as u64);
            group_bytes_of(jobs, job, variants, elements)
        }
    }
}

/// Bytes of arena that `elements` of a job take; of a copy, its bytes.
pub(super) fn arena_bytes_of(job: &Job, elements: u64) -> u64 {
    let align = ARENA_ALIGNMENT as u64;
    let padded = |bytes: u64| bytes.next_multiple_of(align);
    match &job.action {
        Action::Copy(_) => padded(elements),
        Action::Merge { .. } => {
            let inputs = job.inputs();
            let inputs: u64 = inputs
                .map(|(_, input)| padded(elements * input.element_bytes))
                .sum();
            inputs + plane_bytes(job, elements)
        }
    }
}

/// Bytes of arena that the planes of `elements` of a job take.
fn plane_bytes(job: &Job, elements: u64) -> u64 {
    let padded = (elements * PLANE_BYTES).next_multiple_of(ARENA_ALIGNMENT as u64);
    job.planes().len() as u64 * padded
}
