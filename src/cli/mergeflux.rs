//! `wgmerge mergeflux` and `wgmerge mergeflux-delta`.

use std::path::PathBuf;

use super::args::{DeltaArgs, FluxArgs, MixArgs, OutputArgs, WorkArgs};
use super::failure::Failure;
use super::merge::{self, Job};
use super::models;
use super::report::Done;
use crate::checkpoint::Checkpoint;
use crate::merge::{DeviceChoice, Merge};
use crate::recipe::Recipe;
use crate::recipe::mergeflux::{Common, Delta, MergeFluxError, Mix, Mixed};

/// Averages models.
pub(super) fn mix(args: &MixArgs) -> Result<(), Failure> {
    let opened = opened(&args.models, &args.flux)?;
    let mix = Mix {
        models: args.models.clone(),
        base_ratios: args.base_ratios.clone(),
        start_ratios: args.start_ratios.clone(),
        end_ratios: args.end_ratios.clone(),
        start_block: args.start_block,
        end_block: args.end_block,
        block_order: args.block_order,
        common: common(&args.flux),
    };
    let Mixed { recipe, notes } = mix.recipe(&opened)?;
    run(recipe, notes, &args.flux)
}

/// The models, wherever they are.
fn opened(paths: &[PathBuf], args: &FluxArgs) -> Result<Vec<Checkpoint>, Failure> {
    if !args.dry && models::any_reference(paths)? {
        Merge::check_place(&Common::output(&args.output), true)?;
    }
    let open = |path: &PathBuf| {
        // What there is to say of it comes when the merge looks for it again.
        let (path, _) = models::located(path, args.report.quiet)?;
        Ok(Checkpoint::open(&path)?)
    };
    paths.iter().map(open).collect()
}

/// Merges task vectors.
pub(super) fn delta(args: &DeltaArgs) -> Result<(), Failure> {
    let delta = Delta {
        base_model: args.base_model.clone(),
        models: args.models.clone(),
        prune_method: args.prune_method,
        merge_method: args.merge_method,
        density: args.density,
        task_weights: args.task_weights.clone(),
        majority_sign_method: args.majority_sign_method,
        lambda: args.lambda,
        scope: args.scope,
        seed: args.seed,
        common: common(&args.flux),
    };
    run(delta.recipe()?, Vec::new(), &args.flux)
}

fn common(args: &FluxArgs) -> Common {
    Common {
        precision: args.precision,
        saving_precision: args.saving_precision,
        save_metadata: args.save_metadata,
        keep_prefix: args.keep_prefix,
    }
}

fn run(recipe: Recipe, notes: Vec<String>, args: &FluxArgs) -> Result<(), Failure> {
    let work = WorkArgs {
        device: args.device.clone().unwrap_or(DeviceChoice::Auto),
        limits: args.limits.clone(),
        min_survival: None,
        prove: false,
        no_prove: false,
        force: true,
    };
    let output = OutputArgs {
        output: Common::output(&args.output),
        report: args.report.clone(),
    };
    let job = Job {
        notes,
        wants_gpu: args.device == Some(DeviceChoice::Auto),
        ..Job::of(recipe)
    };
    match args.dry {
        true => merge::show(job, &work, &output),
        false => merge::write(job, &work, &output, Done::Merged),
    }
}

impl From<MergeFluxError> for Failure {
    fn from(fault: MergeFluxError) -> Failure {
        Failure::usage(&fault, None)
    }
}
