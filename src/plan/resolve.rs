//! From recipe and headers to jobs: which tensors there are, and how each comes about.

use super::account::{self, Ledger};
use super::class::Classes;
use super::draft::Drafter;
use super::job::{Action, Job};
use super::{PlanError, Source};
use crate::keys::KeyReport;
use crate::recipe::{Names, Recipe, Solution, spaces};

/// Tensors that are drafted before their jobs are made: a draft is larger than a job.
const ROUND: usize = 512;

/// Jobs without places, and what they share.
pub(super) struct Resolved {
    pub(super) jobs: Vec<Job>,
    pub(super) report: KeyReport,
}

pub(super) fn resolve(
    recipe: &Recipe,
    sources: &[Source<'_>],
    classes: &mut Classes,
) -> Result<Resolved, PlanError> {
    for source in sources {
        if source.tensors.is_empty() {
            return Err(PlanError::Empty {
                model: account::name(source),
            });
        }
        source.check_plain()?;
    }
    let solution = solve(recipe, sources)?;
    let plain = recipe.is_plain();
    let keys: Vec<String> = if plain {
        account::check_families(&sources[recipe.reference], sources)?;
        let keys = account::output_keys(recipe, sources);
        keys.into_iter().map(str::to_owned).collect()
    } else {
        let names = solution.names(recipe, recipe.root(), &recipe.configs);
        names.into_iter().collect()
    };
    if keys.is_empty() {
        return Err(PlanError::NoTensors {
            node: recipe.label(recipe.root()),
        });
    }
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    recipe.options.filter.check(keys.iter().copied())?;
    let compared = match plain {
        true => {
            let report = account::account(recipe, sources, &keys);
            account::check_account(recipe, &report)?;
            Some(report)
        }
        false => None,
    };
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
    let report = match compared {
        Some(report) => report,
        None => {
            let report = ledger.report(recipe, keys.len());
            ledger.check(recipe, &report)?;
            report
        }
    };
    let copied = jobs
        .iter()
        .filter(|job| matches!(&job.action, Action::Copy(input) if input.bytes.deltas().is_empty()))
        .count();
    Ok(Resolved {
        report: KeyReport {
            merged: jobs.len() - copied,
            copied,
            ..report
        },
        jobs,
    })
}

/// Checks the merge spaces and finds out how every node's tensors are named.
fn solve(recipe: &Recipe, sources: &[Source<'_>]) -> Result<Solution, PlanError> {
    spaces(recipe)?;
    let names: Vec<Names<'_>> = sources
        .iter()
        .map(|source| Names {
            path: &source.path,
            tensors: source.tensors,
        })
        .collect();
    Ok(Solution::of(recipe, &names, &recipe.configs)?)
}
