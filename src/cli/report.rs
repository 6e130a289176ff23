//! What a finished merge says: lines on standard error, JSON and hashes on standard output.

use std::io::IsTerminal;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::args::ReportArgs;
use super::effects::{effects, present};
use super::failure::Failure;
use super::out::{self, Kind};
use super::summary;
use crate::figures::{counted, human};
use crate::merge::{Merge, Report, path_json};
use crate::plan::OutputId;
use crate::recipe::{RecipeNode, record};
use crate::report::Survival;
use crate::sink;

/// What was done to the tensors that were not copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Done {
    /// Several models became one.
    Merged,
    /// Checkpoints became their average.
    Averaged,
    /// One model became another by a recipe.
    Computed,
    /// One model has other names, another dtype or other files.
    Converted,
}

/// What is to be said before the merge begins: tensors of a model that do not match, where the
/// policies allow that, and files that are not used.
pub(super) fn notes(merge: &Merge) -> Vec<String> {
    let report = &merge.plan().report;
    let mut notes = report.notes.clone();
    if let Some(first) = report.left_out.first() {
        let count = report.left_out.len();
        let (tensors, are) = (
            counted(count, "tensor"),
            if count == 1 { "is" } else { "are" },
        );
        notes.push(format!(
            "{tensors} {are} left out, which the model config does not require and a model \
             lacks, such as `{first}`; `wgmerge plan` lists them"
        ));
    }
    for model in &report.models {
        let (missing, extra) = (model.missing.len(), model.extra.len());
        let (shapes, dtypes): (Vec<_>, Vec<_>) = model.mismatched.iter().partition(|m| m.shape);
        let counts = [
            (missing, "missing"),
            (extra, "not in the output"),
            (shapes.len(), "of another shape"),
            (dtypes.len(), "of another shape or dtype"),
        ];
        let said = counts.iter().filter(|(count, _)| *count > 0);
        let said: Vec<String> = said
            .enumerate()
            .map(|(at, (count, what))| match at {
                0 => format!("{} {what}", counted(*count, "tensor")),
                _ => format!("{count} {what}"),
            })
            .collect();
        if !said.is_empty() {
            let said = said.join(", ");
            notes.push(format!(
                "{}: {said}; `wgmerge plan` lists them",
                model.model
            ));
        }
    }
    for checkpoint in merge.checkpoints() {
        notes.extend_from_slice(checkpoint.notes());
        for file in checkpoint.left_out() {
            let (path, file) = (checkpoint.path().display(), file.display());
            notes.push(format!("{path}: {file} is not used"));
        }
    }
    notes.extend(companions(merge));
    notes.extend(undescribed(merge));
    notes.extend(merge.left_behind().iter().map(|path| {
        let path = path.display();
        format!("{path} was left by a merge that was killed; nothing uses it, it can be deleted")
    }));
    notes
}

/// That the configuration which comes along knows less than the output has.
fn undescribed(merge: &Merge) -> Option<String> {
    let report = &merge.plan().report;
    let mut models = report.models.iter();
    let reference = models.find(|model| model.model == report.reference)?;
    let mut copied = merge.companions().copied.iter();
    let config = copied.find(|file| file.name.file_name() == Some("config.json".as_ref()))?;
    let first = reference.missing.first()?;
    Some(format!(
        "{} is copied from {}, which lacks {} of the output, such as `{first}`: it may not \
         describe them",
        config.name.display(),
        report.reference,
        counted(reference.missing.len(), "tensor")
    ))
}

/// What comes along from the reference model's folder, and what does not.
fn companions(merge: &Merge) -> Vec<String> {
    let companions = merge.companions();
    let model = &merge.recipe().models[merge.recipe().reference.index()];
    let copied = companions.copied.iter();
    let copied: Vec<String> = copied.map(|file| file.name.display().to_string()).collect();
    let left_out = companions.left_out.iter();
    let left_out: Vec<String> = left_out
        .map(|file| format!("{} ({})", file.name, file.reason))
        .collect();
    let mut notes = Vec::new();
    if !copied.is_empty() {
        notes.push(format!(
            "copied along from {}: {}",
            model.display(),
            copied.join(", ")
        ));
    }
    if !left_out.is_empty() {
        notes.push(format!(
            "not copied from {}: {}",
            model.display(),
            left_out.join(", ")
        ));
    }
    notes
}

/// Says them.
pub(super) fn say_notes(notes: &[String]) {
    for note in notes {
        out::say(Kind::Note, note);
    }
}

/// What every JSON about a merge begins with: the program, the recipe, the models, the notes.
pub(super) fn about(merge: &Merge, notes: &[String]) -> Result<Value, Failure> {
    let recipe = merge.recipe();
    let method = match &recipe.nodes[recipe.root().index()] {
        RecipeNode::Merge { method, .. } => Some(method.id),
        _ => None,
    };
    let mut models = Vec::new();
    for checkpoint in merge.checkpoints() {
        let files = checkpoint.left_out().iter();
        models.push(json!({
            "path": path_json(checkpoint.path()),
            "fingerprint": checkpoint.fingerprint()?,
            "files_not_used": files.map(|file| path_json(file)).collect::<Value>(),
        }));
    }
    Ok(json!({
        "version": super::VERSION,
        "method": method,
        "models": models,
        "recipe": record(recipe),
        "notes": notes,
        "left_out": merge.plan().report.left_out,
    }))
}

/// Adds the entries of an object to another.
pub(super) fn add(value: &mut Value, more: &Value) {
    for (name, entry) in more.as_object().into_iter().flatten() {
        value[name] = entry.clone();
    }
}

/// Prints the report: JSON on standard output, where [`about`] is given, or lines on standard
/// error. Hashes are an answer that was asked for, so they go to standard output, in the form that
/// `sha256sum -c` reads.
pub(super) fn print(
    args: &ReportArgs,
    merge: &Merge,
    report: &Report,
    about: Option<Value>,
    done: Done,
) -> Result<(), Failure> {
    let hashes = match args.hash {
        true => hashes(merge)?,
        false => Vec::new(),
    };
    if let Some(mut value) = about {
        add(&mut value, &json!(report));
        let outputs = merge.outputs().iter();
        value["companions"] = json!(merge.companions());
        value["outputs"] = outputs.map(|path| path_json(path)).collect();
        if args.hash {
            value["sha256"] = hashes_json(&hashes);
            if done == Done::Averaged {
                for (model, checkpoint) in merge.checkpoints().iter().enumerate() {
                    let files = checkpoint.files().iter().map(|file| file.path.clone());
                    value["models"][model]["sha256"] = hashes_json(&digests(files)?);
                }
            }
        }
        return out::print_json(&value);
    }
    if !args.quiet {
        told(args, merge, report, done)?;
    }
    let mut lines = Vec::new();
    for (path, hash) in &hashes {
        lines.extend(sum_line(path, hash));
    }
    match lines.is_empty() {
        true => Ok(()),
        false => out::print_bytes(&lines),
    }
}

/// Tells what was done, and what came of it.
fn told(args: &ReportArgs, merge: &Merge, report: &Report, done: Done) -> Result<(), Failure> {
    shown(merge, report, args.hash)?;
    for (output, survival) in merge.outputs().iter().zip(&report.survival_by_output) {
        let survival = survival.as_ref().filter(|_| report.outputs > 1);
        let kept = survival.map_or_else(String::new, |own| format!("; {}", present(own)));
        out::say(Kind::Report, &(line(output, report, done) + &kept));
    }
    out::say(Kind::Report, &figures(report));
    // What is converted goes out from no other model.
    let none = report
        .survival
        .as_ref()
        .and_then(Survival::survival)
        .is_none();
    if !(none && matches!(done, Done::Converted)) {
        effects(report);
    }
    if report.overflowed_values > 0 {
        let text = format!(
            "{} in {} beyond the output's type: --on-overflow {}",
            counted(report.overflowed_values, "value"),
            counted(report.overflowed_tensors, "tensor"),
            merge.recipe().options.on_overflow.word()
        );
        out::say(Kind::Report, &text);
    }
    if !report.removed.is_empty() {
        let names = report.removed.join(", ");
        out::say(
            Kind::Report,
            &format!("removed, as of an earlier output: {names}"),
        );
    }
    for left in &report.left {
        let warning = format!("{left} is what was replaced; it can be deleted");
        out::say(Kind::Warning, &warning);
    }
    Ok(())
}

/// Shows what changed block by block where somebody looks at standard output and it has no other
/// use; of several outputs their lines say it.
fn shown(merge: &Merge, report: &Report, hash: bool) -> Result<(), Failure> {
    let seen = std::io::stdout().is_terminal() && !hash && report.outputs == 1;
    let table = seen.then(|| summary::table(&merge.measured(report, OutputId::FIRST)));
    table
        .flatten()
        .map_or(Ok(()), |table| out::print(&(table + "\n")))
}

/// What happened to the tensors of an output.
fn line(output: &Path, report: &Report, done: Done) -> String {
    let name = output.display().to_string();
    let name = out::escape(&name);
    let (computed, copied) = (report.computed, report.copied);
    let coded = match report.coded {
        0 => String::new(),
        coded => format!("; {coded} stored as codes, {} unchanged", report.carried),
    };
    let told = match done {
        Done::Merged => format!(
            "{name}: {} merged, {copied} copied",
            counted(computed, "tensor")
        ),
        Done::Averaged => {
            format!(
                "{name}: {} averaged, {copied} copied",
                counted(computed, "tensor")
            )
        }
        Done::Computed => {
            format!(
                "{name}: {} computed, {copied} copied",
                counted(computed, "tensor")
            )
        }
        Done::Converted => format!(
            "{name}: {} converted: {computed} computed, {copied} copied",
            counted(computed + copied, "tensor")
        ),
    };
    told + &coded
}

/// Bytes and times.
fn figures(report: &Report) -> String {
    format!(
        "{} read, {} written in {:.2} s on {}: {:.2} × the floor (reading and writing alone)",
        human(report.bytes_read),
        human(report.bytes_written),
        report.seconds,
        report.device,
        report.floor_ratio
    )
}

/// A line as `sha256sum` writes it: where the name holds a backslash or a line end, they are
/// escaped and the line begins with a backslash.
fn sum_line(path: &Path, hash: &str) -> Vec<u8> {
    let name = path.as_os_str().as_encoded_bytes();
    let mut escaped = Vec::with_capacity(name.len());
    for byte in name {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\n"),
            b'\r' => escaped.extend(b"\\r"),
            other => escaped.push(*other),
        }
    }
    let mark: &[u8] = if escaped.len() > name.len() {
        b"\\"
    } else {
        b""
    };
    [mark, hash.as_bytes(), b"  ", &escaped, b"\n"].concat()
}

/// A file and its SHA-256.
type Hash = (PathBuf, String);

/// The SHA-256 of each file of tensors.
fn hashes(merge: &Merge) -> Result<Vec<Hash>, Failure> {
    let files = merge.outputs().iter().flat_map(|output| {
        let parts = merge.files().iter().map(|file| output.join(&file.name));
        match output.is_file() {
            true => vec![output.clone()],
            false => parts.collect(),
        }
    });
    digests(files)
}

fn digests(files: impl Iterator<Item = PathBuf>) -> Result<Vec<Hash>, Failure> {
    let digest = |path: PathBuf| match sink::digest(&path) {
        Ok(hash) => Ok((path, hash)),
        Err(fault) => {
            let message = format!("cannot read {}: {fault}", path.display());
            Err(Failure::Run(message))
        }
    };
    files.map(digest).collect()
}

fn hashes_json(hashes: &[Hash]) -> Value {
    let entry = |(path, hash): &Hash| json!({ "file": path_json(path), "sha256": hash });
    hashes.iter().map(entry).collect()
}
