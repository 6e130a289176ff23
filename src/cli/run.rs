//! `wgmerge run`, and recipe files as `plan` reads them too.

use std::path::{Path, PathBuf};

use super::additions::added;
use super::args::{ConfigArgs, OptionArgs, OutputArgs, RunArgs, WorkArgs, YamlArgs};
use super::failure::Failure;
use super::merge::{Job, prepare, write};
use super::options::{options, read_besides};
use super::out;
use super::recipe::{self, Text};
use super::report::{self, Done};
use super::yaml::{self, Stage};
use crate::recipe::{Missing, Recipe};
use crate::sink;

/// Merges by a recipe file.
pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let file = &args.recipe;
    let (configs, yaml, options) = (&file.configs, &file.yaml, &file.options);
    let quiet = args.report.quiet;
    let output = args.output.as_ref().or(args.target.as_ref());
    let read = Read::of(Asked {
        file: &file.recipe,
        configs,
        yaml,
        options,
        output: output.map(PathBuf::as_path),
        quiet,
    })?;
    let work = work(&args.work, yaml);
    let job = |recipe: Recipe| Job {
        sweep: options.sweep.as_ref(),
        reads: read.reads.clone(),
        wants_gpu: yaml.cuda,
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
    read.make_folders(output.map(PathBuf::as_path))?;
    for Stage { recipe, output } in &read.stages {
        let done = match recipe.models.len() {
            0 | 1 => Done::Computed,
            _ => Done::Merged,
        };
        let to = OutputArgs {
            output: output.clone(),
            report: args.report.clone(),
        };
        write(job(recipe.clone()), &work, &to, done)
            .map_err(|failure| read.text.locate(failure))?;
    }
    Ok(())
}

/// Where the work is done, as mergekit's flags say it too.
pub(super) fn work(args: &WorkArgs, yaml: &YamlArgs) -> WorkArgs {
    let mut work = args.clone();
    work.limits.threads = work.limits.threads.or(yaml.num_threads);
    work
}

/// What arguments say of a recipe file.
pub(super) struct Asked<'a> {
    pub(super) file: &'a Path,
    pub(super) configs: &'a ConfigArgs,
    pub(super) yaml: &'a YamlArgs,
    pub(super) options: &'a OptionArgs,
    /// Where the result goes; None where there need not be one.
    pub(super) output: Option<&'a Path>,
    /// Whether notes are not said.
    pub(super) quiet: bool,
}

/// A recipe file that is read.
pub(super) struct Read {
    pub(super) text: Text,
    /// Its merges, each with its output.
    pub(super) stages: Vec<Stage>,
    /// What else is read for them.
    pub(super) reads: Vec<PathBuf>,
}

impl Read {
    pub(super) fn of(asked: Asked<'_>) -> Result<Read, Failure> {
        let Asked {
            file,
            yaml,
            options: args,
            ..
        } = asked;
        let (text, mut options) = (Text::read(file)?, options(args)?);
        options.seed = yaml.random_seed.unwrap_or(options.seed);
        options.shard_bytes = options.shard_bytes.or(yaml.out_shard_size);
        options.missing = match (yaml.tensor_intersection, yaml.tensor_union) {
            (true, _) => Missing::Drop,
            (_, true) => Missing::Skip,
            _ => options.missing,
        };
        let configs = &asked.configs.files;
        let mut reads = read_besides(args, configs, Some(file));
        let mut stages = match text.is_mergekits() {
            true => yaml::stages(&text, &asked, &options)?,
            false => {
                reads.extend(text.models(file.parent()));
                vec![Stage {
                    recipe: recipe::read(&text, file, configs, options)?,
                    output: asked.output.ok_or_else(no_output)?.to_owned(),
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
    fn make_folders(&self, result: Option<&Path>) -> Result<(), Failure> {
        let named = self.stages.iter();
        let named = named.filter(|stage| Some(stage.output.as_path()) != result);
        for folder in named.map(|stage| sink::parent(&stage.output)) {
            std::fs::create_dir_all(folder).map_err(|fault| {
                let folder = out::escape(&folder.display().to_string()).into_owned();
                Failure::Run(format!("cannot make the folder {folder}: {fault}"))
            })?;
        }
        Ok(())
    }
}

/// The error of a recipe with a result that is to go nowhere.
pub(super) fn no_output() -> Failure {
    let message = "the result has no place to go to; name it behind the recipe: \
                   `wgmerge run RECIPE OUTPUT`";
    Failure::input(message.to_owned())
}
