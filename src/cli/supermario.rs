//! `wgmerge supermario` and `wgmerge supermario-hf`.

use std::ffi::OsString;
use std::path::PathBuf;

use super::args::{
    MarioArgs, OutputArgs, SINGLE_HYPHEN, SupermarioArgs, SupermarioListArgs, WorkArgs,
};
use super::failure::Failure;
use super::merge::{self, Job};
use super::report::Done;
use crate::recipe::supermario::{List, Pair, SupermarioError};

/// Merges a model into another.
pub(super) fn pair(args: &SupermarioArgs) -> Result<(), Failure> {
    let pair = Pair {
        base: args.base.clone(),
        second: args.second.clone(),
        p: args.mario.p,
        lambda: args.mario.lambda,
        seed: args.mario.seed,
    };
    let recipe = pair.recipe()?;
    let output = pair.output(&args.output)?;
    run(Job::of(recipe), &args.mario, output, true)
}

/// Merges the models of a list.
pub(super) fn list(args: &SupermarioListArgs) -> Result<(), Failure> {
    if args.output.exists() && !args.force {
        let output = args.output.clone();
        return Err(SupermarioError::Exists { output }.into());
    }
    let list = List {
        path: args.list.clone(),
        p: args.mario.p,
        lambda: args.mario.lambda,
        seed: args.mario.seed,
    };
    let mut job = Job {
        reads: vec![args.list.clone()],
        ..Job::of(list.recipe()?)
    };
    if args.staging.is_some() {
        let note = "models are read where they are: -staging has no meaning here";
        job.notes.push(note.to_owned());
    }
    run(job, &args.mario, args.output.join(""), args.force)
}

fn run(job: Job<'_>, args: &MarioArgs, output: PathBuf, force: bool) -> Result<(), Failure> {
    let work = WorkArgs {
        device: args.device.clone(),
        limits: args.limits.clone(),
        min_survival: None,
        prove: false,
        no_prove: false,
        force,
    };
    let output = OutputArgs {
        output,
        report: args.report.clone(),
    };
    match args.dry {
        true => merge::show(job, &work, &output),
        false => merge::write(job, &work, &output, Done::Merged),
    }
}

/// The arguments with the long options of the scripts spelled with two hyphens.
pub(super) fn hyphenated(arguments: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.collect();
    let command = arguments.get(1).and_then(|command| command.to_str());
    if !matches!(command, Some("supermario" | "supermario-hf")) {
        return arguments;
    }
    for argument in arguments.iter_mut().skip(2) {
        let Some(name) = argument.to_str().and_then(|text| text.strip_prefix('-')) else {
            continue;
        };
        if SINGLE_HYPHEN.contains(&name.split('=').next().unwrap_or(name)) {
            *argument = format!("--{name}").into();
        }
    }
    arguments
}

impl From<SupermarioError> for Failure {
    fn from(fault: SupermarioError) -> Failure {
        Failure::usage(&fault, None)
    }
}
