//! Plans of merges of models that exist as headers only: no test here opens a file of weights.

mod cut;
mod figures;
mod inputs;
mod place;
mod refuse;
mod views;

use std::path::PathBuf;

use indexmap::IndexMap;
use wgmerge::checkpoint::{TensorInfo, Tensors};
use wgmerge::dtype::DType;
use wgmerge::plan::{self, DeviceLimits, Limits, Output, Plan, PlanError, Source};
use wgmerge::recipe::{Options, Recipe, merge_of};

/// Where the data of every made-up file begins.
const DATA_START: u64 = 1000;

/// A tensor of a header.
type Entry<'a> = (&'a str, DType, &'a [u64]);

/// A model that exists as headers only.
struct Model {
    path: PathBuf,
    tensors: Tensors,
    metadata: IndexMap<String, String>,
    files: Vec<PathBuf>,
    is_folder: bool,
}

impl Model {
    /// One file.
    fn new(name: &str, entries: &[Entry<'_>]) -> Model {
        let file = format!("{name}.safetensors");
        let mut model = Model::folder(&file, &[(&file, entries)]);
        model.is_folder = false;
        model
    }

    /// A folder of files.
    fn folder(path: &str, files: &[(&str, &[Entry<'_>])]) -> Model {
        let mut tensors = Tensors::default();
        for (file, (_, entries)) in files.iter().enumerate() {
            let mut start = DATA_START;
            for &(key, dtype, shape) in *entries {
                let bytes = shape.iter().product::<u64>() * dtype.bits() / 8;
                let info = TensorInfo {
                    dtype,
                    shape: shape.into(),
                    file,
                    span: start..start + bytes,
                    strides: None,
                    coding: None,
                };
                start += bytes;
                tensors.insert(key.to_owned(), info);
            }
        }
        Model {
            path: path.into(),
            tensors,
            metadata: IndexMap::new(),
            files: files.iter().map(|(name, _)| name.into()).collect(),
            is_folder: true,
        }
    }

    fn source(&self) -> Source<'_> {
        Source {
            path: self.path.clone(),
            tensors: &self.tensors,
            metadata: &self.metadata,
            entries: &self.tensors,
            markers: &[],
            undecoded: None,
            fingerprint: String::new(),
            files: self.files.clone(),
            is_folder: self.is_folder,
        }
    }
}

/// A merge of made-up models. The base, where there is one, is the first.
struct Work<'a> {
    method: &'a str,
    has_base: bool,
    models: Vec<&'a Model>,
    parameters: &'a [&'a str],
    options: Options,
    output: Output,
    limits: Limits,
}

impl<'a> Work<'a> {
    /// A merge into one file, on two threads with 1 GiB.
    fn new(method: &'a str, models: &[&'a Model]) -> Work<'a> {
        let bases = ["add_difference", "task_arithmetic", "ties", "tsv_m"];
        Work {
            method,
            has_base: bases.contains(&method) || method.starts_with("dare"),
            models: models.to_vec(),
            parameters: &[],
            options: Options::default(),
            output: Output::File,
            limits: Limits {
                memory: 1 << 30,
                threads: 2,
                device: None,
                measures: false,
            },
        }
    }

    fn recipe(&self) -> Recipe {
        let mut paths: Vec<PathBuf> = self.models.iter().map(|model| model.path.clone()).collect();
        let base = self.has_base.then(|| paths.remove(0));
        let parameters: Vec<String> = self.parameters.iter().map(|&text| text.into()).collect();
        merge_of(self.method, base, paths, &parameters, self.options.clone())
            .expect("flags that make a recipe")
    }

    fn plan(&self) -> Result<Plan, PlanError> {
        let sources: Vec<Source<'_>> = self.models.iter().map(|model| model.source()).collect();
        plan::build(&self.recipe(), &sources, &self.output, &self.limits)
    }

    #[track_caller]
    fn planned(&self) -> Plan {
        self.plan().expect("a merge that can be planned")
    }

    /// The message of a merge that cannot be planned.
    #[track_caller]
    fn refused(&self) -> String {
        let fault = self.plan().expect_err("a merge that cannot be planned");
        fault.to_string()
    }
}

/// A device whose buffers have at most so many bytes.
fn device(binding_bytes: u64) -> Option<DeviceLimits> {
    Some(DeviceLimits { binding_bytes })
}
