//! Models that are named by a Hugging Face reference, on a hub of our own that listens on this
//! machine alone.

#[cfg(all(unix, feature = "hub"))]
mod bounded;
#[cfg(all(unix, feature = "hub"))]
mod broken;
#[cfg(unix)]
mod cached;
#[cfg(all(unix, feature = "hub"))]
mod download;
mod references;
#[cfg(all(unix, feature = "hub"))]
mod refusals;
#[cfg(all(unix, feature = "hub"))]
mod server;
#[cfg(all(unix, feature = "hub"))]
mod wire;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use wgmerge::dtype::Float;

use crate::support::command::{said, wgmerge};
use crate::support::models::{floats, values, write};

/// A commit.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
/// A later one.
#[cfg(all(unix, feature = "hub"))]
pub const LATER: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// A home folder with nothing in it but what tests put there.
pub struct Home {
    folder: tempfile::TempDir,
    endpoint: Option<String>,
    more: Vec<(&'static str, String)>,
}

impl Home {
    /// One that knows no hub.
    pub fn new() -> Home {
        Home {
            folder: tempfile::tempdir().expect("a temporary folder"),
            endpoint: None,
            more: Vec::new(),
        }
    }

    /// One that asks a hub.
    #[cfg(all(unix, feature = "hub"))]
    pub fn at(endpoint: &str) -> Home {
        Home {
            endpoint: Some(endpoint.to_owned()),
            ..Home::new()
        }
    }

    /// The same with a variable.
    pub fn with(mut self, name: &'static str, value: &str) -> Home {
        self.more.push((name, value.to_owned()));
        self
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where a repository is in the cache.
    pub fn repository(&self, name: &str) -> PathBuf {
        let folder = format!("models--{}", name.replace('/', "--"));
        self.path("hf/hub").join(folder)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = wgmerge();
        let ours = |name: &str| {
            let begins = ["HF_", "HUGGING", "XDG_CACHE", "TRANSFORMERS"];
            let proxy = name.to_ascii_lowercase().ends_with("_proxy");
            proxy || begins.iter().any(|begin| name.starts_with(begin))
        };
        for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
            command.env_remove(name);
        }
        command
            .env_remove("HF_HUB_OFFLINE")
            .env("HOME", self.folder.path())
            .env("HF_HOME", self.path("hf"))
            .env("NO_COLOR", "1")
            .current_dir(self.folder.path());
        match &self.endpoint {
            Some(endpoint) => command.env("HF_ENDPOINT", endpoint),
            None => command.env("HF_HUB_OFFLINE", "1"),
        };
        command.envs(self.more.iter().map(|(name, value)| (*name, value)));
        command.args(arguments);
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().expect("the binary runs")
    }

    /// Runs and expects success; standard error.
    #[track_caller]
    pub fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let text = said(&output);
        assert!(output.status.success(), "{arguments:?}: {text}");
        text
    }

    /// Runs and expects exit code 2 and a message with all parts, which comes back.
    #[track_caller]
    pub fn refuses(&self, arguments: &[&str], parts: &[&str]) -> String {
        self.fails(2, arguments, parts)
    }

    /// Runs and expects an exit code and a message with all parts, which comes back.
    #[track_caller]
    pub fn fails(&self, code: i32, arguments: &[&str], parts: &[&str]) -> String {
        let output = self.run(arguments);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        for part in parts {
            assert!(text.contains(part), "{arguments:?}: no {part:?} in {text}");
        }
        text
    }
}

/// The bytes of a small model with a tensor; models differ by their number.
pub fn model(tensor: &str, number: u64) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("model.safetensors");
    let values = values(600, 7, number);
    write(&path, &[floats(tensor, Float::F32, &[20, 30], &values)]);
    std::fs::read(path).expect("the model")
}

/// Every name below a folder, sorted.
pub fn names(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, below: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{below}{}", entry.file_name().to_string_lossy());
            match entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                true => walk(&entry.path(), &format!("{name}/"), found),
                false => found.push(name),
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found.sort();
    found
}
