//! `wgmerge average`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::args::{AverageArgs, Order};
use super::failure::Failure;
use super::merge::{self, Job, Outputs};
use super::options::fitted;
use super::out;
use super::report::Done;
use super::text;
use crate::figures::counted;
use crate::merge::MergeError;
use crate::recipe::average::{Average, AverageError, Counts, CountsError, Weighting, by_name};

/// Averages checkpoints.
pub(super) fn run(args: &AverageArgs) -> Result<(), Failure> {
    let weighting = match &args.weights {
        None => Weighting::Schedule(args.schedule),
        Some(file) => {
            let counts = Counts::parse(&text::read(file)?);
            Weighting::Counts(counts.map_err(|fault| of_counts(file, &fault))?)
        }
    };
    let mut checkpoints = args.checkpoints.clone();
    if args.order == Order::Name {
        by_name(&mut checkpoints);
    }
    refuse_one_twice(&checkpoints)?;
    let average = Average::new(checkpoints, &weighting, &args.windows);
    let average = average.map_err(|fault| match (fault, &args.weights) {
        (AverageError::Counts(fault), Some(file)) => of_counts(file, &fault),
        (fault, _) => MergeError::from(fault).into(),
    })?;
    let recipe = average.recipe(fitted(&args.fit)?);
    let recipe = recipe.map_err(MergeError::from)?;
    let older = match average.older() {
        0 => None,
        older => Some(format!(
            "{} older than the largest window, not read",
            counted(older, "checkpoint")
        )),
    };
    let job = Job {
        outputs: Some(Outputs::Windows(&average)),
        // Those too that are older than any window: no output may be one of them.
        reads: args
            .weights
            .iter()
            .chain(&args.checkpoints)
            .cloned()
            .collect(),
        notes: older.into_iter().collect(),
        ..Job::of(recipe)
    };
    match args.dry_run {
        true => merge::show(job, &args.work, &args.output),
        false => merge::write(job, &args.work, &args.output, Done::Averaged),
    }
}

/// That no two paths lead to one checkpoint, such as a link to the last.
fn refuse_one_twice(checkpoints: &[PathBuf]) -> Result<(), Failure> {
    let mut known: BTreeMap<PathBuf, &Path> = BTreeMap::new();
    for path in checkpoints {
        let Ok(real) = path.canonicalize() else {
            continue;
        };
        let other = known.insert(real, path);
        if let Some(other) = other.filter(|other| *other != path.as_path()) {
            let (one, two) = (other.display(), path.display());
            let message = format!("{one} and {two} are one checkpoint: a checkpoint counts once");
            return Err(Failure::input(out::escape(&message).into_owned()));
        }
    }
    Ok(())
}

/// What is wrong with a file of counts.
fn of_counts(file: &Path, fault: &CountsError) -> Failure {
    let file = out::escape(&file.display().to_string()).into_owned();
    Failure::input(format!("{file}: {fault}"))
}
