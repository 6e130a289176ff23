//! `wgmerge verify`: whether an output is what its record says.

mod found;
mod quick;
mod remade;
mod told;

use super::args::{VerifyArgs, WorkArgs};
use super::bar::Bar;
use super::failure::Failure;
use super::merge::{Job, prepare};
use super::{VERSION, out, process, recipe, report};
use crate::checkpoint::{Checkpoint, held_bytes};
use crate::merge::Merge;
use crate::recipe::{RECORD, Recorded};

/// Where outputs would be, if any were written.
const FILE: &str = "verified.safetensors";
const FOLDER: &str = "verified/";

/// Verifies an output.
pub(super) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    if args.quick {
        return quick::run(args);
    }
    let cancel = process::cancel_on_signal(args.json);
    let output = Checkpoint::open(&args.output)?;
    let recorded = recorded(&output)?;
    let mut notes = Vec::new();
    if recorded.version != VERSION {
        notes.push(format!(
            "the output was written by version {}, this is {VERSION}: bytes may differ where a \
             version mended something",
            recorded.version
        ));
    }
    let merge = prepared(args, &output, &recorded, &mut notes)?;
    if !args.quiet {
        report::say_notes(&notes);
    }
    let bar = Bar::new(args.quiet);
    let verified = process::running(|| merge.verify(&output, &bar, &cancel));
    bar.clear();
    let verified = verified?;
    match args.json {
        true => out::print_json(&told::json(&output, &recorded, &verified, &notes))?,
        false => out::print(&out::escape_lines(&told::text(&output, &verified)))?,
    }
    told::failure(&output, &verified).map_or(Ok(()), Err)
}

/// What the output says of itself.
fn recorded(output: &Checkpoint) -> Result<Recorded, Failure> {
    let name = output.path().display();
    let Some(text) = output.metadata().get(RECORD) else {
        return Err(Failure::input(format!(
            "{name}: has no record of a merge (`{RECORD}` in its metadata): it was written without \
             one (--metadata none, mergeflux without --save-metadata, supermario), changed by \
             another program, or never merged by wgmerge; `wgmerge verify --quick` checks it as it \
             is"
        )));
    };
    Recorded::parse(text).map_err(|fault| {
        Failure::input(format!("{name}: the record `{RECORD}` is damaged: {fault}"))
    })
}

/// The merge of the record, planned.
fn prepared(
    args: &VerifyArgs,
    output: &Checkpoint,
    recorded: &Recorded,
    notes: &mut Vec<String>,
) -> Result<Merge, Failure> {
    let inputs = found::inputs(&recorded.inputs, output, args)?;
    let mut recipe = remade::recipe(recorded, &inputs, output, args.quiet)?;
    recipe.configs = recipe::registry(&args.configs.files)?;
    drop(inputs);
    let mut limits = args.limits.clone();
    // The headers of the output are held beside the merge.
    limits.memory = limits.memory.saturating_sub(held_bytes(output.entries()));
    let work = WorkArgs {
        device: args.device.clone(),
        limits,
        min_survival: None,
        prove: false,
        no_prove: true,
        force: false,
    };
    let place = match output.is_folder() {
        true => FOLDER,
        false => FILE,
    };
    let (merge, said) = prepare(Job::of(recipe), &work, place.as_ref(), args.quiet)?;
    notes.extend(said);
    Ok(merge)
}
