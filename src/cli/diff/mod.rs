//! `wgmerge diff`: how two models differ.

mod text;

use super::args::{DiffArgs, WorkArgs};
use super::bar::Bar;
use super::failure::{self, Failure};
use super::merge::{Job, prepare};
use super::out::{self, Kind};
use super::written::{self, Written};
use super::{process, recipe, report};
use crate::figures::counted;
use crate::merge::Merge;
use crate::recipe::{Options, comparison_of};
use crate::report::{Report, State, Tensor};

/// Where the output of a comparison would be, which has none.
const NOWHERE: &str = "compared.safetensors";

/// Compares two models.
pub(super) fn run(args: &DiffArgs) -> Result<(), Failure> {
    let cancel = process::cancel_on_signal(args.json);
    let to = args.report.as_deref().map(Written::named).transpose()?;
    let merge = prepared(args)?;
    if let Some(to) = &to {
        to.check(merge.checkpoints())?;
    }
    let bar = Bar::new(args.quiet);
    let found = process::running(|| merge.compare(&bar, &cancel));
    bar.clear();
    let mut found = found?;
    found.notes = merge.plan().report.notes.clone();
    if let Some(to) = &to {
        to.write(&found)?;
    }
    match args.json {
        true => out::print_json(&written::told(&found))?,
        false => out::print(&text::render(&found))?,
    }
    if !args.quiet {
        out::say(Kind::Report, &text::figures(&found));
    }
    args.fail_above.map_or(Ok(()), |bound| check(&found, bound))
}

/// Opens the models, and plans.
fn prepared(args: &DiffArgs) -> Result<Merge, Failure> {
    let options = Options {
        strip_prefix: args.strip_prefix.clone(),
        ..Options::default()
    };
    let pair = [args.a.clone(), args.b.clone()];
    let density = match args.against {
        Some(_) => args.density,
        None => 0.0,
    };
    let recipe = comparison_of(args.against.clone(), pair, density, options);
    let mut recipe = recipe.map_err(|fault| failure::of_method(fault, "compare"))?;
    recipe.configs = recipe::registry(&args.configs.files)?;
    let work = WorkArgs {
        device: args.device.clone(),
        limits: args.limits.clone(),
        min_survival: None,
        prove: false,
        no_prove: true,
        force: false,
    };
    let (merge, notes) = prepare(Job::of(recipe), &work, NOWHERE.as_ref(), args.quiet)?;
    if !args.quiet {
        report::say_notes(&notes);
    }
    Ok(merge)
}

/// Refuses models that differ by more than a bound.
fn check(found: &Report, bound: f64) -> Result<(), Failure> {
    let mut above = found
        .tensors
        .iter()
        .filter(|tensor| is_above(tensor, bound));
    let Some(first) = above.next() else {
        return Ok(());
    };
    let (count, first) = (1 + above.count(), text::why(first));
    Err(Failure::Differs(format!(
        "{} by more than --fail-above {bound}: {first}",
        match count {
            1 => "1 tensor differs".to_owned(),
            count => format!("{} differ", counted(count, "tensor")),
        }
    )))
}

fn is_above(tensor: &Tensor, bound: f64) -> bool {
    let changed = |own: &crate::report::Comparison| {
        own.relative_change().is_none_or(|change| change > bound)
            || own.a_non_finite != own.b_non_finite
    };
    match tensor.state {
        State::OnlySome | State::OtherForm => true,
        _ => {
            tensor.comparison.as_ref().is_some_and(changed)
                || tensor.stored.is_some_and(|stored| stored.changed > 0)
        }
    }
}
