//! What is found of the tensors of a task that are compared, and stored nowhere.

use super::{chunked, whole};
use crate::kernel::Row;
use crate::merge::MergeError;
use crate::merge::find::Rows;
use crate::merge::lane::Lane;
use crate::merge::read::read_copy;
use crate::plan::{Action, Input, Job, JobId, Part, Seen, Task};

/// Bytes of each of two copies that are compared at a time.
const COPY_BYTES: u64 = 64 << 10;

/// What is found of a part.
pub(in crate::merge) enum Told {
    /// The numbers of a tensor, with its statistics.
    Row(Row),
    /// Bytes of two copies that differ.
    Changed(u64),
}

/// Reads a task and hands over what is found of its parts. Tensors that were surveyed are known.
pub(in crate::merge) fn run(
    lane: &mut Lane<'_>,
    task: &Task,
    known: &Rows<'_>,
    mut keep: impl FnMut(JobId, Told),
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let jobs = &shared.plan.jobs;
    let resident = |part: &&Part| {
        let action = &jobs[part.job].action;
        matches!(action, Action::Merge { resident: true, .. })
    };
    let parts: Vec<Part> = task.parts.iter().filter(resident).copied().collect();
    for part in task.parts.iter().filter(|part| !resident(part)) {
        let job = &jobs[part.job];
        if let Some([a, b]) = compared(job) {
            keep(part.job, Told::Changed(changed(lane, part, job, [a, b])?));
        }
    }
    if parts.is_empty() {
        return Ok(());
    }
    let own = Task {
        parts,
        ..task.clone()
    };
    let rows = match own.streams(jobs) {
        true => {
            let rows = chunked::rows(lane, &own, known)?.into_iter();
            rows.flat_map(|outputs| outputs.into_iter().take(1))
                .collect()
        }
        false => whole::load(lane, &own, known)?.into_rows(),
    };
    for (part, row) in own.parts.iter().zip(rows) {
        keep(part.job, Told::Row(row));
    }
    Ok(())
}

/// The tensors of a and b of a copy, where all models have it in one form.
pub(in crate::merge) fn compared(job: &Job) -> Option<[&Seen; 2]> {
    let [.., a, b] = &*job.copies else {
        return None;
    };
    let alike = (a.dtype, &a.shape) == (b.dtype, &b.shape);
    alike.then_some([a, b])
}

/// How many bytes of a part differ.
fn changed(lane: &Lane<'_>, part: &Part, job: &Job, pair: [&Seen; 2]) -> Result<u64, MergeError> {
    let shared = lane.shared;
    let unit = pair[0].dtype.unit().bytes;
    let inputs = pair.map(|seen| Input {
        element_bytes: unit,
        bytes: seen.bytes.clone(),
    });
    let mut buffers = [Vec::new(), Vec::new()];
    let mut changed = 0;
    let end = part.start + part.len;
    let step = COPY_BYTES / unit * unit;
    for start in (part.start..end).step_by(step as usize) {
        let len = step.min(end - start) as usize;
        for (input, buffer) in inputs.iter().zip(&mut buffers) {
            buffer.resize(len, 0);
            read_copy(shared, job, input, start, buffer)?;
        }
        let [a, b] = &buffers;
        changed += a.iter().zip(b).filter(|(a, b)| a != b).count() as u64;
    }
    Ok(changed)
}
