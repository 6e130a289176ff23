//! Merges the digits networks of this repository and shows what the results can read beside their
//! parents: `cargo run --release --example digits`.
//!
//! Each parent was fine-tuned on images that were turned, inverted, mirrored or shifted. A column
//! is the share of 597 test images of that kind that a network reads right; the last is their mean.

use std::error::Error;
use std::path::{Path, PathBuf};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::{Cancel, Merge, Options, Settings, Silent, merge_of};

/// The kinds of images, and the networks that were trained on them.
const TASKS: [&str; 4] = ["rot180", "invert", "flip", "shift"];

/// What is merged: a method, its parameters and the tasks of its models.
const MERGES: [(&str, &[&str], &[&str]); 3] = [
    ("linear", &[], &TASKS),
    ("ties", &["density=0.5", "lambda=1.3"], &TASKS),
    ("task_arithmetic", &["lambda=0.7"], &["rot180", "flip"]),
];

fn data(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/digits");
    Path::new(folder).join(format!("{name}.safetensors"))
}

fn main() -> Result<(), Box<dyn Error>> {
    let images = Checkpoint::open(&data("eval"))?;
    let heading: String = TASKS.iter().map(|task| format!("{task:>8}")).collect();
    println!("{:<33}{heading}    mean", "% of images read right");
    for parent in ["base"].iter().chain(&TASKS) {
        show(parent, &data(parent), &images)?;
    }
    let scratch = std::env::temp_dir().join(format!("digits-{}", std::process::id()));
    std::fs::create_dir(&scratch)?;
    let shown = merges(&scratch, &images);
    std::fs::remove_dir_all(&scratch)?;
    shown
}

/// Makes every merge and shows it.
fn merges(scratch: &Path, images: &Checkpoint) -> Result<(), Box<dyn Error>> {
    for (method, parameters, tasks) in MERGES {
        let base = (method != "linear").then(|| data("base"));
        let models = tasks.iter().map(|task| data(task)).collect();
        let parameters: Vec<String> = parameters.iter().map(|&text| text.to_owned()).collect();
        let recipe = merge_of(method, base, models, &parameters, Options::default())?;
        let output = scratch.join(format!("{method}.safetensors"));
        Merge::prepare(recipe, Settings::new(&output))?.run(&Silent, &Cancel::new(false))?;
        let of = match tasks.len() {
            4 => "all four".to_owned(),
            _ => tasks.join(" + "),
        };
        show(&format!("{method} of {of}"), &output, images)?;
    }
    Ok(())
}

/// Prints a network's row.
fn show(name: &str, path: &Path, images: &Checkpoint) -> Result<(), Box<dyn Error>> {
    let network = Checkpoint::open(path)?;
    let mut row = format!("{name:<33}");
    let mut sum = 0.0;
    for task in TASKS {
        let share = accuracy(&network, images, task)?;
        sum += share;
        row += &format!("{:8.1}", 100.0 * share);
    }
    println!("{row}{:8.1}", 100.0 * sum / TASKS.len() as f64);
    Ok(())
}

/// The share of images whose greatest output is their label.
fn accuracy(network: &Checkpoint, images: &Checkpoint, task: &str) -> Result<f64, Box<dyn Error>> {
    let layers = ["0", "2", "4"].map(|layer| {
        let weight = floats(network, &format!("{layer}.weight"))?;
        Ok::<_, Box<dyn Error>>((weight, floats(network, &format!("{layer}.bias"))?))
    });
    let [first, second, third] = layers;
    let layers = [first?, second?, third?];
    let pixels = floats(images, task)?;
    let labels = bytes(images, "labels")?;
    let labels = labels.as_chunks::<8>().0.iter();
    let right = pixels
        .chunks_exact(64)
        .zip(labels.map(|label| i64::from_le_bytes(*label)))
        .filter(|(image, label)| read(&layers, image) as i64 == *label);
    Ok(right.count() as f64 / (pixels.len() / 64) as f64)
}

/// The digit that a network sees in an image.
fn read(layers: &[(Vec<f32>, Vec<f32>)], image: &[f32]) -> usize {
    let mut values = image.to_vec();
    for (number, (weight, bias)) in layers.iter().enumerate() {
        let rows = weight.chunks_exact(values.len()).zip(bias);
        let sums = rows.map(|(row, bias)| {
            let products = row.iter().zip(&values).map(|(w, x)| w * x);
            bias + products.sum::<f32>()
        });
        let last = number + 1 == layers.len();
        values = sums
            .map(|sum| if last { sum } else { sum.max(0.0) })
            .collect();
    }
    let best = values.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    best.map_or(0, |(digit, _)| digit)
}

fn floats(checkpoint: &Checkpoint, key: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = bytes(checkpoint, key)?;
    let words = bytes.as_chunks::<4>().0.iter();
    Ok(words.map(|word| f32::from_le_bytes(*word)).collect())
}

fn bytes(checkpoint: &Checkpoint, key: &str) -> Result<Vec<u8>, Box<dyn Error>> {
    let info = checkpoint
        .get(key)
        .ok_or_else(|| format!("no tensor {key}"))?;
    let mut bytes = vec![0; info.bytes() as usize];
    checkpoint.read_at(info.file, info.span.start, &mut bytes)?;
    Ok(bytes)
}
