//! `wgmerge run`, and recipe files as `plan` reads them too.

use std::path::{Path, PathBuf};

use super::additions::added;
use super::args::{OutputArgs, RunArgs, WorkArgs, YamlArgs};
use super::asked::{Asked, no_output};
use super::failure::Failure;
use super::merge::{Job, Outputs, prepare, write_beside};
use super::mixture;
use super::options::{options, read_besides};
use super::out;
use super::recipe::{self, Text};
use super::report::{self, Done};
use super::written::Reports;
use super::yaml::{self, Stage};
use crate::merge::Merge;
use crate::recipe::mergekit::{Mixture, Script};
use crate::recipe::{Card, Missing, Options, Recipe};
use crate::sink;

/// Merges by a recipe file.
pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let file = &args.recipe;
    let (configs, yaml, options) = (&file.configs, &file.yaml, &file.options);
    let quiet = args.report.quiet;
    let output = args.output.as_ref().or(args.target.as_ref());
    let mut read = Read::of(Asked {
        file: &file.recipe,
        given: &file.given.models,
        configs,
        method_files: &file.method_files.files,
        yaml,
        options,
        output: output.map(PathBuf::as_path),
        memory: args.work.limits.memory,
        quiet,
    })?;
    if !quiet {
        report::say_notes(&yaml.idle.notes);
    }
    read.check_places(args.work.force)?;
    let mut reports = Reports::asked(args.report.file.as_deref())?;
    loop {
        write_all(&read, args, &mut reports)?;
        if !read.go_on()? {
            return Ok(());
        }
    }
}

/// Writes the merges that are known.
fn write_all(read: &Read<'_>, args: &RunArgs, reports: &mut Reports) -> Result<(), Failure> {
    let yaml = &args.recipe.yaml;
    let work = work(&args.work, yaml);
    let job = |recipe: Recipe| Job {
        outputs: args.recipe.options.sweep.as_ref().map(Outputs::Sweep),
        reads: read.reads.clone(),
        wants_gpu: yaml.cuda,
        ..Job::of(recipe)
    };
    if read.stages.len() > 1 || read.new_folders().next().is_some() {
        // All must be right before anything is written.
        for Stage { recipe, output } in &read.stages {
            let prepared = prepare(job(recipe.clone()), &work, output, args.report.quiet);
            let checked = prepared.and_then(|(merge, _)| match sink::parent(output).exists() {
                true => Ok(merge.check_output()?),
                false => Ok(()),
            });
            checked.map_err(|failure| read.text.locate(failure))?;
        }
    }
    read.make_folders()?;
    for Stage { recipe, output } in &read.stages {
        let done = match recipe.models.len() {
            0 | 1 => Done::Computed,
            _ => Done::Merged,
        };
        let to = OutputArgs {
            output: output.clone(),
            report: args.report.clone(),
        };
        let written = write_beside(job(recipe.clone()), &work, &to, done, reports);
        written.map_err(|failure| read.text.locate(failure))?;
    }
    Ok(())
}

/// Where the work is done, as mergekit's flags say it too.
pub(super) fn work(args: &WorkArgs, yaml: &YamlArgs) -> WorkArgs {
    let mut work = args.clone();
    work.limits.threads = work.limits.threads.or(yaml.num_threads);
    work
}

/// A recipe file that is read.
pub(super) struct Read<'a> {
    asked: Asked<'a>,
    options: Options,
    pub(super) text: Text,
    /// The text, if it is one of mergekit's merges.
    script: Option<Script>,
    /// The text, if it is one of mergekit-moe.
    mixture: Option<Mixture>,
    /// Its merges, each with its output, as far as they are known.
    pub(super) stages: Vec<Stage>,
    /// What else is read for them.
    pub(super) reads: Vec<PathBuf>,
}

impl<'a> Read<'a> {
    pub(super) fn of(asked: Asked<'a>) -> Result<Read<'a>, Failure> {
        let (file, yaml, args) = (asked.file, asked.yaml, asked.options);
        let text = Text::read(file)?.with(asked.given)?;
        let mut options = options(args)?;
        options.seed = yaml.random_seed.unwrap_or(options.seed);
        if yaml.no_write_model_card {
            options.card = Card::Never;
        }
        options.shard_bytes = options.shard_bytes.or(yaml.out_shard_size);
        options.missing = match (yaml.tensor_intersection, yaml.tensor_union) {
            (true, _) => Missing::Drop,
            (_, true) => Missing::Skip,
            _ => options.missing,
        };
        let mixture = match text.is_mergekits() {
            true => text.mixture((yaml.lenient.lenient, yaml.alike), asked.quiet)?,
            false => None,
        };
        let script = match text.is_mergekits() && mixture.is_none() {
            true => Some(text.mergekits(yaml.lenient.lenient, asked.quiet)?),
            false => None,
        };
        let mut read = Read {
            reads: read_besides(
                args,
                asked.configs.files.iter().chain(asked.method_files),
                Some(file),
            ),
            asked,
            options,
            text,
            script,
            mixture,
            stages: Vec::new(),
        };
        read.compose()?;
        Ok(read)
    }

    /// Finds the merges, as far as they are known.
    fn compose(&mut self) -> Result<(), Failure> {
        let (asked, options) = (&self.asked, &self.options);
        let stages = match (&self.script, &self.mixture) {
            (Some(script), _) => yaml::stages(&self.text, script, asked, options)?,
            (None, Some(mixture)) => vec![mixture::stage(&self.text, mixture, asked, options)?],
            (None, None) => {
                let configs = &asked.configs.files;
                self.reads.extend(self.text.models(asked.file.parent()));
                vec![Stage {
                    recipe: recipe::read(&self.text, asked.file, configs, options.clone())?,
                    output: asked.output.ok_or_else(no_output)?.to_owned(),
                }]
            }
        };
        for stage in &stages {
            self.reads.extend(stage.recipe.models.iter().cloned());
        }
        let additions = &asked.options.additions;
        let stages = stages.into_iter().map(|stage| Stage {
            recipe: added(stage.recipe, additions),
            ..stage
        });
        self.stages = stages.collect();
        Ok(())
    }

    /// The merge that the others wait for, where there is one.
    pub(super) fn awaited(&self) -> Option<&str> {
        let script = self.script.as_ref()?;
        let first = script.needed_first()?;
        let written = self.asked.yaml.intermediate_dir.is_some() || !script.has_result();
        written.then_some(first)
    }

    /// Finds the merges that wait for the one that is written by now; whether there are any.
    fn go_on(&mut self) -> Result<bool, Failure> {
        let awaited = self.awaited().map(str::to_owned);
        let (Some(name), Some(script)) = (awaited, &mut self.script) else {
            return Ok(false);
        };
        let [stage] = self.stages.as_slice() else {
            return Ok(false);
        };
        script.written(&name, &stage.output);
        self.compose()?;
        Ok(true)
    }

    /// Checks the places of all outputs, where some are not known before others are written.
    fn check_places(&self, overwrite: bool) -> Result<(), Failure> {
        let Some(script) = self.script.as_ref().filter(|_| self.awaited().is_some()) else {
            return Ok(());
        };
        for (_, output) in yaml::targets(script, &self.asked)? {
            if sink::parent(&output).exists() {
                Merge::check_place(&output, overwrite)?;
            }
        }
        Ok(())
    }

    /// The folders for outputs that are not there yet. As mergekit does, its recipes make them.
    fn new_folders(&self) -> impl Iterator<Item = &Path> {
        let yaml = self.script.is_some() || self.mixture.is_some();
        let stages = self.stages.iter().filter(move |_| yaml);
        let folders = stages.map(|stage| sink::parent(&stage.output));
        folders.filter(|folder| !folder.exists())
    }

    fn make_folders(&self) -> Result<(), Failure> {
        for folder in self.new_folders() {
            std::fs::create_dir_all(folder).map_err(|fault| {
                let folder = out::escape(&folder.display().to_string()).into_owned();
                Failure::Run(format!("cannot make the folder {folder}: {fault}"))
            })?;
        }
        Ok(())
    }
}
