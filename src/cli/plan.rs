//! `wgmerge plan`.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::additions::added;
use super::args::PlanArgs;
use super::asked::Asked;
use super::failure::Failure;
use super::merge::{Job, Outputs, by_flags, plan_json, prepare, print_plan};
use super::options::{options, read_besides};
use super::preview::preview;
use super::recipe::Text;
use super::run::{Read, work};
use super::written::Reports;
use super::yaml::Stage;
use super::{out, report};
use crate::checkpoint::WeightName;
use crate::sink;

/// Where the output of a plan is that names none.
const OUTPUT: &str = "merged.safetensors";

/// What is planned.
struct Planned {
    /// The recipe's text, if it is one.
    text: Option<Text>,
    stages: Vec<Stage>,
    /// What else is read.
    reads: Vec<PathBuf>,
    /// Whether the output is named.
    named: bool,
}

/// Reads what is to be planned.
fn planned(args: &PlanArgs) -> Result<Planned, Failure> {
    let mut named = args.output.is_some();
    let (text, stages, reads) = match (args.method, args.models.as_slice()) {
        (Some(method), models) => {
            let (base, models) = (args.base.clone(), models.to_vec());
            let options = options(&args.options)?;
            let recipe = by_flags(method, base, models, &args.parameters, options)?;
            let recipe = added(recipe, &args.options.additions);
            let output = args.output.clone().unwrap_or_else(|| OUTPUT.into());
            let files = args.configs.files.iter();
            let files = files.chain(&args.method_files.files);
            let reads = read_besides(&args.options, files, None);
            (None, vec![Stage { recipe, output }], reads)
        }
        (None, files) => {
            let (file, target) = recipe_and_output(files)?;
            let output = one_output(target, args.output.as_deref())?;
            named = output.is_some();
            let read = Read::of(Asked {
                file,
                given: &args.given.models,
                configs: &args.configs,
                method_files: &args.method_files.files,
                yaml: &args.yaml,
                options: &args.options,
                output: Some(output.unwrap_or(Path::new(OUTPUT))),
                memory: args.work.limits.memory,
                quiet: false,
            })?;
            report::say_notes(read.awaited().map(awaiting).as_slice());
            (Some(read.text), read.stages, read.reads)
        }
    };
    Ok(Planned {
        text,
        stages,
        reads,
        named,
    })
}

/// Prints a plan.
pub(super) fn plan(args: &PlanArgs) -> Result<(), Failure> {
    let Planned {
        text,
        stages,
        reads,
        named,
    } = planned(args)?;
    report::say_notes(&args.yaml.idle.notes);
    let several = stages.len() > 1;
    let mut plans = Vec::new();
    let mut reports = Reports::asked(args.report.as_deref())?;
    for Stage { recipe, output } in stages {
        let job = Job {
            outputs: args.options.sweep.as_ref().map(Outputs::Sweep),
            reads: reads.clone(),
            wants_gpu: args.yaml.cuda,
            ..Job::of(recipe)
        };
        let prepared = prepare(job, &work(&args.work, &args.yaml), &output, false);
        let (merge, mut notes) = prepared.map_err(|failure| match &text {
            Some(text) => text.locate(failure),
            None => failure,
        })?;
        // The folders above a recipe's outputs are made by the run.
        let checked = match named && (text.is_none() || sink::parent(&output).exists()) {
            true => merge.check_output(),
            false => merge.check_room(),
        };
        notes.extend(merge.unread().into_iter().map(idle));
        let refused = checked.err();
        reports.check(merge.checkpoints())?;
        if args.report.is_some() {
            let found = preview(&merge, &work(&args.work, &args.yaml), &mut notes)?;
            reports.add(found.into_iter())?;
        }
        notes.extend(refused.map(|fault| format!("this merge would be refused: {fault}")));
        match (args.json, several) {
            (true, true) => plans.push(plan_json(&merge, &notes)?),
            (false, true) => {
                out::print(&format!("{}\n", out::escape(&output.display().to_string())))?;
                print_plan(&merge, &notes, false)?;
            }
            (json, false) => print_plan(&merge, &notes, json)?,
        }
    }
    match plans.is_empty() {
        true => Ok(()),
        false => out::print_json(&json!(plans)),
    }
}

/// The output that is named behind the recipe or by -o.
fn one_output<'p>(
    behind: Option<&'p Path>,
    named: Option<&'p Path>,
) -> Result<Option<&'p Path>, Failure> {
    if let (Some(one), Some(two)) = (behind, named) {
        let (one, two) = (one.display().to_string(), two.display().to_string());
        let message = format!("two outputs are given, {one} and, by -o, {two}: keep one");
        return Err(Failure::input(out::escape(&message).into_owned()));
    }
    Ok(named.or(behind))
}

/// That a model has no part in the output.
fn idle(model: &Path) -> String {
    let model = model.display();
    format!("{model} is not read: with these parameters the output is the same without it")
}

/// What a plan says of merges that are not known yet.
fn awaiting(name: &str) -> String {
    format!("what builds on `{name}` is not in the plan: its tokens are known when it is written")
}

/// A recipe file, and the output if one follows.
fn recipe_and_output(files: &[PathBuf]) -> Result<(&Path, Option<&Path>), Failure> {
    let is_model = |file: &Path| {
        let name = file.file_name().and_then(|name| name.to_str());
        let is_weights = |name| {
            WeightName::of_weights(name)
                .or_else(|| WeightName::of_torch(name))
                .is_some()
        };
        file.is_dir() || name.is_some_and(is_weights)
    };
    match files {
        [file] => Ok((file, None)),
        [file, output] if !is_model(file) => Ok((file, Some(output))),
        _ => {
            let message = "several models need a --method; without one, give a recipe file and, \
                           if you like, its output";
            Err(Failure::input(message.to_owned()))
        }
    }
}
