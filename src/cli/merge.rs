//! `wgmerge merge`, `wgmerge run` and `wgmerge plan`.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use serde_json::json;

use super::additions::added;
use super::args::{
    ConfigArgs, MergeArgs, OptionArgs, OutputArgs, PlanArgs, RunArgs, WorkArgs, YamlArgs,
};
use super::bar::Bar;
use super::failure::{self, Failure};
use super::models;
use super::options::{options, read_besides};
use super::out::{self, Kind};
use super::process;
use super::recipe::{self, Text};
use super::report::{self, Done};
use super::yaml::{self, Stage};
use crate::exec::cpu::Level;
use crate::merge::{DeviceChoice, Merge, MergeError, Settings, choose_device, sweep_outputs};
use crate::method::Method;
use crate::recipe::{Options, Recipe, Sweep, merge_of};
use crate::sink;

/// A merge as a command is told it.
pub(super) struct Job<'a> {
    /// What is merged.
    pub(super) recipe: Recipe,
    /// The outputs, where there are several.
    pub(super) sweep: Option<&'a Sweep>,
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
            sweep: None,
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
        sweep: flags.options.sweep.as_ref(),
        reads: read_besides(&flags.options, &[], None),
        ..Job::of(recipe)
    };
    write(job, &args.work, &args.output, Done::Merged)
}

/// Merges by a recipe file.
pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let file = &args.recipe;
    let (configs, yaml, options) = (&file.configs, &file.yaml, &file.options);
    let read = Read::of(&file.recipe, configs, yaml, options, &args.output.output)?;
    let work = work(&args.work, yaml);
    let quiet = args.output.report.quiet;
    let job = |recipe: Recipe| Job {
        sweep: options.sweep.as_ref(),
        reads: read.reads.clone(),
        ..Job::of(recipe)
    };
    if !quiet {
        report::say_notes(&yaml.idle.notes);
    }
    if read.stages.len() > 1 {
        // All must be right before the first is written.
        for Stage { recipe, output } in &read.stages {
            let prepared = prepare(job(recipe.clone()), &work, output, quiet);
            let checked = prepared.and_then(|(merge, _)| match sink::parent(output).exists() {
                true => Ok(merge.check_output()?),
                false => Ok(()),
            });
            checked.map_err(|failure| read.text.locate(failure))?;
        }
    }
    read.make_folders(&args.output.output)?;
    for Stage { recipe, output } in &read.stages {
        let done = match recipe.models.len() {
            0 | 1 => Done::Computed,
            _ => Done::Merged,
        };
        let to = OutputArgs {
            output: output.clone(),
            ..args.output.clone()
        };
        write(job(recipe.clone()), &work, &to, done)
            .map_err(|failure| read.text.locate(failure))?;
    }
    Ok(())
}

/// Where the work is done, as mergekit's flags say it too.
fn work(args: &WorkArgs, yaml: &YamlArgs) -> WorkArgs {
    let mut work = args.clone();
    if yaml.cuda {
        work.device = DeviceChoice::Gpu;
    }
    work.limits.threads = work.limits.threads.or(yaml.num_threads);
    work
}

/// A recipe file that is read.
struct Read {
    text: Text,
    /// Its merges, each with its output.
    stages: Vec<Stage>,
    /// What else is read for them.
    reads: Vec<PathBuf>,
}

impl Read {
    fn of(
        file: &Path,
        configs: &ConfigArgs,
        yaml: &YamlArgs,
        args: &OptionArgs,
        output: &Path,
    ) -> Result<Read, Failure> {
        let (text, mut options) = (Text::read(file)?, options(args)?);
        options.seed = yaml.random_seed.unwrap_or(options.seed);
        options.shard_bytes = options.shard_bytes.or(yaml.out_shard_size);
        let configs = &configs.files;
        let mut reads = read_besides(args, configs, Some(file));
        let mut stages = match text.is_mergekits() {
            true => yaml::stages(&text, yaml, (file.parent(), output), &options)?,
            false => {
                reads.extend(text.models(file.parent()));
                vec![Stage {
                    recipe: recipe::read(&text, file, configs, options)?,
                    output: output.to_owned(),
                }]
            }
        };
        for stage in &mut stages {
            let models = stage.recipe.models.clone();
            reads.extend(models);
        }
        let stages = stages.into_iter().map(|stage| Stage {
            recipe: added(stage.recipe, &args.additions),
            ..stage
        });
        Ok(Read {
            stages: stages.collect(),
            text,
            reads,
        })
    }

    /// Makes the folders that hold merges by their names.
    fn make_folders(&self, result: &Path) -> Result<(), Failure> {
        let named = self.stages.iter().filter(|stage| stage.output != result);
        for folder in named.map(|stage| sink::parent(&stage.output)) {
            std::fs::create_dir_all(folder).map_err(|fault| {
                let folder = out::escape(&folder.display().to_string()).into_owned();
                Failure::Run(format!("cannot make the folder {folder}: {fault}"))
            })?;
        }
        Ok(())
    }
}

/// Prints a plan.
pub(super) fn plan(args: &PlanArgs) -> Result<(), Failure> {
    let (text, stages, reads) = match (args.method, args.models.as_slice()) {
        (Some(method), models) => {
            let (base, models) = (args.base.clone(), models.to_vec());
            let options = options(&args.options)?;
            let recipe = by_flags(method, base, models, &args.parameters, options)?;
            let recipe = added(recipe, &args.options.additions);
            let output = args.output().to_owned();
            let reads = read_besides(&args.options, &args.configs.files, None);
            (None, vec![Stage { recipe, output }], reads)
        }
        (None, [file]) => {
            let (configs, yaml, options) = (&args.configs, &args.yaml, &args.options);
            let read = Read::of(file, configs, yaml, options, args.output())?;
            (Some(read.text), read.stages, read.reads)
        }
        (None, _) => {
            let message = "several models need a --method; without one, give a single recipe file";
            return Err(Failure::input(message.to_owned()));
        }
    };
    let several = stages.len() > 1;
    let mut plans = Vec::new();
    for Stage { recipe, output } in stages {
        let job = Job {
            sweep: args.options.sweep.as_ref(),
            reads: reads.clone(),
            ..Job::of(recipe)
        };
        let prepared = prepare(job, &work(&args.work, &args.yaml), &output, false);
        let (merge, mut notes) = prepared.map_err(|failure| match &text {
            Some(text) => text.locate(failure),
            None => failure,
        })?;
        let refused = match args.output {
            Some(_) => merge.check_output().err(),
            None => merge.check_room().err(),
        };
        notes.extend(refused.map(|fault| format!("this merge would be refused: {fault}")));
        match (args.json, several) {
            (true, true) => plans.push(plan_json(&merge, &notes)?),
            (false, true) => {
                out::print(&format!("{}\n", out::escape(&output.display().to_string())))?;
                print_plan(&merge, &notes, false)?;
            }
            (json, false) => print_plan(&merge, &notes, json)?,
        }
    }
    match plans.is_empty() {
        true => Ok(()),
        false => out::print_json(&json!(plans)),
    }
}

/// Prints the plan of a merge that is not run.
pub(super) fn show(job: Job<'_>, work: &WorkArgs, args: &OutputArgs) -> Result<(), Failure> {
    let (merge, mut notes) = prepare(job, work, &args.output, args.report.quiet)?;
    merge.check_output()?;
    notes.extend(report::notes(&merge));
    print_plan(&merge, &notes, args.report.json)
}

fn plan_json(merge: &Merge, notes: &[String]) -> Result<serde_json::Value, Failure> {
    let mut value = report::about(merge, notes)?;
    report::add(&mut value, &json!(merge.plan().summary()));
    Ok(value)
}

fn print_plan(merge: &Merge, notes: &[String], json: bool) -> Result<(), Failure> {
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
    let cancel = process::cancel_on_signal(args.report.json);
    if models::any_reference(&job.recipe.models)? {
        for place in places(job.sweep, &args.output)? {
            Merge::check_place(&place, work.force)?;
        }
    }
    let (merge, mut notes) = prepare(job, work, &args.output, args.report.quiet)?;
    let args = &args.report;
    merge.check_output()?;
    notes.extend(report::notes(&merge));
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
    report::print(args, &merge, &report, about, done)
}

/// Opens the device and the models, and plans. What there is to say about them comes along: a note
/// is worth reading only where no error follows.
fn prepare(
    job: Job<'_>,
    work: &WorkArgs,
    output: &Path,
    quiet: bool,
) -> Result<(Merge, Vec<String>), Failure> {
    let Job {
        mut recipe, sweep, ..
    } = job;
    let chosen = choose_device(&work.device)?;
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
        level: Level::detect(),
    };
    let device = settings.device.is_some();
    let merge = match sweep {
        None => Merge::prepare(recipe, settings)?,
        Some(sweep) => Merge::prepare_sweep(&recipe, sweep, settings)?,
    };
    if device && merge.device().is_none() {
        notes.push("this recipe has parts that only the CPU computes: it runs there".to_owned());
    }
    Ok((merge, notes))
}

/// Where the outputs of a merge go: one, or one for each value of a sweep.
fn places(sweep: Option<&Sweep>, output: &Path) -> Result<Vec<PathBuf>, Failure> {
    match sweep {
        None => Ok(vec![output.to_owned()]),
        Some(sweep) => Ok(sweep_outputs(output, sweep).map_err(MergeError::from)?),
    }
}

/// The recipe that flags describe.
fn by_flags(
    method: &'static Method,
    base: Option<PathBuf>,
    models: Vec<PathBuf>,
    parameters: &[String],
    options: Options,
) -> Result<Recipe, Failure> {
    merge_of(method.id, base, models, parameters, options)
        .map_err(|fault| failure::of_method(fault, method.id))
}
