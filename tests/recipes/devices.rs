//! Recipes give the same bytes on every device.
#![cfg(feature = "gpu")]

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::support::backends::devices;
use crate::support::models::{Case, family};
use wgmerge::dtype::Float;
use wgmerge::exec::cpu::Level;
use wgmerge::merge::{Device, Merge, Report, Settings, Silent};
use wgmerge::recipe::mecha::{parse, read};
use wgmerge::recipe::{Options, Recipe};

/// A recipe of the test data whose models are found in `models`.
fn recipe(path: &Path, models: &Path) -> Option<Recipe> {
    let text = std::fs::read_to_string(path).expect("a recipe");
    let script = parse(&text).expect("sound");
    let mut recipe = read(&script, Options::default(), Arc::default()).ok()?;
    for model in &mut recipe.models {
        *model = models.join(&*model);
    }
    recipe
        .models
        .iter()
        .all(|model| model.exists())
        .then_some(recipe)
}

/// The output's bytes; None where the recipe is refused.
fn run(recipe: &Recipe, output: &Path, device: Option<Device>) -> Option<(Vec<u8>, Report)> {
    let settings = Settings {
        output: output.to_owned(),
        reads: Vec::new(),
        overwrite: true,
        memory: 256 << 20,
        threads: 2,
        device,
        level: Level::detect(),
        proof: wgmerge::merge::Proof::Full,
        min_survival: None,
    };
    let merge = Merge::prepare(recipe.clone(), settings).ok()?;
    let report = merge.run(&Silent, &AtomicBool::new(false)).ok()?;
    Some((std::fs::read(output).expect("an output"), report))
}

#[test]
fn every_recipe_gives_the_bytes_of_the_cpu() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let scratch = tempfile::tempdir().expect("a temporary folder");
    let output = scratch.path().join("out.safetensors");
    let entries = [
        ("mecha", "digits"),
        ("recipes", "recipes/models"),
        ("adapters", "adapters/models"),
    ];
    let mut on_device = 0;
    for (folder, models) in entries {
        let files = std::fs::read_dir(data.join(folder)).expect("the data");
        let files = files.map(|entry| entry.expect("an entry").path());
        let files: Vec<PathBuf> = files
            .filter(|path| path.extension().is_some_and(|e| e == "mecha"))
            .collect();
        for path in files {
            let Some(recipe) = recipe(&path, &data.join(models)) else {
                continue;
            };
            let Some((expected, _)) = run(&recipe, &output, None) else {
                continue;
            };
            for gpu in devices() {
                let device = Some(Device::gpu(Arc::clone(gpu)));
                let (found, report) = run(&recipe, &output, device).expect("as on the CPU");
                assert!(expected == found, "{} on {}", path.display(), report.device);
                on_device += usize::from(report.device != "CPU");
            }
        }
    }
    // Those with numbers that only the host makes run on the CPU; most do not.
    assert!(
        devices().is_empty() || on_device > 60,
        "{on_device} ran on a device"
    );
}

#[test]
fn what_no_device_computes_leaves_the_rest_on_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("out.safetensors");
    let [base, a, b] = [0, 1, 2].map(|model| family(folder.path(), Float::BF16, model));
    // Matrices are decomposed, vectors averaged; the first statistics are the host's, and a
    // selection is not.
    for method in ["tsv_m", "star", "geometric_median"] {
        let base = (method != "geometric_median").then_some(&base);
        for memory in [64 << 20, 1 << 30] {
            let mut case = Case::new(method, base, &[a.clone(), b.clone()]);
            (case.memory, case.threads) = (memory, 3);
            let (expected, _) = case.run(&output, None).expect("a merge");
            for gpu in devices() {
                let device = Some(Device::gpu(Arc::clone(gpu)));
                let (found, report) = case.run(&output, device).expect("as on the CPU");
                assert!(expected == found, "{method} on {}", report.device);
                assert_eq!(report.device == "CPU", base.is_none(), "{method}");
            }
        }
    }
}

#[test]
fn programs_too_long_for_drivers_run_on_the_cpu() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let output = folder.path().join("out.safetensors");
    family(folder.path(), Float::F32, 0);
    family(folder.path(), Float::F32, 1);
    let mut text =
        "version 0.1.0\nmodel \"f32-0.safetensors\"\nmodel \"f32-1.safetensors\"\n".to_owned();
    for number in 0..150 {
        let last = number + 1;
        text += &format!(
            "merge \"weighted_sum\" &0 &{last} alpha=0.{}\n",
            number % 10 + 1
        );
    }
    let path = folder.path().join("long.mecha");
    std::fs::write(&path, text).expect("written");
    let recipe = recipe(&path, folder.path()).expect("a recipe");
    let (expected, _) = run(&recipe, &output, None).expect("a merge");
    for gpu in devices() {
        let device = Some(Device::gpu(Arc::clone(gpu)));
        let (found, report) = run(&recipe, &output, device).expect("as on the CPU");
        assert!(expected == found);
        assert_eq!(report.device, "CPU");
    }
}
