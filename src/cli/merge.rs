//! `wgmerge merge` and `wgmerge plan`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::args::{MergeArgs, PlanArgs, RecipeArgs, WorkArgs};
use super::bar::Bar;
use super::exit::Failure;
use crate::exec::cpu::Level;
use crate::kernel::Compute;
use crate::keys::Filter;
use crate::merge::{Device, Merge, Report, Settings, choose_device};
use crate::plan::human;
use crate::recipe::{Metadata, Missing, OnNan, Options, OutputDType, Recipe, merge_of};
use crate::sink;

/// Merges.
pub(super) fn run(args: &MergeArgs) -> Result<(), Failure> {
    let recipe = recipe(&args.recipe)?;
    let chosen =
        choose_device(&args.work.device).map_err(|fault| Failure::Usage(fault.to_string()))?;
    if let (Some(note), false) = (&chosen.note, args.quiet) {
        eprintln!("note: {note}");
    }
    let merge = Merge::prepare(
        recipe,
        settings(&args.work, args.output.clone(), chosen.device),
    )?;
    merge.check_output()?;
    if !args.quiet {
        note_keys(&merge);
    }
    let cancel = cancel_on_signal();
    let bar = Bar::new(args.quiet);
    let report = merge.run(&bar, &cancel);
    bar.clear();
    let report = report?;
    print(args, &report)
}

/// Prints a plan.
pub(super) fn plan(args: &PlanArgs) -> Result<(), Failure> {
    let recipe = recipe(&args.recipe)?;
    let chosen =
        choose_device(&args.work.device).map_err(|fault| Failure::Usage(fault.to_string()))?;
    let merge = Merge::prepare(
        recipe,
        settings(&args.work, args.output.clone(), chosen.device),
    )?;
    let summary = merge.plan().summary();
    if args.json {
        println!("{:#}", json!(summary));
    } else {
        print!("{summary}");
    }
    Ok(())
}

/// The recipe that the flags describe.
fn recipe(args: &RecipeArgs) -> Result<Recipe, Failure> {
    // The words were checked when the arguments were parsed.
    let options = Options {
        compute: Compute::from_name(&args.compute).unwrap_or_default(),
        dtype: OutputDType::from_word(&args.dtype).unwrap_or_default(),
        seed: args.seed,
        missing: Missing::from_word(&args.missing).unwrap_or_default(),
        on_nan: OnNan::from_word(&args.on_nan).unwrap_or_default(),
        filter: Filter::new(&args.include, &args.exclude)?,
        metadata: Metadata::from_word(&args.metadata).unwrap_or_default(),
        shard_bytes: args.max_shard_size,
    };
    let models = args.models.clone();
    Ok(merge_of(
        &args.method,
        args.base.clone(),
        models,
        &args.parameters,
        options,
    )?)
}

fn settings(args: &WorkArgs, output: std::path::PathBuf, device: Option<Device>) -> Settings {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Settings {
        output,
        overwrite: args.force,
        memory: args.memory,
        threads: args.threads.map_or(cores, usize::from),
        device,
        level: Level::detect(),
    }
}

/// One line per model whose keys do not match, where the policies allow that.
fn note_keys(merge: &Merge) {
    for model in &merge.plan().report.models {
        let (missing, extra, other) = (
            model.missing.len(),
            model.extra.len(),
            model.mismatched.len(),
        );
        if missing + extra + other > 0 {
            eprintln!(
                "note: {}: {missing} tensors missing, {extra} not in the output, {other} of another \
                 form; `wgmerge plan` lists them",
                model.model
            );
        }
    }
    for checkpoint in merge.checkpoints() {
        for file in checkpoint.left_out() {
            eprintln!(
                "note: {}: {} is not used",
                checkpoint.path().display(),
                file.display()
            );
        }
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
        eprintln!("warning: interrupts end the process at once: {fault}");
    }
    cancel
}

fn print(args: &MergeArgs, report: &Report) -> Result<(), Failure> {
    let hash = match (args.hash, report.output.is_file()) {
        (true, true) => Some(sink::digest(&report.output)?),
        _ => None,
    };
    if args.json {
        let mut value = json!(report);
        if let Some(hash) = &hash {
            value["sha256"] = json!(hash);
        }
        println!("{value:#}");
    }
    if args.quiet || args.json {
        return Ok(());
    }
    eprintln!(
        "{}: {} tensors merged, {} copied",
        report.output.display(),
        report.merged,
        report.copied
    );
    eprintln!(
        "{} read, {} written in {:.2} s on {}; {:.0} % of the floor",
        human(report.bytes_read),
        human(report.bytes_written),
        report.seconds,
        report.device,
        100.0 * report.floor_share
    );
    if let Some(hash) = hash {
        eprintln!("sha256 {hash}");
    }
    Ok(())
}
