//! Reports that are written to a file: all numbers as JSON, or a page.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::failure::Failure;
use super::out;
use crate::checkpoint::{Checkpoint, FileIdentity};
use crate::report::{Report, page};

/// A file for a report, of a form that its name says.
pub(super) struct Written {
    path: PathBuf,
    is_page: bool,
}

impl Written {
    /// The file of this name.
    ///
    /// # Errors
    /// Where the name says no form that a report has.
    pub(super) fn named(path: &Path) -> Result<Written, Failure> {
        let extension = path.extension().and_then(|own| own.to_str());
        let is_page = match extension {
            Some("json") => false,
            Some("html" | "htm") => true,
            _ => {
                return Err(Failure::input(format!(
                    "--report {}: a report is a page, FILE.html, or JSON, FILE.json",
                    out::escape(&path.display().to_string())
                )));
            }
        };
        Ok(Written {
            path: path.to_owned(),
            is_page,
        })
    }

    /// Checks that the report can be written at its place, and would replace nothing of the
    /// checkpoints that are read for it.
    ///
    /// # Errors
    /// Where a folder is there, none around it, or a checkpoint's file.
    pub(super) fn check(&self, read: &[Checkpoint]) -> Result<(), Failure> {
        let name = out::escape(&self.path.display().to_string()).into_owned();
        let folder = crate::sink::parent(&self.path);
        if self.path.is_dir() {
            return Err(Failure::input(format!("--report {name} is a folder")));
        }
        if !folder.is_dir() {
            let folder = folder.display().to_string();
            let folder = out::escape(&folder);
            return Err(Failure::input(format!(
                "--report {name}: there is no folder {folder}"
            )));
        }
        read.iter().try_for_each(|own| self.check_beside(own))
    }

    fn check_beside(&self, checkpoint: &Checkpoint) -> Result<(), Failure> {
        let Ok(own) = FileIdentity::of(&self.path) else {
            return Ok(());
        };
        let mut files = checkpoint.files().iter();
        match files.find(|file| *file.identity() == own) {
            None => Ok(()),
            Some(file) => Err(Failure::input(format!(
                "--report {} is {}, which is read: inputs are never written, give another file",
                out::escape(&self.path.display().to_string()),
                out::escape(&file.path.display().to_string())
            ))),
        }
    }

    /// Writes a report.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(super) fn write(&self, report: &Report) -> Result<(), Failure> {
        let failed = |fault: String| {
            let name = self.path.display().to_string();
            Failure::Run(format!("cannot write {}: {fault}", out::escape(&name)))
        };
        let written = || -> Result<(), String> {
            let file = File::create(&self.path).map_err(|fault| fault.to_string())?;
            let mut file = BufWriter::new(file);
            match self.is_page {
                true => {
                    let page = page(report).map_err(|fault| fault.to_string())?;
                    file.write_all(page.as_bytes())
                }
                false => serde_json::to_writer_pretty(&mut file, &told(report))
                    .map_err(io::Error::from)
                    .and_then(|()| file.write_all(b"\n")),
            }
            .and_then(|()| file.flush())
            .map_err(|fault| fault.to_string())
        };
        written().map_err(failed)
    }
}

/// A report as JSON has it.
#[derive(Serialize)]
pub(super) struct Told<'r> {
    version: &'static str,
    #[serde(flatten)]
    report: &'r Report,
}

/// All numbers of a report, and who says it.
pub(super) fn told(report: &Report) -> Told<'_> {
    Told {
        version: super::VERSION,
        report,
    }
}
