//! A plan in words and as JSON.

use std::fmt;

use serde::Serialize;

use super::Plan;
use super::job::Action;
use crate::kernel::{End, Program, Step};
use crate::keys::KeyReport;

/// The figures of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Files of the output.
    pub files: usize,
    /// Tensors of the output.
    pub tensors: usize,
    /// Tensors that are computed.
    pub merged: usize,
    /// Tensors that are copied.
    pub copied: usize,
    /// Distinct computations of an output.
    pub programs: Vec<ProgramSummary>,
    /// Tensors whose statistics are found in passes of their own.
    pub surveyed: usize,
    /// Reading passes over the surveyed tensors, at most, and the merge pass.
    pub passes: usize,
    /// Tasks of the merge pass.
    pub batches: usize,
    /// Bytes read in the merge pass, the second reading of tensors with statistics included.
    pub bytes_read: u64,
    /// Bytes read by each pass of the survey.
    pub bytes_surveyed: u64,
    /// Bytes of the output, headers included.
    pub bytes_written: u64,
    /// Workers.
    pub lanes: usize,
    /// Peak bytes of buffers on the host.
    pub peak_host_bytes: u64,
    /// Peak bytes of buffers on the device, staging included.
    pub peak_device_bytes: u64,
    /// The account of keys.
    pub keys: KeyReport,
}

/// One computation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProgramSummary {
    /// Tensors computed by it.
    pub tensors: usize,
    /// Inputs it reads.
    pub inputs: usize,
    /// Steps of arithmetic.
    pub steps: usize,
    /// Levels of statistics before it.
    pub statistics: usize,
    /// What it writes.
    pub output: String,
}

/// The passes that an exact selection takes at most: windows of 2^31, 2^20 and 2^9 keys.
const SELECTION_PASSES: usize = 3;

impl Plan {
    /// The plan's figures.
    pub fn summary(&self) -> Summary {
        let surveyed = self.survey.iter().map(|&job| &self.jobs[job]);
        let levels = surveyed.clone().filter_map(|job| match &job.action {
            Action::Merge { class, .. } => Some(self.classes[*class].levels.len()),
            Action::Copy(_) => None,
        });
        Summary {
            files: self.files.len(),
            tensors: self.jobs.len(),
            merged: self.report.merged,
            copied: self.report.copied,
            programs: self.programs_used(),
            surveyed: self.survey.len(),
            passes: 1 + SELECTION_PASSES * levels.max().unwrap_or(0),
            batches: self.tasks.len(),
            bytes_read: self.jobs.iter().map(|job| self.merge_reads(job)).sum(),
            bytes_surveyed: surveyed.map(|job| job.input_bytes()).sum(),
            bytes_written: self.bytes_written(),
            lanes: self.memory.lanes,
            peak_host_bytes: self.memory.host_bytes + self.memory.held_factors(),
            peak_device_bytes: self.memory.device_bytes,
            keys: self.report.clone(),
        }
    }

    /// Bytes of the output, headers included.
    pub fn bytes_written(&self) -> u64 {
        self.files
            .iter()
            .map(|file| file.header.len() as u64 + file.data_bytes)
            .sum()
    }

    fn programs_used(&self) -> Vec<ProgramSummary> {
        let mut tensors = vec![0; self.classes.len()];
        for job in &self.jobs {
            if let Action::Merge { class, .. } = job.action {
                tensors[class] += 1;
            }
        }
        let classes = self.classes.iter().zip(tensors);
        classes
            .map(|(class, tensors)| ProgramSummary {
                tensors,
                inputs: class.slots.iter().filter(|used| **used).count(),
                steps: arithmetic(&self.programs[class.store]),
                statistics: class.levels.len(),
                output: match self.programs[class.store].end() {
                    End::Store { float, .. } => float.name().to_owned(),
                    End::Sum(_) | End::Count(_) => String::new(),
                },
            })
            .collect()
    }
}

fn arithmetic(program: &Program) -> usize {
    program
        .steps()
        .iter()
        .filter(|step| matches!(step, Step::Call { .. }))
        .count()
}

/// Bytes for people: `2.13 GB`.
pub(crate) fn human(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.2} {}", units[unit])
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "tensors   {} ({} merged, {} copied)",
            self.tensors, self.merged, self.copied
        )?;
        for program in &self.programs {
            writeln!(
                f,
                "program   {} tensors: {} inputs, {} steps, {} levels of statistics, writes {}",
                program.tensors, program.inputs, program.steps, program.statistics, program.output
            )?;
        }
        writeln!(
            f,
            "passes    {} ({} tensors surveyed first)",
            self.passes, self.surveyed
        )?;
        writeln!(f, "batches   {}", self.batches)?;
        writeln!(f, "read      {}", human(self.bytes_read))?;
        if self.surveyed > 0 {
            writeln!(f, "survey    {} per pass", human(self.bytes_surveyed))?;
        }
        writeln!(
            f,
            "written   {} in {} file(s)",
            human(self.bytes_written),
            self.files
        )?;
        writeln!(f, "lanes     {}", self.lanes)?;
        writeln!(f, "host      {} of buffers", human(self.peak_host_bytes))?;
        writeln!(f, "device    {} of buffers", human(self.peak_device_bytes))?;
        write_keys(f, &self.keys)
    }
}

fn write_keys(f: &mut fmt::Formatter<'_>, keys: &KeyReport) -> fmt::Result {
    for note in &keys.notes {
        writeln!(f, "note      {note}")?;
    }
    writeln!(f, "keys      as in {}", keys.reference)?;
    for key in &keys.left_out {
        writeln!(f, "          left out: `{key}`")?;
    }
    for model in &keys.models {
        writeln!(
            f,
            "          {}: {} tensors, {} missing, {} extra, {} of other form",
            model.model,
            model.tensors,
            model.missing.len(),
            model.extra.len(),
            model.mismatched.len()
        )?;
        let missing = model.missing.iter().map(|key| format!("lacks `{key}`"));
        let extra = model.extra.iter().map(|key| format!("alone has `{key}`"));
        let other = model
            .mismatched
            .iter()
            .map(|m| format!("`{}` is {}, not {}", m.key, m.found, m.expected));
        for line in missing.chain(extra).chain(other) {
            writeln!(f, "            {line}")?;
        }
    }
    Ok(())
}
