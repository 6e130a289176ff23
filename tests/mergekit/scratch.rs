//! A folder with a recipe of its own.

use std::path::{Path, PathBuf};

use serde_json::Value;

use super::compare::Weights;
use super::{data, succeeds};
use crate::support::command::refuses;
use crate::support::models::{Tensor, write};

/// A folder with a recipe `merge.yaml`.
pub struct Scratch(tempfile::TempDir);

impl Scratch {
    /// `MODELS` in the recipe stands for the folder of mergekit's models.
    pub fn new(yaml: &str) -> Scratch {
        let own = Scratch(tempfile::tempdir().expect("a temporary folder"));
        own.rewrite(yaml);
        own
    }

    pub fn rewrite(&self, yaml: &str) {
        let models = data().join("models");
        let yaml = yaml.replace("MODELS", models.to_str().expect("UTF-8"));
        std::fs::write(self.path().join("merge.yaml"), yaml).expect("written");
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Puts a model of mergekit's into the folder, as one that may be changed.
    pub fn copy(&self, model: &str, name: &str) -> PathBuf {
        let to = self.path().join(name);
        std::fs::create_dir_all(&to).expect("a folder");
        for file in files(&data().join("models").join(model)) {
            let from = data().join("models").join(model).join(&file);
            std::fs::copy(from, to.join(&file)).expect("copied");
        }
        to
    }

    /// Puts a model of these tensors into the folder.
    pub fn model(&self, name: &str, tensors: &[Tensor]) {
        let folder = self.path().join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        write(&folder.join("model.safetensors"), tensors);
    }

    /// Merges into the folder `OUT` on the CPU; what was said.
    #[track_caller]
    pub fn run(&self, flags: &[&str]) -> String {
        self.run_into("OUT", flags)
    }

    #[track_caller]
    pub fn run_into(&self, output: &str, flags: &[&str]) -> String {
        let mut line = vec!["run", "merge.yaml", output];
        if !flags.contains(&"--cuda") && !flags.contains(&"--device") {
            line.extend(["--device", "cpu"]);
        }
        succeeds(self.path(), &[&line, flags].concat())
    }

    /// What is said of a recipe that is refused; nothing is left.
    #[track_caller]
    pub fn refuses(&self, flags: &[&str]) -> String {
        let said = refuses(
            self.path(),
            &[&["run", "merge.yaml", "OUT"], flags].concat(),
        );
        assert!(!self.path().join("OUT").exists(), "{said}");
        said
    }

    pub fn weights(&self, output: &str) -> Weights {
        Weights::open(&self.path().join(output))
    }

    pub fn values(&self, output: &str, tensor: &str) -> Vec<f32> {
        self.weights(output).values(tensor)
    }

    pub fn config(&self, output: &str) -> Value {
        let path = self.path().join(output).join("config.json");
        let text = std::fs::read_to_string(path).expect("a configuration");
        serde_json::from_str(&text).expect("JSON")
    }
}

/// The names of the files of a folder, sorted.
pub fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a folder");
    let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    let mut names: Vec<String> = entries
        .map(|entry| name(entry.expect("an entry")))
        .collect();
    names.sort();
    names
}
