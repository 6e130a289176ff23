//! How the models of a plan differ, from a sample of their tensors.

use std::path::{Path, PathBuf};

use super::args::WorkArgs;
use super::bar::Bar;
use super::failure::{self, Failure};
use super::merge::{Job, prepare};
use super::process;
use crate::figures::{counted, human};
use crate::merge::Merge;
use crate::recipe::{Options, Recipe, RecipeNode, comparison_of};
use crate::report::{Report, Subject};

/// Bytes that are read of each pair of models, about.
const BYTES: u64 = 256 << 20;
/// Models whose task vectors are compared with each other at most: pairs are many.
const PAIRED: usize = 4;
/// Where the output of a comparison would be, which has none.
const NOWHERE: &str = "compared.safetensors";

/// What is to be told of a merge's models, each with the base or first model, and of up to four
/// task vectors each with the others. Models that cannot be compared are named in a note instead.
pub(super) fn preview(
    merge: &Merge,
    work: &WorkArgs,
    notes: &mut Vec<String>,
) -> Result<Vec<Report>, Failure> {
    let recipe = merge.recipe();
    let reference = &recipe.models[recipe.reference.index()];
    let others: Vec<&PathBuf> = recipe
        .models
        .iter()
        .filter(|own| *own != reference)
        .collect();
    let mut reports = Vec::new();
    let mut told = |found: Result<Report, Failure>, model: &Path| match found {
        Ok(report) => {
            reports.push(report);
            Ok(())
        }
        Err(Failure::Interrupted(count)) => Err(Failure::Interrupted(count)),
        Err(fault) => {
            notes.push(format!(
                "{} is not in the report: {}",
                model.display(),
                fault.told()
            ));
            Ok(())
        }
    };
    for model in &others {
        let found = compared(recipe, None, [reference, model], work).map(|mut report| {
            name(&mut report.subjects, &["base or first", "model"]);
            report
        });
        told(found, model)?;
    }
    let has_base = |node: &RecipeNode| matches!(node, RecipeNode::Merge { base: Some(_), .. });
    if recipe.nodes.iter().any(has_base) && others.len() <= PAIRED {
        for (at, a) in others.iter().enumerate() {
            for b in &others[at + 1..] {
                let found = compared(recipe, Some(reference), [a, b], work);
                told(found, b)?;
            }
        }
    }
    Ok(reports)
}

/// Compares a sample of two models, or of their task vectors to a base.
fn compared(
    recipe: &Recipe,
    base: Option<&PathBuf>,
    [a, b]: [&PathBuf; 2],
    work: &WorkArgs,
) -> Result<Report, Failure> {
    let options = Options {
        strip_prefix: recipe.options.strip_prefix.clone(),
        ..Options::default()
    };
    let pair = [a.clone(), b.clone()];
    let own = comparison_of(base.cloned(), pair, 0.0, options);
    let mut own = own.map_err(|fault| failure::of_method(fault, "compare"))?;
    own.configs.clone_from(&recipe.configs);
    let prepared = |own: Recipe| prepare(Job::of(own), work, NOWHERE.as_ref(), true);
    let (all, _) = prepared(own.clone())?;
    own.options.sample = Some(all.sample(BYTES));
    let (merge, _) = prepared(own)?;
    let cancel = process::cancel_on_signal(false);
    let bar = Bar::new(true);
    let mut report = process::running(|| merge.compare(&bar, &cancel))?;
    report.what = "plan".to_owned();
    report.notes = vec![format!(
        "Before the merge, from a sample: at most two tensors of each kind in each block, of large \
         ones some rows; {} of {}, {} of {}.",
        merge.plan().jobs.len(),
        counted(all.plan().jobs.len(), "tensor"),
        human(report.bytes_read),
        human(
            all.plan()
                .jobs
                .iter()
                .map(crate::plan::Job::input_bytes)
                .sum()
        ),
    )];
    Ok(report)
}

fn name(subjects: &mut [Subject], roles: &[&str]) {
    for (subject, role) in subjects.iter_mut().zip(roles) {
        subject.role = (*role).to_owned();
    }
}
