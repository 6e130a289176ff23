//! From recipe and headers to jobs: which tensors there are, and how each comes about.

use super::account::{self, Account};
use super::class::Classes;
use super::draft::Drafter;
use super::job::{Action, Job};
use super::ledger::Ledger;
use super::{PlanError, Source};
use crate::keys::KeyReport;
use crate::recipe::{Recipe, Recogniser, Solution, spaces};

/// Tensors that are drafted before their jobs are made: a draft is larger than a job.
const ROUND: usize = 512;

/// Jobs without places, and what they share.
pub(super) struct Resolved {
    pub(super) jobs: Vec<Job>,
    pub(super) report: KeyReport,
}

/// Refuses models without tensors, and those whose tensors are codes instead of numbers.
pub(super) fn check(sources: &[Source<'_>]) -> Result<(), PlanError> {
    for source in sources {
        if source.tensors.is_empty() {
            return Err(PlanError::Empty {
                model: account::name(source),
            });
        }
        source.check_plain()?;
    }
    Ok(())
}

pub(super) fn resolve(
    recipe: &Recipe,
    sources: &[Source<'_>],
    recogniser: &mut Recogniser<'_>,
    classes: &mut Classes,
) -> Result<Resolved, PlanError> {
    spaces(recipe)?;
    let solution = Solution::of(recipe, recogniser)?;
    let (keys, compared) = match recipe.is_plain() {
        true => {
            let account = Account::new(recipe, sources, &solution);
            account.check_families()?;
            let (keys, report) = account.settle()?;
            (keys, Some(report))
        }
        false => {
            let names = solution.names(recipe, recipe.root(), &recipe.configs);
            (names.into_iter().collect(), None)
        }
    };
    if keys.is_empty() {
        return Err(PlanError::NoTensors {
            node: recipe.label(recipe.root()),
        });
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let outputs = keys.iter().map(|key| solution.output_name(key));
    recipe.options.filter.check(outputs)?;
    let drafter = Drafter {
        recipe,
        sources,
        solution: &solution,
    };
    let mut ledger = Ledger::new(sources);
    let mut jobs: Vec<Job> = Vec::with_capacity(keys.len());
    for keys in keys.chunks(ROUND) {
        let drafts = drafter.all(keys, &mut ledger)?;
        jobs.extend(drafts.into_iter().map(|draft| draft.job(classes)));
    }
    let worked_out = ledger.report(recipe, keys.len());
    ledger.check(recipe, &worked_out)?;
    let report = compared.unwrap_or(worked_out);
    let copied = jobs
        .iter()
        .filter(|job| matches!(&job.action, Action::Copy(input) if input.bytes.deltas().is_empty()))
        .count();
    Ok(Resolved {
        report: KeyReport {
            merged: jobs.len() - copied,
            copied,
            notes: solution.notes.clone(),
            ..report
        },
        jobs,
    })
}
