//! `wgmerge merge`, and how every command merges.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde_json::json;

use super::additions::added;
use super::args::{MergeArgs, OutputArgs, WorkArgs};
use super::bar::Bar;
use super::card::Cards;
use super::failure::{self, Failure};
use super::models;
use super::options::{options, read_besides};
use super::out::{self, Kind};
use super::process;
use super::report::{self, Done};
use super::written::Reports;
use crate::checkpoint::CARD;
use crate::exec::cpu::Level;
use crate::merge::{
    Merge, MergeError, Settings, Unused, choose_device, sweep_outputs, window_outputs,
};
use crate::method::Method;
use crate::plan::OutputId;
use crate::recipe::average::Average;
use crate::recipe::{Card, Options, Recipe, Sweep, merge_of};

/// What makes several outputs of one recipe.
#[derive(Clone, Copy)]
pub(super) enum Outputs<'a> {
    Sweep(&'a Sweep),
    Windows(&'a Average),
}

/// A merge as a command is told it.
pub(super) struct Job<'a> {
    /// What is merged.
    pub(super) recipe: Recipe,
    /// The outputs, where there may be several.
    pub(super) outputs: Option<Outputs<'a>>,
    /// Files besides models that the arguments name: none of them may be written.
    pub(super) reads: Vec<PathBuf>,
    /// What is to be said before it begins.
    pub(super) notes: Vec<String>,
    /// Whether to say so where no GPU takes part.
    pub(super) wants_gpu: bool,
}

impl Job<'_> {
    /// A recipe alone.
    pub(super) fn of(recipe: Recipe) -> Self {
        Job {
            recipe,
            outputs: None,
            reads: Vec::new(),
            notes: Vec::new(),
            wants_gpu: false,
        }
    }
}

/// Merges by flags.
pub(super) fn merge(args: &MergeArgs) -> Result<(), Failure> {
    let flags = &args.recipe;
    let options = options(&flags.options)?;
    let recipe = by_flags(
        flags.method,
        flags.base.clone(),
        flags.models.clone(),
        &flags.parameters,
        options,
    )?;
    let recipe = added(recipe, &flags.options.additions);
    let job = Job {
        outputs: flags.options.sweep.as_ref().map(Outputs::Sweep),
        reads: read_besides(&flags.options, &flags.method_files.files, None),
        ..Job::of(recipe)
    };
    write(job, &args.work, &args.output, Done::Merged)
}

/// Prints the plan of a merge that is not run.
pub(super) fn show(job: Job<'_>, work: &WorkArgs, args: &OutputArgs) -> Result<(), Failure> {
    if args.report.file.is_some() {
        let message = "--report is about an output, and there is none without a merge";
        return Err(Failure::input(message.to_owned()));
    }
    let (merge, mut notes) = prepare(job, work, &args.output, args.report.quiet)?;
    merge.check_output()?;
    notes.extend(report::notes(&merge));
    print_plan(&merge, &notes, args.report.json)
}

pub(super) fn plan_json(merge: &Merge, notes: &[String]) -> Result<serde_json::Value, Failure> {
    let mut value = report::about(merge, notes)?;
    report::add(&mut value, &json!(merge.plan().summary()));
    Ok(value)
}

pub(super) fn print_plan(merge: &Merge, notes: &[String], json: bool) -> Result<(), Failure> {
    if json {
        return out::print_json(&plan_json(merge, notes)?);
    }
    report::say_notes(notes);
    out::print(&out::escape_lines(&merge.plan().summary().to_string()))
}

/// Runs a merge and reports on it, in the words for what it does to tensors.
pub(super) fn write(
    job: Job<'_>,
    work: &WorkArgs,
    args: &OutputArgs,
    done: Done,
) -> Result<(), Failure> {
    let mut reports = Reports::asked(args.report.file.as_deref())?;
    write_beside(job, work, args, done, &mut reports)
}

/// The same of a merge that may be one of several, whose reports are in one file.
pub(super) fn write_beside(
    mut job: Job<'_>,
    work: &WorkArgs,
    args: &OutputArgs,
    done: Done,
    reports: &mut Reports,
) -> Result<(), Failure> {
    let cancel = process::cancel_on_signal(args.report.json);
    let card = &mut job.recipe.options.card;
    *card = args.report.card(*card);
    let readme = match card {
        Card::Recorded => foreign_readme(&args.output),
        Card::Always | Card::Never => None,
    };
    if readme.is_some() {
        *card = Card::Never;
    }
    let reads = job.reads.clone();
    if models::any_reference(&job.recipe.models)? {
        for place in places(job.outputs, &args.output)? {
            Merge::check_place(&place, work.force)?;
        }
    }
    let (merge, mut notes) = prepare(job, work, &args.output, args.report.quiet)?;
    let args = &args.report;
    reports.check(merge.checkpoints())?;
    let cards = Cards::of(&merge, args.card, &reads, work.force)?;
    merge.check_output()?;
    notes.extend(report::notes(&merge));
    notes.extend(readme.map(|readme| {
        let readme = readme.display();
        format!("{readme} is no card of wgmerge and stays: --card replaces it")
    }));
    if !args.quiet {
        report::say_notes(&notes);
    }
    if args.verbose {
        out::say(Kind::Report, &merge.plan().summary().to_string());
    }
    let about = match args.json {
        true => Some(report::about(&merge, &notes)?),
        false => None,
    };
    let bar = Bar::new(args.quiet);
    let report = process::running(|| merge.run(&bar, &cancel));
    bar.clear();
    let report = report?;
    if cancel.load(Ordering::SeqCst) {
        // It came while the last output appeared.
        return Err(Failure::Interrupted(merge.outputs().len()));
    }
    let outputs = (0..merge.outputs().len()).map(OutputId::new);
    cards.write(&merge, &report)?;
    reports.add(outputs.map(|output| merge.measured(&report, output)))?;
    report::print(args, &merge, &report, about, done)
}

/// Opens the device and the models, and plans. What there is to say about them comes along: a note
/// is worth reading only where no error follows.
pub(super) fn prepare(
    job: Job<'_>,
    work: &WorkArgs,
    output: &Path,
    quiet: bool,
) -> Result<(Merge, Vec<String>), Failure> {
    let Job {
        mut recipe,
        outputs,
        ..
    } = job;
    let chosen = choose_device(&work.device, super::threads(work.limits.threads))?;
    let mut notes = job.notes;
    if job.wants_gpu && chosen.device.is_none() && chosen.note.is_none() {
        notes.push("there is no GPU here: the CPU computes, with the same result".to_owned());
    }
    notes.extend(chosen.note);
    notes.extend(models::locate_all(&mut recipe, quiet)?);
    let settings = Settings {
        output: output.to_owned(),
        reads: job.reads,
        overwrite: work.force,
        memory: work.limits.memory,
        threads: super::threads(work.limits.threads),
        device: chosen.device,
        level: Level::chosen()?,
        proof: work.proof(),
        min_survival: work.min_survival,
    };
    let merge = match outputs {
        None => Merge::prepare(recipe, settings)?,
        Some(Outputs::Sweep(sweep)) => Merge::prepare_sweep(&recipe, sweep, settings)?,
        Some(Outputs::Windows(average)) => Merge::prepare_average(&recipe, average, settings)?,
    };
    let why = merge.unused_device().map(|unused| match unused {
        Unused::Recipe => "nothing of this recipe is for a GPU: it runs on the CPU",
        Unused::Memory => {
            "--memory is too small for the GPU: the CPU computes, with the same result"
        }
    });
    notes.extend(why.map(str::to_owned));
    Ok((merge, notes))
}

/// What stands in an output folder in the place of a card, where somebody else wrote it.
fn foreign_readme(output: &Path) -> Option<PathBuf> {
    let path = output.join(CARD);
    let text = std::fs::read(&path).ok()?;
    let own = b"wgmerge";
    let is_card = text.windows(own.len()).any(|part| part == own);
    (!is_card).then_some(path)
}

/// Where the outputs of a merge go.
fn places(outputs: Option<Outputs<'_>>, output: &Path) -> Result<Vec<PathBuf>, Failure> {
    let places = match outputs {
        None => Ok(vec![output.to_owned()]),
        Some(Outputs::Sweep(sweep)) => sweep_outputs(output, sweep),
        Some(Outputs::Windows(average)) => window_outputs(output, average),
    };
    Ok(places.map_err(MergeError::from)?)
}

/// The recipe that flags describe.
pub(super) fn by_flags(
    method: &'static Method,
    base: Option<PathBuf>,
    models: Vec<PathBuf>,
    parameters: &[String],
    options: Options,
) -> Result<Recipe, Failure> {
    merge_of(method.id, base, models, parameters, options)
        .map_err(|fault| failure::of_method(fault, method.id))
}
