//! Outputs that are computed again from what they say of themselves.

mod commands;
mod quick;
mod random;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use wgmerge::checkpoint::Checkpoint;
use wgmerge::exec::cpu::Level;
use wgmerge::merge::{Merge, MergeError, Proof, Settings, Silent, Verified};
use wgmerge::recipe::{RECORD, Recipe, Recorded};

/// How a merge of these tests is done.
fn settings(output: &Path, threads: usize) -> Settings {
    Settings {
        output: output.to_owned(),
        reads: Vec::new(),
        overwrite: true,
        memory: 64 << 20,
        threads,
        device: None,
        level: Level::detect(),
        proof: Proof::None,
        min_survival: None,
    }
}

/// The record of an output.
fn recorded(output: &Checkpoint) -> Recorded {
    Recorded::parse(&output.metadata()[RECORD]).expect("a sound record")
}

/// Computes an output again from its record and the inputs, which lie in a folder by their names.
fn verified(output: &Path, folder: &Path, threads: usize) -> Result<Verified, MergeError> {
    let there = Checkpoint::open(output)?;
    let record = recorded(&there);
    let paths = record.inputs.iter().map(|input| folder.join(&input.name));
    let inputs = paths.map(|path| Checkpoint::open(&path));
    let inputs = inputs.collect::<Result<Vec<Checkpoint>, _>>()?;
    let recipe = record.recipe(&inputs).expect("a recipe");
    let nowhere: PathBuf = match there.is_folder() {
        true => "nowhere/".into(),
        false => "nowhere.safetensors".into(),
    };
    let merge = Merge::prepare(recipe, settings(&nowhere, threads))?;
    merge.verify(&there, &Silent, &AtomicBool::new(false))
}

/// Writes the result of a recipe.
fn merge(recipe: Recipe, output: &Path) -> Result<(), MergeError> {
    let merge = Merge::prepare(recipe, settings(output, 2))?;
    merge.run(&Silent, &AtomicBool::new(false)).map(drop)
}
