//! `wgmerge merge` and `plan` as a user meets them: outputs, messages, exit codes, files.

mod bad_input;
mod configuration;
mod files;
mod folders;
mod inputs;
mod kills;
mod limits;
mod weights;

use std::path::{Path, PathBuf};
use std::process::Output;

use wgmerge::dtype::Float;

use crate::support::command::said;
use crate::support::models::{floats, values, write};

/// A fresh folder and the command in it.
pub struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// A folder with `base`, `a` and `b` of one family.
    pub fn new() -> World {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let world = World { folder };
        for (model, name) in (0..).zip(["base", "a", "b"]) {
            let tensors = [
                floats("one.weight", Float::F32, &[40, 30], &values(1200, 1, model)),
                floats("two.bias", Float::F32, &[30], &values(30, 2, model)),
            ];
            write(&world.path(&format!("{name}.safetensors")), &tensors);
        }
        world
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs wgmerge in the folder, on the CPU.
    pub fn run(&self, arguments: &[&str]) -> Output {
        crate::support::command::run(self.folder.path(), arguments)
    }

    /// Runs `merge … -o out.safetensors` and expects success; standard error.
    pub fn merges(&self, arguments: &[&str]) -> String {
        let output = self.run(&with_output(arguments));
        let text = said(&output);
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    }

    /// Runs `merge … -o out.safetensors` and expects exit code 2, a message with all of `parts`,
    /// and no new file.
    pub fn refuses(&self, arguments: &[&str], parts: &[&str]) {
        self.ends(2, arguments, parts);
    }

    /// The same with any exit code.
    pub fn ends(&self, code: i32, arguments: &[&str], parts: &[&str]) {
        let before = self.names();
        let output = self.run(&with_output(arguments));
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        for part in parts {
            assert!(text.contains(part), "{arguments:?}: no {part:?} in {text}");
        }
        assert!(
            output.stdout.is_empty(),
            "{arguments:?}: something on standard output"
        );
        assert_eq!(before, self.names(), "{arguments:?}: files were left");
    }

    /// The names in the folder.
    pub fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path())
            .expect("the folder")
            .flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    }
}

fn with_output<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    let mut all = vec!["merge", "--device", "cpu"];
    all.extend(arguments);
    if !arguments.contains(&"-o") {
        all.extend(["-o", "out.safetensors"]);
    }
    all
}
