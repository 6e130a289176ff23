//! `wgmerge inspect`: what a checkpoint holds.
//!
//! Headers suffice for the list. Statistics read every byte once, in pieces of a few MiB, so they
//! need no memory that grows with the tensors.

mod statistics;
mod text;

use std::path::{Path, PathBuf};
use std::time::Instant;

use indexmap::IndexMap;
use serde::{Serialize, Serializer};

use super::args::InspectArgs;
use super::bar::Bar;
use super::failure::Failure;
use super::out::{self, Kind};
use super::written::Written;
use super::{models, recipe};
use crate::checkpoint::{Checkpoint, TensorInfo};
use crate::keys::adapter::Adapter;
use crate::keys::blocks::places;
use crate::keys::{FilterError, Verdict};
use crate::merge::{Progress, path_json};
use crate::report::{Form, Report, State, Statistics, Subject, Tensor};

/// What is told about a checkpoint; also the JSON of it.
#[derive(Debug, Serialize)]
struct Inspection {
    /// The path that was given.
    #[serde(serialize_with = "path")]
    path: PathBuf,
    /// Bytes of the files, headers included.
    file_bytes: u64,
    files: Vec<FileRow>,
    /// Weight files of the folder that are not part of the checkpoint.
    left_out: Vec<String>,
    /// What its files hold that is passed over.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// The model config that its names and shapes show, if exactly one.
    config: Option<String>,
    /// What the names and shapes show, in lines.
    recognition: String,
    /// How its tensors are stored, where they are no plain weights.
    #[serde(skip_serializing_if = "Option::is_none")]
    stored: Option<String>,
    metadata: IndexMap<String, String>,
    /// Totals of the tensors below, by dtype.
    dtypes: IndexMap<String, Total>,
    total: Total,
    tensors: Vec<TensorRow>,
}

#[derive(Debug, Serialize)]
struct FileRow {
    name: String,
    bytes: u64,
    tensors: usize,
}

#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Total {
    tensors: usize,
    elements: u64,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct TensorRow {
    key: String,
    dtype: String,
    shape: Vec<u64>,
    elements: u64,
    bytes: u64,
    /// Which file holds it, by its index in the list of files.
    file: usize,
    /// None where they were not asked for, and for types that are no numbers to us.
    #[serde(skip_serializing_if = "Option::is_none")]
    statistics: Option<Statistics>,
}

/// Prints what a checkpoint holds.
pub(super) fn run(args: &InspectArgs) -> Result<(), Failure> {
    let (path, note) = models::located(&args.path, false)?;
    let checkpoint = Checkpoint::open(&path)?;
    if let Some(note) = note {
        out::say(Kind::Note, &note);
    }
    let to = args.report.as_deref().map(Written::named).transpose()?;
    if let Some(to) = &to {
        to.check(std::slice::from_ref(&checkpoint))?;
    }
    let begun = Instant::now();
    let inspection = inspect(&checkpoint, args)?;
    if let Some(to) = &to {
        to.write(&report(&checkpoint, &inspection, begun)?)?;
    }
    if args.json {
        out::print_json(&inspection)
    } else {
        out::print(&text::render(&inspection, args.stats))
    }
}

/// The statistics as a report.
fn report(
    checkpoint: &Checkpoint,
    inspection: &Inspection,
    begun: Instant,
) -> Result<Report, Failure> {
    let rows = &inspection.tensors;
    let keys: Vec<&str> = rows.iter().map(|row| row.key.as_str()).collect();
    let tensors = rows.iter().zip(places(&keys)).map(|(row, block)| {
        let form = Form {
            dtype: row.dtype.clone(),
            shape: row.shape.clone(),
        };
        Tensor {
            statistics: row.statistics.clone(),
            ..Tensor::new(row.key.clone(), block, State::Read, form)
        }
    });
    Ok(Report {
        what: "inspect".to_owned(),
        subjects: vec![Subject {
            role: "model".to_owned(),
            path: checkpoint.path().display().to_string(),
            fingerprint: Some(checkpoint.fingerprint()?),
        }],
        device: "CPU".to_owned(),
        seconds: begun.elapsed().as_secs_f64(),
        bytes_read: inspection.total.bytes,
        notes: inspection.notes.clone(),
        tensors: tensors.collect(),
    })
}

fn inspect(checkpoint: &Checkpoint, args: &InspectArgs) -> Result<Inspection, Failure> {
    let registry = recipe::registry(&args.configs.files)?;
    let shown = checkpoint.tensors().iter();
    let shown = shown.map(|(name, info)| (name.as_str(), info.shape.as_slice()));
    let recognition = registry.recognise(shown);
    let mut inspection = Inspection {
        config: match &recognition.verdict {
            Verdict::Known(config) => Some(config.id().to_owned()),
            Verdict::Unknown | Verdict::Ambiguous(_) => None,
        },
        recognition: recognition.explain(),
        stored: stored(checkpoint),
        path: checkpoint.path().to_owned(),
        file_bytes: checkpoint.files().iter().map(|file| file.len).sum(),
        files: files(checkpoint),
        left_out: names(checkpoint.left_out()),
        notes: checkpoint.notes().to_vec(),
        metadata: checkpoint.metadata().clone(),
        dtypes: IndexMap::new(),
        total: Total::default(),
        tensors: Vec::new(),
    };
    let filter = args.filter.as_ref();
    let wanted = |key: &str| filter.is_none_or(|filter| filter.is_match(key));
    let bar = Bar::new(!args.stats);
    if args.stats {
        let wanted = checkpoint.tensors().iter().filter(|(key, _)| wanted(key));
        bar.begin("statistics", wanted.map(|(_, info)| info.bytes()).sum());
    }
    let mut buffer = Vec::new();
    for (key, info) in checkpoint.tensors() {
        if !wanted(key) {
            continue;
        }
        let statistics = match args.stats {
            true => statistics::of(checkpoint, info, &mut buffer, &bar)?,
            false => None,
        };
        let (elements, bytes) = (info.elements(), info.bytes());
        let of_type = inspection.dtypes.entry(info.form()).or_default();
        for total in [of_type, &mut inspection.total] {
            total.tensors += 1;
            total.elements += elements;
            total.bytes += bytes;
        }
        inspection.tensors.push(TensorRow {
            key: key.clone(),
            dtype: info.form(),
            shape: info.shape.to_vec(),
            elements,
            bytes,
            file: info.file,
            statistics,
        });
    }
    bar.clear();
    match &args.filter {
        Some(filter) if inspection.tensors.is_empty() => Err(no_match(filter, checkpoint).into()),
        _ => Ok(inspection),
    }
}

/// How the tensors are stored, where they are codes or factors.
fn stored(checkpoint: &Checkpoint) -> Option<String> {
    let names = checkpoint.tensors().keys().map(String::as_str);
    match checkpoint.check_decoded() {
        Err(fault) => Some(fault.to_string()),
        Ok(()) => codes(checkpoint).or_else(|| Some(Adapter::of(names)?.to_string())),
    }
}

/// What of the parameters is stored as codes, by which conventions, and what it is decoded to.
fn codes(checkpoint: &Checkpoint) -> Option<String> {
    let mut found: IndexMap<(&str, &str), u64> = IndexMap::new();
    for info in checkpoint.tensors().values() {
        if let Some(coding) = &info.coding {
            let key = (coding.convention, coding.format.rounded().name());
            *found.entry(key).or_default() += info.elements();
        }
    }
    let all: u64 = checkpoint
        .tensors()
        .values()
        .map(TensorInfo::elements)
        .sum();
    let lines = found.iter().map(|((convention, float), elements)| {
        let share = *elements as f64 / all.max(1) as f64 * 100.0;
        format!("{share:.1} % of the parameters are {convention}, decoded to {float}")
    });
    let lines: Vec<String> = lines.collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

fn path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    path_json(path).serialize(serializer)
}

fn no_match(filter: &regex::Regex, checkpoint: &Checkpoint) -> FilterError {
    FilterError::NoMatch {
        option: "--filter",
        pattern: filter.as_str().to_owned(),
        keys: checkpoint.tensors().len(),
    }
}

fn names(paths: &[std::path::PathBuf]) -> Vec<String> {
    let names = paths.iter().map(|path| path.display().to_string());
    names.collect()
}

fn files(checkpoint: &Checkpoint) -> Vec<FileRow> {
    let mut files: Vec<FileRow> = checkpoint
        .files()
        .iter()
        .map(|file| FileRow {
            name: file.relative.display().to_string(),
            bytes: file.len,
            tensors: 0,
        })
        .collect();
    for info in checkpoint.tensors().values() {
        files[info.file].tensors += 1;
    }
    files
}
