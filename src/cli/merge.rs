//! `wgmerge merge`, `wgmerge run` and `wgmerge plan`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use super::args::{MergeArgs, OptionArgs, OutputArgs, PlanArgs, RunArgs, WorkArgs};
use super::bar::Bar;
use super::exit::{self, Failure};
use super::{out, recipe, text};
use crate::exec::cpu::Level;
use crate::keys::{self, Filter};
use crate::merge::{Merge, MergeError, Report, Settings, choose_device, sweep_output};
use crate::method::Method;
use crate::plan::human;
use crate::recipe::{BlockOption, Options, Recipe, Sweep, merge_of};
use crate::sink;

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
    let reads = read_besides(&flags.options, &[], None);
    let sweep = flags.options.sweep.as_ref();
    write(recipe, sweep, reads, &args.work, &args.output)
}

/// Merges by a recipe file.
pub(super) fn run(args: &RunArgs) -> Result<(), Failure> {
    let file = &args.recipe;
    let (recipe, text) = recipe::read(&file.recipe, &file.configs.files, options(&file.options)?)?;
    let sweep = file.options.sweep.as_ref();
    let mut reads = read_besides(&file.options, &file.configs.files, Some(&file.recipe));
    reads.extend(text.models(file.recipe.parent()));
    write(recipe, sweep, reads, &args.work, &args.output).map_err(|failure| text.locate(failure))
}

/// Prints a plan.
pub(super) fn plan(args: &PlanArgs) -> Result<(), Failure> {
    let options = options(&args.options)?;
    let (recipe, text) = match (args.method, args.models.as_slice()) {
        (Some(method), models) => {
            let (base, models) = (args.base.clone(), models.to_vec());
            let recipe = by_flags(method, base, models, &args.parameters, options)?;
            (recipe, None)
        }
        (None, [file]) => {
            let (recipe, text) = recipe::read(file, &args.configs.files, options)?;
            (recipe, Some(text))
        }
        (None, _) => {
            let message = "several models need a --method; without one, give a single recipe file";
            return Err(Failure::input(message.to_owned()));
        }
    };
    let sweep = args.options.sweep.as_ref();
    let file = text.as_ref().map(|_| args.models[0].as_path());
    let mut reads = read_besides(&args.options, &args.configs.files, file);
    if let (Some(text), Some(file)) = (&text, file) {
        reads.extend(text.models(file.parent()));
    }
    let merge = prepare(recipe, sweep, reads, &args.work, &args.output, args.json);
    let merge = merge.map_err(|failure| match &text {
        Some(text) => text.locate(failure),
        None => failure,
    })?;
    let summary = merge.plan().summary();
    if args.json {
        return out::print_json(&summary);
    }
    out::print(&out::escape_lines(&summary.to_string()))
}

/// Runs a merge and reports on it.
pub(super) fn write(
    recipe: Recipe,
    sweep: Option<&Sweep>,
    reads: Vec<PathBuf>,
    work: &WorkArgs,
    args: &OutputArgs,
) -> Result<(), Failure> {
    let merge = prepare(recipe, sweep, reads, work, &args.output, args.quiet)?;
    merge.check_output()?;
    if !args.quiet {
        note_keys(&merge);
        note_companions(&merge);
    }
    if args.verbose {
        out::say("", &merge.plan().summary().to_string());
    }
    let cancel = cancel_on_signal();
    let bar = Bar::new(args.quiet);
    let report = merge.run(&bar, &cancel);
    bar.clear();
    print(args, &merge, &report?)
}

/// Opens the device and the models, and plans.
fn prepare(
    recipe: Recipe,
    sweep: Option<&Sweep>,
    reads: Vec<PathBuf>,
    work: &WorkArgs,
    output: &Path,
    quiet: bool,
) -> Result<Merge, Failure> {
    let chosen = choose_device(&work.device)?;
    if let (Some(note), false) = (&chosen.note, quiet) {
        out::say("note: ", note);
    }
    let settings = Settings {
        output: output.to_owned(),
        reads,
        overwrite: work.force,
        memory: work.memory,
        threads: super::threads(work.threads),
        device: chosen.device,
        level: Level::detect(),
    };
    let device = settings.device.is_some();
    let merge = match sweep {
        None => Merge::prepare(recipe, settings)?,
        Some(sweep) => {
            let recipes = sweep.recipes(&recipe);
            let recipes = recipes.map_err(|fault| Failure::input(fault.to_string()))?;
            let values = sweep.values.iter();
            let outputs = values.map(|value| sweep_output(output, &sweep.name, *value));
            let outputs = outputs
                .collect::<Result<Vec<_>, _>>()
                .map_err(MergeError::from)?;
            Merge::prepare_all(recipes.into_iter().zip(outputs).collect(), settings)?
        }
    };
    if device && merge.device().is_none() && !quiet {
        let note = "this recipe has parts that only the CPU computes: it runs there";
        out::say("note: ", note);
    }
    Ok(merge)
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
        .map_err(|fault| exit::of_method(fault, method.id))
}

fn options(args: &OptionArgs) -> Result<Options, Failure> {
    Ok(Options {
        compute: args.compute,
        dtype: args.dtype,
        seed: args.seed,
        missing: args.missing,
        shape: args.shape,
        on_nan: args.on_nan,
        filter: Filter::new(&args.include, &args.exclude)?,
        block_weights: block_weights(args.block_weights.as_deref())?,
        metadata: args.metadata,
        shard_bytes: args.max_shard_size,
    })
}

/// The files besides models that the arguments name: none of them may be written.
fn read_besides(options: &OptionArgs, configs: &[PathBuf], recipe: Option<&Path>) -> Vec<PathBuf> {
    let weights = options.block_weights.as_deref();
    let weights = weights.and_then(|weights| weights.strip_prefix('@'));
    let named = weights.map(Path::new).into_iter().chain(recipe);
    let configs = configs.iter().map(PathBuf::as_path);
    configs.chain(named).map(Path::to_path_buf).collect()
}

/// Block weights as they are given, or from a file.
fn block_weights(given: Option<&str>) -> Result<Option<BlockOption>, Failure> {
    let Some(given) = given else {
        return Ok(None);
    };
    let text = match given.strip_prefix('@') {
        None => given.to_owned(),
        Some(file) => text::read(Path::new(file))?,
    };
    let weights = keys::blocks::parse(&text).map_err(|fault| Failure::input(fault.to_string()))?;
    Ok(Some(BlockOption { text, weights }))
}

/// One line per model whose keys do not match, where the policies allow that.
fn note_keys(merge: &Merge) {
    let report = &merge.plan().report;
    for note in &report.notes {
        out::say("note: ", note);
    }
    if let Some(first) = report.left_out.first() {
        let count = report.left_out.len();
        let note = format!(
            "{count} tensors are left out, which the model config does not require and a model \
             lacks, such as `{first}`; `wgmerge plan` lists them"
        );
        out::say("note: ", &note);
    }
    for model in &merge.plan().report.models {
        let (missing, extra, other) = (
            model.missing.len(),
            model.extra.len(),
            model.mismatched.len(),
        );
        if missing + extra + other > 0 {
            let note = format!(
                "{}: {missing} tensors missing, {extra} not in the output, {other} of another \
                 form; `wgmerge plan` lists them",
                model.model
            );
            out::say("note: ", &note);
        }
    }
    for checkpoint in merge.checkpoints() {
        for note in checkpoint.notes() {
            out::say("note: ", &note);
        }
        for file in checkpoint.left_out() {
            let (path, file) = (checkpoint.path().display(), file.display());
            out::say("note: ", &format!("{path}: {file} is not used"));
        }
    }
}

/// What comes along from the reference model's folder, and what does not.
fn note_companions(merge: &Merge) {
    let companions = merge.companions();
    let model = &merge.recipe().models[merge.recipe().reference];
    let list = |names: Vec<String>| match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.join(", "),
    };
    let copied = companions.copied.iter();
    let copied = copied.map(|file| file.name.display().to_string()).collect();
    let left_out = companions.left_out.iter();
    let left_out: Vec<String> = left_out
        .map(|file| format!("{} ({})", file.name, file.reason))
        .collect();
    if companions.copied.is_empty() && left_out.is_empty() {
        return;
    }
    let note = format!("copied along from {}: {}", model.display(), list(copied));
    out::say("note: ", &note);
    if !left_out.is_empty() {
        out::say("note: ", &format!("not copied: {}", list(left_out)));
    }
}

/// Set by the first interrupt; the second one ends the process at once.
fn cancel_on_signal() -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&cancel);
    let handled = ctrlc::set_handler(move || {
        if flag.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    });
    if let Err(fault) = handled {
        let warning = format!("interrupts end the process at once: {fault}");
        out::say("warning: ", &warning);
    }
    cancel
}

/// The report: JSON on standard output, or lines on standard error.
fn print(args: &OutputArgs, merge: &Merge, report: &Report) -> Result<(), Failure> {
    let hashes = match args.hash {
        true => hashes(merge)?,
        false => Vec::new(),
    };
    if args.json {
        let mut value = json!(report);
        value["companions"] = json!(merge.companions());
        if args.hash {
            value["sha256"] = match hashes.as_slice() {
                [(name, hash)] if name.is_empty() => json!(hash),
                _ => hashes
                    .into_iter()
                    .map(|(name, hash)| (name, Value::String(hash)))
                    .collect(),
            };
        }
        return out::print_json(&value);
    }
    if args.quiet {
        return Ok(());
    }
    let mut lines = String::new();
    for output in merge.outputs() {
        let name = output.display().to_string();
        lines += &format!(
            "{}: {} tensors merged, {} copied\n",
            out::escape(&name),
            report.merged,
            report.copied
        );
    }
    lines += &format!(
        "{} read, {} written in {:.2} s on {}; {:.0} % of the floor\n",
        human(report.bytes_read),
        human(report.bytes_written),
        report.seconds,
        report.device,
        100.0 * report.floor_share
    );
    for (name, hash) in hashes {
        let space = if name.is_empty() { "" } else { " " };
        lines += &format!("sha256 {hash}{space}{}\n", out::escape(&name));
    }
    for line in lines.lines() {
        out::say("", line);
    }
    Ok(())
}

/// The SHA-256 of each file of tensors, with its name in the output folder; without a name where
/// the output is one file.
fn hashes(merge: &Merge) -> Result<Vec<(String, String)>, Failure> {
    let mut hashes = Vec::new();
    for (variant, output) in merge.outputs().iter().enumerate() {
        let several = merge.outputs().len() > 1;
        let files: Vec<(String, PathBuf)> = match output.is_file() {
            true if several => vec![(output.display().to_string(), output.clone())],
            true => vec![(String::new(), output.clone())],
            false => {
                let files = merge.files(variant).iter();
                let names = files.map(|file| file.name.display().to_string());
                names
                    .map(|name| (name.clone(), output.join(name)))
                    .collect()
            }
        };
        for (name, path) in files {
            let hash = sink::digest(&path).map_err(|fault| {
                Failure::Run(format!("cannot read {}: {fault}", path.display()))
            })?;
            hashes.push((name, hash));
        }
    }
    Ok(hashes)
}
