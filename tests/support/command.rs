//! The command under test.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::recipe::RECORD;

/// wgmerge, which asks no network whatever it is given.
pub fn wgmerge() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wgmerge"));
    command.env("HF_HUB_OFFLINE", "1");
    command
}

/// Runs wgmerge in a folder, without colours. What it writes is verified by what it records.
#[track_caller]
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    let output = alone(folder, arguments);
    if output.status.success() && WRITING.contains(&arguments[0]) {
        for written in outputs(folder, arguments) {
            verify(folder, arguments, &written);
        }
    }
    output
}

/// Runs wgmerge in a folder, without colours.
fn alone(folder: &Path, arguments: &[impl AsRef<OsStr>]) -> Output {
    wgmerge()
        .current_dir(folder)
        .args(arguments)
        .env("NO_COLOR", "1")
        .output()
        .expect("the binary runs")
}

/// The commands that write checkpoints.
const WRITING: [&str; 6] = [
    "merge",
    "run",
    "average",
    "convert",
    "mergeflux",
    "mergeflux-delta",
];

/// The outputs of a command that record how they came about.
fn outputs(folder: &Path, arguments: &[&str]) -> Vec<PathBuf> {
    let named = arguments.windows(2);
    let named = named.filter(|pair| ["-o", "--output"].contains(&pair[0]));
    let mut found = Vec::new();
    for output in named.map(|pair| folder.join(pair[1])) {
        let stem = output.file_stem().unwrap_or_default().to_owned();
        let beside = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default();
            name.as_encoded_bytes()
                .starts_with(&[stem.as_encoded_bytes(), b"-"].concat())
        };
        let siblings = std::fs::read_dir(output.parent().expect("a folder"));
        let siblings = siblings.into_iter().flatten().flatten();
        let siblings = siblings.map(|entry| entry.path()).filter(beside);
        found.extend(siblings.chain([output.clone()]));
    }
    let records = |path: &PathBuf| {
        let output = Checkpoint::open(path);
        output.is_ok_and(|output| output.metadata().contains_key(RECORD))
    };
    found.retain(records);
    found
}

/// The folders of models that a recipe names.
fn named(folder: &Path, arguments: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for recipe in arguments.iter().map(|argument| folder.join(argument)) {
        if !recipe.is_file() {
            continue;
        }
        let (text, home) = (std::fs::read_to_string(&recipe), recipe.parent());
        let (text, home) = (text.unwrap_or_default(), home.expect("a folder"));
        let is_end = |c: char| c.is_whitespace() || "\"',{}[]".contains(c);
        let words = text.split(is_end).filter(|word| !word.is_empty());
        let places = words.flat_map(|word| [folder.join(word), home.join(word)]);
        let places = places.filter(|place| place.exists());
        found.extend(places.filter_map(|place| Some(place.parent()?.to_owned())));
    }
    found.sort();
    found.dedup();
    found
}

/// Has an output computed again from its record, which must find no difference.
#[track_caller]
fn verify(folder: &Path, arguments: &[&str], output: &Path) {
    let mut line = vec![OsStr::new("verify"), output.as_os_str(), OsStr::new("-q")];
    let places = arguments.iter().map(|argument| folder.join(argument));
    let places = places.filter(|place| place.exists());
    let places = places.filter_map(|place| Some(place.parent()?.into()));
    let places = places.chain(named(folder, arguments));
    // It looks here by itself, and no deeper.
    let places: Vec<PathBuf> = places.filter(|place| place != folder).collect();
    for place in &places {
        line.extend([OsStr::new("--models"), place.as_os_str()]);
    }
    for pair in arguments.windows(2).filter(|pair| pair[0] == "--config") {
        line.extend(pair.iter().map(OsStr::new));
    }
    let found = alone(folder, &line);
    let told = [&found.stdout[..], &found.stderr].concat();
    let told = String::from_utf8_lossy(&told);
    assert!(found.status.success(), "{arguments:?}: {output:?}: {told}");
}

/// Standard error, as text.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Runs a command that succeeds.
#[track_caller]
fn done(folder: &Path, arguments: &[&str]) -> Output {
    let output = run(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    output
}

/// Standard output of a command that succeeds.
#[track_caller]
pub fn prints(folder: &Path, arguments: &[&str]) -> String {
    String::from_utf8(done(folder, arguments).stdout).expect("UTF-8")
}

/// Standard error of a command that succeeds.
#[track_caller]
pub fn says(folder: &Path, arguments: &[&str]) -> String {
    said(&done(folder, arguments))
}

/// Standard error of a command that finds its input wrong.
#[track_caller]
pub fn refuses(folder: &Path, arguments: &[&str]) -> String {
    let output = run(folder, arguments);
    let errors = said(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {errors}");
    errors
}
