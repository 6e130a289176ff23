//! Reports that are written to a file: all numbers as JSON, or a page.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::failure::Failure;
use super::out;
use crate::checkpoint::{Checkpoint, FileIdentity};
use crate::report::{Report, Several, page_of_several};

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
    /// Where a folder is there, none around it, a checkpoint's file, or anything but a report.
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
        read.iter().try_for_each(|own| self.check_beside(own))?;
        self.check_there()
    }

    /// Refuses to replace anything but a report.
    fn check_there(&self) -> Result<(), Failure> {
        let Ok(found) = std::fs::metadata(&self.path) else {
            return Ok(());
        };
        if found.is_file() && (found.len() == 0 || is_report(&self.path)) {
            return Ok(());
        }
        Err(Failure::input(format!(
            "--report {}: something is there that is no report; give another name",
            out::escape(&self.path.display().to_string())
        )))
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
        self.write_all(&Several {
            what: report.what.clone(),
            reports: vec![report.clone()],
        })
    }

    /// Writes reports: one as it is, several side by side.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(super) fn write_all(&self, several: &Several) -> Result<(), Failure> {
        // What was merged meanwhile may have put something there.
        self.check_there()?;
        let failed = |fault: String| {
            let name = self.path.display().to_string();
            Failure::Run(format!("cannot write {}: {fault}", out::escape(&name)))
        };
        let written = || -> Result<(), String> {
            let file = File::create(&self.path).map_err(|fault| fault.to_string())?;
            let mut file = BufWriter::new(file);
            match self.is_page {
                true => {
                    let page = page_of_several(several).map_err(|fault| fault.to_string())?;
                    file.write_all(page.as_bytes())
                }
                false => match several.reports.as_slice() {
                    [report] => serde_json::to_writer_pretty(&mut file, &told(report)),
                    _ => serde_json::to_writer_pretty(&mut file, &told(several)),
                }
                .map_err(io::Error::from)
                .and_then(|()| file.write_all(b"\n")),
            }
            .and_then(|()| file.flush())
            .map_err(|fault| fault.to_string())
        };
        written().map_err(failed)
    }
}

/// The reports of the merges of a command, in a file that is asked for.
pub(super) struct Reports {
    to: Option<Written>,
    found: Several,
}

impl Reports {
    /// None yet, for what `--report` says.
    ///
    /// # Errors
    /// As [`Written::named`].
    pub(super) fn asked(file: Option<&Path>) -> Result<Reports, Failure> {
        Ok(Reports {
            to: file.map(Written::named).transpose()?,
            found: Several::default(),
        })
    }

    /// As [`Written::check`], of the file that is asked for.
    ///
    /// # Errors
    /// As [`Written::check`].
    pub(super) fn check(&self, read: &[Checkpoint]) -> Result<(), Failure> {
        self.to.as_ref().map_or(Ok(()), |to| to.check(read))
    }

    /// Writes what was found of a merge's outputs, with that of the merges before, so that it is
    /// there whatever becomes of the merges to come.
    ///
    /// # Errors
    /// Where the system refuses.
    pub(super) fn add(&mut self, found: impl Iterator<Item = Report>) -> Result<(), Failure> {
        let Some(to) = &self.to else {
            return Ok(());
        };
        self.found.reports.extend(found);
        if let Some(first) = self.found.reports.first() {
            self.found.what.clone_from(&first.what);
        }
        to.write_all(&self.found)
    }
}

/// Bytes at the beginning of a report that show what it is.
const BEGINNING: u64 = 1024;

/// Whether a file is a report of some version, by how it begins.
fn is_report(path: &Path) -> bool {
    let mut text = Vec::new();
    let read = File::open(path).and_then(|file| file.take(BEGINNING).read_to_end(&mut text));
    let text = String::from_utf8_lossy(&text);
    let json =
        || text.starts_with('{') && text.contains("\"version\"") && text.contains("\"what\"");
    let page = || text.contains("<title>wgmerge");
    read.is_ok() && (json() || page())
}

/// A report, or several, as JSON has it.
#[derive(Serialize)]
pub(super) struct Told<'r, R: Serialize> {
    version: &'static str,
    #[serde(flatten)]
    report: &'r R,
}

/// All numbers of a report, and who says it.
pub(super) fn told<R: Serialize>(report: &R) -> Told<'_, R> {
    Told {
        version: super::VERSION,
        report,
    }
}
