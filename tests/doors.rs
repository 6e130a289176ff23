//! One way to a merge: `merge`, `run` and `convert` know models alike, and `--lora`, `--vae` and
//! `--drop` are routes of a recipe.

mod additions;
mod families;
mod lora;
mod names;
mod prefixes;

use std::collections::BTreeMap;
use std::path::Path;

use wgmerge::dtype::Float;
use wgmerge::keys::Configs;

use crate::cli::World;
use crate::support::command::{refuses, says};
use crate::support::models::{Tensor, floats, short, values, write};
use crate::support::tensors::stored;

/// The values of a file's tensors.
type Values = BTreeMap<String, Vec<f32>>;

/// The values of all tensors of a file of f32.
fn read(path: &Path) -> Values {
    let value = |word: &[u8; 4]| f32::from_le_bytes(*word);
    let values = |bytes: &[u8]| bytes.as_chunks().0.iter().map(value).collect();
    let each = stored(path).into_iter();
    each.map(|(name, tensor)| (name, values(&tensor.bytes)))
        .collect()
}

/// A name of a tensor and its small shape.
struct Key {
    name: String,
    shape: Vec<u64>,
    component: String,
    is_optional: bool,
}

/// The tensors of a config with each dimension short: what is cut into three stays so.
fn keys(config: &str) -> Vec<Key> {
    let configs = Configs::default();
    let config = configs.find(config).expect("a config");
    let keys = config.keys().filter(|(_, key)| key.dtype.is_mergeable());
    keys.map(|(name, key)| Key {
        name: name.to_owned(),
        shape: key.shape.iter().copied().map(short).collect(),
        component: config.components()[key.component].clone(),
        is_optional: key.optional,
    })
    .collect()
}

/// A tensor of f32 whose values come from a name that models of different formats have in common.
fn tensor(name: &str, shape: &[u64], model: u64) -> Tensor {
    let n = shape.iter().product::<u64>() as usize;
    let seed = name
        .bytes()
        .fold(7u64, |sum, byte| (sum * 31 + u64::from(byte)) % 65_521);
    floats(name, Float::F32, shape, &values(n, seed, model))
}

/// Writes the mandatory tensors of a config that `wanted` picks, under other names.
fn stand_in(
    world: &World,
    file: &str,
    config: &str,
    model: u64,
    wanted: impl Fn(&Key) -> Option<String>,
) {
    let tensors: Vec<Tensor> = keys(config)
        .iter()
        .filter_map(|key| {
            let name = wanted(key)?;
            Some(Tensor {
                name,
                ..tensor(&key.name, &key.shape, model)
            })
        })
        .collect();
    write(&world.path(file), &tensors);
}

fn mandatory(key: &Key) -> Option<String> {
    (!key.is_optional).then(|| key.name.clone())
}

/// Writes a recipe of one weighted sum.
fn recipe(world: &World, models: [&str; 2]) {
    let [a, b] = models;
    let text = format!(
        "version 0.1.0\nmodel \"{a}\"\nmodel \"{b}\"\nmerge \"weighted_sum\" &0 &1 alpha=0.25\n"
    );
    std::fs::write(world.path("r.mecha"), text).expect("a recipe");
}

/// Merges by flags and by a recipe, which give the same; the output and what was said.
fn both(world: &World, models: [&str; 2], output: &str) -> String {
    let [a, b] = models;
    let said = world.merges(&["-M", "weighted_sum", "-p", "alpha=0.25", a, b, "-o", output]);
    recipe(world, models);
    let run = world.run(&[
        "run",
        "r.mecha",
        "-o",
        "run.safetensors",
        "--force",
        "--device",
        "cpu",
    ]);
    let text = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(run.status.success(), "{models:?}: {text}");
    let bytes = |name: &str| std::fs::read(world.path(name)).expect("an output");
    assert!(
        bytes(output) == bytes("run.safetensors"),
        "{models:?}: run gives other bytes"
    );
    said
}

fn mix(a: &[f32], b: &[f32]) -> Vec<f32> {
    a.iter().zip(b).map(|(a, b)| a + 0.25 * (b - a)).collect()
}

#[track_caller]
fn close(found: &[f32], wanted: &[f32], what: &str) {
    assert_eq!(found.len(), wanted.len(), "{what}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(
            (found - wanted).abs() < 1e-6,
            "{what}: {found}, not {wanted}"
        );
    }
}

/// Runs a command that succeeds; what it said.
#[track_caller]
fn succeeds(world: &World, arguments: &[&str]) -> String {
    says(world.folder(), arguments)
}

/// Runs a command that finds its input wrong; what it said.
#[track_caller]
fn refused(world: &World, arguments: &[&str]) -> String {
    refuses(world.folder(), arguments)
}
