//! A plan in words and as JSON.

use std::fmt;

use serde::Serialize;

use super::job::{Action, Job};
use super::reads::Range;
use super::{IndexVec, Plan};
use crate::figures::{counted, human};
use crate::kernel::{Program, Step};
use crate::keys::{BlockRatio, KeyReport};

/// The figures of a plan.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// Files of all outputs.
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
    /// How often the tensor that is read most often is read.
    pub passes: Range,
    /// Tasks of the merge pass.
    pub batches: usize,
    /// Bytes read from the models.
    pub bytes_read: Range,
    /// Bytes of the output, headers included.
    pub bytes_written: u64,
    /// Workers.
    pub lanes: usize,
    /// Peak bytes of buffers on the host.
    pub peak_host_bytes: u64,
    /// Peak bytes of buffers on the device, staging included.
    pub peak_device_bytes: u64,
    /// Merged tensors that the CPU computes beside a device, because they are not for it.
    pub beside_device: usize,
    /// The account of keys.
    pub keys: KeyReport,
}

/// One computation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ProgramSummary {
    /// Tensors computed by it.
    pub tensors: usize,
    /// The first of them.
    pub example: String,
    /// Inputs it reads.
    pub inputs: usize,
    /// Steps of arithmetic.
    pub steps: usize,
    /// Rounds of statistics before it.
    pub statistics: usize,
    /// What it writes.
    pub output: String,
}

impl Plan {
    /// The plan's figures.
    pub fn summary(&self) -> Summary {
        let reads = self.reads();
        Summary {
            files: self.files.len() * self.outputs,
            tensors: self.report.merged + self.report.copied,
            merged: self.report.merged,
            copied: self.report.copied,
            programs: self.programs_used(),
            surveyed: self.survey.len(),
            passes: reads.passes,
            batches: self.task_count,
            bytes_read: reads.bytes,
            bytes_written: self.bytes_written(),
            lanes: self.memory.lanes,
            peak_host_bytes: self.memory.host_bytes + self.memory.held_factors(),
            peak_device_bytes: self.memory.device_bytes,
            beside_device: self.beside_device(),
            keys: self.report.clone(),
        }
    }

    /// Bytes of the output, headers included.
    pub fn bytes_written(&self) -> u64 {
        self.files
            .iter()
            .map(|file| {
                let headers: u64 = file.header_bytes.iter().sum();
                headers + file.data_bytes * self.outputs as u64
            })
            .sum()
    }

    fn beside_device(&self) -> usize {
        let merged = |job: &&Job| matches!(job.action, Action::Merge { .. });
        match self.uses_device() {
            true => self
                .jobs
                .iter()
                .filter(merged)
                .filter(|job| job.streams)
                .count(),
            false => 0,
        }
    }

    fn programs_used(&self) -> Vec<ProgramSummary> {
        let mut tensors = IndexVec::from(vec![(0, ""); self.classes.len()]);
        for job in &self.jobs {
            for work in job.outputs() {
                let (count, example) = &mut tensors[work.class];
                if *count == 0 {
                    *example = &job.key;
                }
                *count += 1;
            }
        }
        let classes = self.classes.iter().zip(&tensors);
        classes
            .map(|(class, &(tensors, example))| ProgramSummary {
                tensors,
                example: example.to_owned(),
                inputs: class.slots.iter().filter(|used| **used).count(),
                steps: arithmetic(&self.programs[class.store]),
                statistics: class.rounds.len(),
                output: self.programs[class.store]
                    .storing()
                    .map_or_else(String::new, |own| own.float.name().to_owned()),
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

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "tensors   {} ({} merged, {} copied)",
            self.tensors, self.merged, self.copied
        )?;
        for program in self.programs.iter().filter(|program| program.tensors > 0) {
            writeln!(f, "merged    {program}")?;
        }
        let (bytes, passes) = (self.bytes_read, self.passes);
        let least = counted(passes.least, "pass");
        write!(f, "read      {} in {least}", human(bytes.least))?;
        match (bytes.most, passes.most) {
            (Some(most), _) if most == bytes.least => writeln!(f)?,
            (Some(bytes), Some(passes)) => {
                let bytes = human(bytes);
                writeln!(f, "; as the values are up to {bytes} in {passes}")?;
            }
            _ => writeln!(f, "; more as the values are")?,
        }
        if self.surveyed > 0 {
            let tensors = counted(self.surveyed, "tensor");
            writeln!(f, "survey    {tensors} read in passes before the merge")?;
        }
        let files = counted(self.files, "file");
        writeln!(f, "written   {} in {files}", human(self.bytes_written))?;
        let batches = counted(self.batches, "batch");
        writeln!(f, "work      {batches} on {}", counted(self.lanes, "lane"))?;
        writeln!(f, "host      {} of buffers", human(self.peak_host_bytes))?;
        write!(f, "device    {} of buffers", human(self.peak_device_bytes))?;
        match self.beside_device {
            0 => writeln!(f)?,
            tensors => writeln!(f, "; the CPU computes {}", counted(tensors, "tensor"))?,
        }
        write_blocks(f, &self.keys.blocks)?;
        write_keys(f, &self.keys)
    }
}

impl fmt::Display for ProgramSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (tensors, inputs) = (
            counted(self.tensors, "tensor"),
            counted(self.inputs, "input"),
        );
        let steps = counted(self.steps, "operation");
        write!(f, "{tensors} as {}, {steps} on {inputs}", self.output)?;
        if self.statistics > 0 {
            let rounds = counted(self.statistics, "round");
            write!(f, " after {rounds} of statistics")?;
        }
        write!(f, ", such as `{}`", self.example)
    }
}

fn write_blocks(f: &mut fmt::Formatter<'_>, blocks: &[BlockRatio]) -> fmt::Result {
    let names = blocks.iter().map(|block| block.block.chars().count());
    let width = names.max().unwrap_or(0);
    for (at, block) in blocks.iter().enumerate() {
        let head = if at == 0 { "ratios" } else { "" };
        let tensors = counted(block.tensors, "tensor");
        let (name, ratio) = (&block.block, block.ratio);
        writeln!(f, "{head:8}  {name:width$}  {ratio}  ({tensors})")?;
    }
    Ok(())
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
            "          {}: {}, {} missing, {} extra, {} of another form",
            model.model,
            counted(model.tensors, "tensor"),
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
