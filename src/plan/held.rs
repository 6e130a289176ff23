//! What is held for as long as a merge runs, whatever its lanes do: headers and the plan.

use super::input::Input;
use super::job::{Action, Job};
use super::layout::PlannedFile;
use super::source::Source;
use crate::checkpoint::{self, heap_bytes};
use crate::kernel::Row;
use crate::keys::KeyReport;
use crate::keys::config::adapter_bytes;
use crate::recipe::{Recipe, Rule};
use crate::report::Survival;
use crate::vocabulary::RowMap;

/// Bytes of what is found of an output of a surveyed tensor, besides its numbers: its entry in the
/// tables of a survey.
const SURVEYED_BYTES: u64 = 256;
/// Bytes of what is told of a tensor of a comparison: its numbers, and their JSON.
const TOLD_BYTES: u64 = 4 << 10;
/// Memory that is given back and cannot be used for buffers: one part in so many of what is held,
/// as planning leaves it.
const GAPS: u64 = 8;

/// Bytes that are held besides the lanes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    /// By the headers of the models.
    pub(super) headers: u64,
    /// By the plan.
    pub(super) plan: u64,
    /// For a moment, before there are lanes: the headers of an output, while they are written.
    pub(super) moment: u64,
}

impl Held {
    /// What headers hold, and the configs that adapters among them were recognised by.
    pub(super) fn of(sources: &[Source<'_>]) -> Held {
        let headers = sources.iter().map(|source| {
            let metadata = source.metadata.iter();
            let metadata =
                metadata.map(|(name, text)| heap_bytes(name.len()) + heap_bytes(text.len()));
            checkpoint::held_bytes(source.tensors) + metadata.sum::<u64>()
        });
        let names = sources.iter().flat_map(|source| source.tensors.keys());
        Held {
            headers: headers.sum(),
            plan: adapter_bytes(names.map(String::as_str)),
            ..Held::default()
        }
    }

    /// With the texts of the output's folder. Outputs of a sweep have the same.
    pub(super) fn with_texts(self, recipes: &[Recipe]) -> Held {
        let first = recipes.first().and_then(|recipe| recipe.folder.as_deref());
        let texts = first.into_iter().flat_map(|folder| &folder.texts);
        let texts = texts.map(|own| own.text.held_bytes());
        Held {
            plan: self.plan + texts.sum::<u64>(),
            ..self
        }
    }

    /// With the jobs, and what they share.
    pub(super) fn with_jobs(self, jobs: &[Job], shared: u64) -> Held {
        let maps = row_maps(jobs);
        let jobs = jobs.iter().map(|job| {
            let inputs = match &job.action {
                Action::Copy(_) | Action::Part => 0,
                Action::Merge { inputs, .. } => heap_bytes(size_of_val(&**inputs)),
            };
            let arranged = job
                .inputs()
                .iter()
                .map(|input: &Input| input.bytes.held_bytes());
            let own = size_of::<Job>() as u64 + heap_bytes(job.key.len());
            own + inputs + arranged.sum::<u64>()
        });
        Held {
            plan: self.plan + shared + maps + jobs.sum::<u64>(),
            ..self
        }
    }

    /// With the files of the output, the metadata of each output and the account of keys.
    pub(super) fn with_files(
        self,
        files: &[PlannedFile],
        metadata: &[Vec<(String, String)>],
        report: &KeyReport,
    ) -> Held {
        let entries = metadata.iter().flatten();
        let texts = entries.map(|(name, text)| heap_bytes(name.len()) + heap_bytes(text.len()));
        let names = report.models.iter().flat_map(|model| {
            let forms = model.mismatched.iter();
            let forms = forms.map(|m| m.key.len() + m.expected.len() + m.found.len() + 64);
            let names = model.missing.iter().chain(&model.extra);
            names.map(String::len).chain(forms)
        });
        let names = names.chain(report.left_out.iter().map(String::len));
        let names = names.map(|len| size_of::<String>() as u64 + heap_bytes(len));
        let headers = files.iter().flat_map(|file| file.header_bytes.first());
        let longest = files
            .iter()
            .flat_map(|file| file.header_bytes.first())
            .max();
        Held {
            plan: self.plan + texts.sum::<u64>() + names.sum::<u64>(),
            moment: headers.sum::<u64>() + longest.copied().unwrap_or(0),
            ..self
        }
    }

    /// With what is found of so many stored tensors.
    pub(super) fn with_changes(self, tensors: usize) -> Held {
        Held {
            plan: self.plan + (tensors * size_of::<Option<Survival>>()) as u64,
            ..self
        }
    }

    /// With what a comparison tells of each tensor.
    pub(super) fn with_told(self, jobs: &[Job], recipes: &[Recipe]) -> Held {
        let compares = recipes.iter().any(|recipe| recipe.options.compares);
        let told = jobs.iter().map(|job| {
            let copies = job.copies.iter().map(|seen| seen.bytes.held_bytes());
            TOLD_BYTES + heap_bytes(size_of_val(&*job.copies)) + copies.sum::<u64>()
        });
        match compares {
            true => Held {
                plan: self.plan + told.sum::<u64>(),
                ..self
            },
            false => self,
        }
    }

    /// With what is found of the tensors that are surveyed.
    pub(super) fn with_survey<'a>(self, surveyed: impl Iterator<Item = &'a Job>) -> Held {
        let outputs = surveyed.flat_map(Job::outputs);
        let found = outputs.map(|work| SURVEYED_BYTES + row_bytes(&work.row));
        Held {
            plan: self.plan + found.sum::<u64>(),
            ..self
        }
    }

    /// All of it that lasts, with the gaps between.
    pub(super) fn lasting(&self) -> u64 {
        let all = self.headers + self.plan;
        all + all / GAPS
    }
}

/// Bytes of the rows that jobs gather. Tensors with the same rows share them.
fn row_maps(jobs: &[Job]) -> u64 {
    let inputs = jobs.iter().flat_map(Job::inputs);
    let gathered = inputs.flat_map(|input| input.bytes.gathered());
    let mut known: Vec<&Rule<RowMap>> = Vec::new();
    for rows in gathered {
        if !known.contains(&&rows.map) {
            known.push(&rows.map);
        }
    }
    known.iter().map(|map| map.0.held_bytes()).sum()
}

/// Bytes of the numbers of a tensor.
pub(super) fn row_bytes(row: &Row) -> u64 {
    let Row {
        scalars,
        cutoffs,
        streams,
    } = row;
    let parts = [
        size_of_val(scalars.as_slice()),
        size_of_val(cutoffs.as_slice()),
        size_of_val(streams.as_slice()),
    ];
    size_of::<Row>() as u64 + parts.into_iter().map(heap_bytes).sum::<u64>()
}
