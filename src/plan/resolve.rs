//! From recipe and headers to jobs: which tensors there are, and how each comes about.

use super::account::{self, Account};
use super::class::Classes;
use super::coded_output::CodedOutput;
use super::drafter::Drafter;
use super::job::{Action, Job};
use super::ledger::Ledger;
use super::{Limits, PlanError, Source};
use crate::keys::KeyReport;
use crate::recipe::{Recipe, Recogniser, Solution, Storing, spaces};

/// Bytes of drafts that are made before their jobs are, about: a draft is larger than a job.
const ROUND_BYTES: usize = 2 << 20;
/// Bytes of a draft for each model that it reads, about.
const DRAFT_BYTES: usize = 512;
/// Tensors that are drafted together at least, and at most.
const ROUND: std::ops::Range<usize> = 64..512;

/// Refuses models without tensors, and those whose tensors are codes instead of numbers.
pub(super) fn check(sources: &[Source<'_>]) -> Result<(), PlanError> {
    for source in sources {
        if source.tensors.is_empty() {
            return Err(PlanError::Empty {
                model: account::name(source),
            });
        }
        if let Some(fault) = &source.undecoded {
            return Err(fault.clone().into());
        }
    }
    Ok(())
}

/// Adds the jobs of a recipe's tensors, or what its output computes to the jobs of those before;
/// drafts them in so many threads.
pub(super) fn resolve(
    (recipe, limits): (&Recipe, &Limits),
    sources: &[Source<'_>],
    recogniser: &mut Recogniser<'_>,
    classes: &mut Classes,
    jobs: &mut Vec<Job>,
) -> Result<Resolved, PlanError> {
    spaces(recipe)?;
    let solution = Solution::of(recipe, recogniser)?;
    let names;
    let (keys, compared): (Vec<&str>, _) = match recipe.is_plain() {
        true => {
            let account = Account::new(recipe, sources, &solution);
            account.check_families()?;
            let (keys, report) = account.settle()?;
            (keys, Some(report))
        }
        false => {
            names = solution.names(recipe, recipe.root(), &recipe.configs);
            (names.iter().map(String::as_str).collect(), None)
        }
    };
    let mut keys = keys;
    if let Some(sample) = &recipe.options.sample {
        keys.retain(|key| sample.contains_key(solution.output_name(key)));
    }
    if keys.is_empty() {
        return Err(PlanError::NoTensors {
            node: recipe.label(recipe.root()),
        });
    }
    let outputs = keys.iter().map(|key| solution.output_name(key));
    recipe.options.filter.check(outputs)?;
    let drafter = Drafter {
        recipe,
        sources,
        solution: &solution,
        threads: limits.threads,
        measures: limits.measures,
    };
    let mut ledger = Ledger::new(sources);
    let mut coded = draft(drafter, &keys, classes, &mut ledger, jobs)?;
    coded.left.sort_unstable();
    check_codes(recipe, &coded)?;
    let worked_out = ledger.report(recipe, keys.len());
    ledger.check(recipe, &worked_out)?;
    let report = compared.unwrap_or(worked_out);
    let copied = jobs
        .iter()
        .filter(|job| matches!(&job.action, Action::Copy(input) if input.bytes.deltas().is_empty()))
        .count();
    let parts = jobs.iter();
    let parts = parts.filter(|job| matches!(job.action, Action::Part));
    let merged = jobs.len() - copied - parts.count();
    let report = KeyReport {
        merged,
        copied: copied + coded.copied - coded.entries.min(copied + coded.copied),
        notes: solution
            .notes
            .iter()
            .cloned()
            .chain(ledger.note())
            .collect(),
        ..report
    };
    Ok(Resolved { report, coded })
}

/// Refuses a format in which no tensor of the output can be stored.
fn check_codes(recipe: &Recipe, coded: &CodedOutput) -> Result<(), PlanError> {
    let looks = recipe.options.compares || recipe.options.sample.is_some();
    if let (Storing::Target(target), 0, false) =
        (recipe.options.format.storing, coded.tensors, looks)
    {
        return Err(PlanError::NoCodes {
            format: target.word,
            wanted: target.wanted(),
        });
    }
    Ok(())
}

/// What the jobs of a recipe come with.
pub(super) struct Resolved {
    pub(super) report: KeyReport,
    pub(super) coded: CodedOutput,
}

/// Drafts tensors and makes their jobs, or adds to those of the outputs before.
fn draft<'a>(
    drafter: Drafter<'a>,
    keys: &[&str],
    classes: &mut Classes,
    ledger: &mut Ledger<'a>,
    jobs: &mut Vec<Job>,
) -> Result<CodedOutput, PlanError> {
    let mut coded = CodedOutput::default();
    let first = jobs.is_empty();
    let mut known = jobs.iter_mut();
    let mut own = Vec::with_capacity(if first { keys.len() } else { 0 });
    let models = drafter.sources.len().max(1);
    let round = (ROUND_BYTES / DRAFT_BYTES / models).clamp(ROUND.start, ROUND.end);
    for keys in keys.chunks(round) {
        for mut draft in drafter.all(keys, ledger)? {
            coded.note(&mut draft);
            match known.next() {
                Some(job) => draft.join(job, classes)?,
                None if first => own.push(draft.job(classes)?),
                None => return Err(draft.stray()),
            }
        }
    }
    let markers = drafter.markers(&coded, if first { &own } else { known.as_slice() });
    for mut draft in markers {
        coded.note(&mut draft);
        match known.next() {
            Some(job) => draft.join(job, classes)?,
            None if first => own.push(draft.job(classes)?),
            None => return Err(draft.stray()),
        }
    }
    if let Some(job) = known.next() {
        return Err(PlanError::Outputs {
            key: job.key.clone(),
        });
    }
    if first {
        // Moved, not copied: they may be many.
        *jobs = own;
    }
    Ok(coded)
}
