//! Small models on disk, and merges of them through the library.

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

use wgmerge::checkpoint::encode_header;
use wgmerge::dtype::{DType, Float, codec};
use wgmerge::exec::cpu::Level;
use wgmerge::merge::{Device, Merge, MergeError, Report, Settings, Silent};
use wgmerge::recipe::{Options, Recipe, merge_of};

/// A tensor of a model: name, type, shape and bytes.
pub struct Tensor {
    pub name: String,
    pub dtype: DType,
    pub shape: Vec<u64>,
    pub bytes: Vec<u8>,
}

/// A tensor of floats.
pub fn floats(name: &str, float: Float, shape: &[u64], values: &[f32]) -> Tensor {
    let encode = |value: &f32| codec::encode(float, codec::settled(value.to_bits()));
    let bytes = values
        .iter()
        .flat_map(|value| encode(value).to_le_bytes()[..float.bytes()].to_vec());
    Tensor {
        name: name.to_owned(),
        dtype: float.dtype(),
        shape: shape.to_vec(),
        bytes: bytes.collect(),
    }
}

/// Writes a model.
pub fn write(path: &Path, tensors: &[Tensor]) {
    write_with(path, tensors, &[]);
}

/// Writes a model with metadata.
pub fn write_with(path: &Path, tensors: &[Tensor], metadata: &[(&str, &str)]) {
    let mut offset = 0;
    let spans: Vec<_> = tensors
        .iter()
        .map(|tensor| {
            let begin = offset;
            offset += tensor.bytes.len() as u64;
            begin..offset
        })
        .collect();
    let entries = tensors.iter().zip(spans);
    let entries = entries.map(|(t, span)| (t.name.as_str(), &t.dtype, t.shape.as_slice(), span));
    let text = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    let metadata: Vec<(String, String)> = metadata.iter().map(text).collect();
    let mut bytes = encode_header(entries, &metadata, 8).expect("a sound header");
    tensors
        .iter()
        .for_each(|t| bytes.extend_from_slice(&t.bytes));
    std::fs::write(path, bytes).expect("a writable folder");
}

/// `n` values of a base or, with a `model` above 0, of a fine-tune of it.
pub fn values(n: usize, seed: u64, model: u64) -> Vec<f32> {
    let noise = |seed: u64, i: u64| {
        let mut x = (seed << 32) ^ i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        x ^= x >> 31;
        x = x.wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x ^= x >> 29;
        (x >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    };
    let tuned = |i| noise(seed * 31 + model, i) * if model == 0 { 0.0 } else { 0.125 };
    (0..n as u64).map(|i| noise(seed, i) + tuned(i)).collect()
}

/// A short dimension instead of one of a config: what is cut into three stays so.
pub fn short(n: u64) -> u64 {
    match n {
        0..=3 => n,
        n if n % 3 == 0 => 6,
        _ => 2,
    }
}

/// The shapes that the merges of tests go through: scalar, empty, one element, a tile and its
/// neighbours, and enough for counting on a device.
pub const SHAPES: &[&[u64]] = &[
    &[],
    &[0, 4],
    &[1],
    &[5],
    &[1023],
    &[32, 32],
    &[1025],
    &[3, 5, 7],
    &[130, 257],
];

/// A base (number 0) or fine-tune with a tensor of each shape and an integer tensor.
pub fn family(folder: &Path, float: Float, model: u64) -> PathBuf {
    let mut tensors: Vec<Tensor> = SHAPES
        .iter()
        .enumerate()
        .map(|(number, shape)| {
            let n = shape.iter().product::<u64>() as usize;
            let name = format!("layer.{number}.weight");
            floats(&name, float, shape, &values(n, number as u64 + 1, model))
        })
        .collect();
    tensors.push(Tensor {
        name: "position_ids".to_owned(),
        dtype: DType::I64,
        shape: vec![1, 3],
        bytes: (0..3i64).flat_map(i64::to_le_bytes).collect(),
    });
    let path = folder.join(format!("{float}-{model}.safetensors"));
    write(&path, &tensors);
    path
}

/// Runs a recipe on one thread of the CPU; the output's bytes.
pub fn run(recipe: Recipe, output: &Path, memory: u64) -> Vec<u8> {
    let settings = Settings {
        output: output.to_owned(),
        overwrite: true,
        reads: Vec::new(),
        memory,
        threads: 1,
        device: None,
        level: Level::detect(),
        proof: wgmerge::merge::Proof::Full,
        min_survival: None,
    };
    let merge = Merge::prepare(recipe, settings).expect("a sound recipe");
    let report = merge.run(&Silent, &AtomicBool::new(false));
    report.expect("a merge");
    std::fs::read(output).expect("the output")
}

/// What a test merges and how.
pub struct Case<'a> {
    pub method: &'a str,
    pub base: Option<PathBuf>,
    pub models: Vec<PathBuf>,
    pub parameters: &'a [&'a str],
    pub options: Options,
    pub memory: u64,
    pub threads: usize,
    pub level: Level,
}

impl<'a> Case<'a> {
    /// A merge on one thread with a budget that holds everything.
    pub fn new(method: &'a str, base: Option<&PathBuf>, models: &[PathBuf]) -> Case<'a> {
        Case {
            method,
            base: base.cloned(),
            models: models.to_vec(),
            parameters: &[],
            options: Options::default(),
            memory: 1 << 30,
            threads: 1,
            level: Level::detect(),
        }
    }

    /// Runs the merge; the output's bytes and the report.
    pub fn run(
        &self,
        output: &Path,
        device: Option<Device>,
    ) -> Result<(Vec<u8>, Report), MergeError> {
        let (_, report) = self.merged(output, device)?;
        Ok((std::fs::read(output).expect("the output"), report))
    }

    /// Runs the merge; what was prepared, and the report.
    pub fn merged(
        &self,
        output: &Path,
        device: Option<Device>,
    ) -> Result<(Merge, Report), MergeError> {
        let parameters: Vec<String> = self.parameters.iter().map(|&text| text.into()).collect();
        let recipe = merge_of(
            self.method,
            self.base.clone(),
            self.models.clone(),
            &parameters,
            self.options.clone(),
        )
        .expect("flags that make a recipe");
        let settings = Settings {
            output: output.to_owned(),
            reads: Vec::new(),
            overwrite: true,
            memory: self.memory,
            threads: self.threads,
            device,
            level: self.level,
            proof: wgmerge::merge::Proof::Full,
            min_survival: None,
        };
        let merge = Merge::prepare(recipe, settings)?;
        let report = merge.run(&Silent, &AtomicBool::new(false))?;
        Ok((merge, report))
    }
}
