//! What the sink is to produce: names, headers and sizes, known before the first byte is written.
//!
//! A layout is plain data made by the plan. The sink never looks into a header; it only counts it.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::SinkError;

/// Everything one merge leaves behind: where, which files, of which sizes.
#[derive(Clone, Debug)]
pub struct OutputLayout {
    /// Where the output goes: one file or a folder.
    pub root: Root,
    /// The files that [`Sink::write`](super::Sink::write) fills, addressed by their index here.
    pub files: Vec<FileLayout>,
    /// Small complete files published after all of `files`, in this order. A reader that opens an
    /// index finds everything it names when the index comes last, so the caller puts it last.
    /// Must be empty for [`Root::File`].
    pub side_files: Vec<SideFile>,
}

/// The final name of the output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// One file at this path. The layout then holds exactly one [`FileLayout`], whose name is
    /// ignored, and no side file.
    File(PathBuf),
    /// A folder at this path, which every name in the layout is relative to.
    Folder(PathBuf),
}

/// One file that is filled piece by piece.
#[derive(Clone, Debug)]
pub struct FileLayout {
    /// Relative name, which may hold subfolders: `unet/model.safetensors`.
    pub name: PathBuf,
    /// The first bytes of the file, written as they are when the sink is created.
    pub header: Vec<u8>,
    /// Length in bytes of the data section, which begins right after the header.
    pub data_bytes: u64,
}

impl FileLayout {
    /// Length of the whole file in bytes.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        (self.header.len() as u64).saturating_add(self.data_bytes)
    }
}

/// A small file that travels with the output: an index, a configuration, a tokenizer.
#[derive(Clone, Debug)]
pub struct SideFile {
    /// Relative name, which may hold subfolders: `unet/config.json`.
    pub name: PathBuf,
    /// Where its bytes come from.
    pub content: SideContent,
}

/// Makes bytes, the same whenever it is asked for them.
pub trait Made: Debug + Send + Sync {
    /// Writes them.
    ///
    /// # Errors
    /// The first of `to`.
    fn write(&self, to: &mut dyn Write) -> io::Result<()>;
}

/// Where the bytes of a [`SideFile`] come from.
#[derive(Clone, Debug)]
pub enum SideContent {
    /// These bytes.
    Bytes(Vec<u8>),
    /// Bytes that are made while they are written.
    Made {
        /// How many there are.
        bytes: u64,
        /// What makes them.
        text: Arc<dyn Made>,
    },
    /// Bytes that are known once all else was written, and that
    /// [`Sink::complete`](super::Sink::complete) brings.
    Later {
        /// How many there are at most, about: what is kept free for them.
        most: u64,
    },
    /// A copy of a file.
    CopyOf {
        /// Where it is; symbolic links are followed.
        origin: PathBuf,
        /// Its length. A file of another length is no longer the one that was meant.
        bytes: u64,
    },
}

/// How the sink works. The bytes of the output do not depend on it.
#[derive(Clone, Debug)]
pub struct Options {
    /// Replace an existing output. Of an existing folder the weights and indexes of an earlier
    /// output go; other files stay.
    pub overwrite: bool,
    /// Write past the page cache (`O_DIRECT`) where system, file system and alignment allow it.
    pub direct: bool,
    /// Reserve the disk space of every file before the first write, so that a full disk is known
    /// at once. Without it the files grow sparse.
    pub preallocate: bool,
    /// How unfinished files are kept out of sight.
    pub staging: Staging,
    /// Called before every step of publishing with the path that it changes. An error counts as the
    /// system's, so that every failure can be tried.
    pub before_step: fn(&Path) -> io::Result<()>,
}

impl Default for Options {
    /// No overwriting, direct writes, space reserved, unnamed files.
    fn default() -> Self {
        Self {
            overwrite: false,
            direct: true,
            preallocate: true,
            staging: Staging::Unnamed,
            before_step: |_| Ok(()),
        }
    }
}

/// How unfinished files are kept out of sight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Staging {
    /// Files without a name (`O_TMPFILE`), which the system itself removes when the process dies,
    /// however it dies. Falls back to [`Staging::Named`] where the file system has no such files.
    Unnamed,
    /// A hidden sibling `.NAME.PID-RANDOM.wgmerge-partial`, a file or a folder of files, removed on
    /// every exit but a kill, and by [`abandon`](super::abandon).
    Named,
    /// Files in such a folder that are open only while they are written. What the other ways become
    /// where the process may not have that many files open.
    Closed,
}

impl OutputLayout {
    /// The path that the user knows the output by.
    #[must_use]
    pub fn output(&self) -> &Path {
        match &self.root {
            Root::File(path) | Root::Folder(path) => path,
        }
    }

    /// All final paths: the data files, then the side files.
    pub fn paths(&self) -> impl Iterator<Item = PathBuf> {
        self.names().map(|name| match &self.root {
            Root::File(path) => path.clone(),
            Root::Folder(path) => path.join(name),
        })
    }

    /// All relative names: the data files, then the side files.
    pub(super) fn names(&self) -> impl Iterator<Item = &Path> {
        let files = self.files.iter().map(|file| file.name.as_path());
        files.chain(self.side_files.iter().map(|side| side.name.as_path()))
    }

    /// Checks that every name is usable and that no two of them collide.
    ///
    /// # Panics
    /// If a [`Root::File`] layout holds anything but one file: no recipe can cause that.
    pub(super) fn check_names(&self) -> Result<(), SinkError> {
        match &self.root {
            Root::File(path) => {
                let single = self.files.len() == 1 && self.side_files.is_empty();
                assert!(
                    single,
                    "a layout with one output file holds that file alone"
                );
                check_last_component(path)
            }
            Root::Folder(path) => {
                check_last_component(path)?;
                self.names().try_for_each(check_relative)?;
                self.check_collisions()
            }
        }
    }

    fn check_collisions(&self) -> Result<(), SinkError> {
        let mut files = BTreeSet::new();
        for name in self.names() {
            if !files.insert(name) {
                return Err(bad_name(name, "is given to two files of the output"));
            }
        }
        for name in self.names() {
            if name
                .ancestors()
                .skip(1)
                .any(|folder| files.contains(folder))
            {
                return Err(bad_name(name, "lies inside another file of the output"));
            }
        }
        Ok(())
    }
}

fn check_last_component(path: &Path) -> Result<(), SinkError> {
    match path.file_name() {
        Some(name) => check_component(path, name),
        None => Err(bad_name(
            path,
            "does not end in a name; give the output a name of its own",
        )),
    }
}

/// A relative name must stay inside the output folder, so it holds plain components only.
fn check_relative(name: &Path) -> Result<(), SinkError> {
    if name.as_os_str().is_empty() {
        return Err(bad_name(name, "is empty"));
    }
    name.components().try_for_each(|component| match component {
        Component::Normal(part) => check_component(name, part),
        _ => Err(bad_name(name, "must be relative and free of '.' and '..'")),
    })
}

fn check_component(name: &Path, part: &OsStr) -> Result<(), SinkError> {
    let bytes = part.as_encoded_bytes();
    if bytes.contains(&0) {
        return Err(bad_name(name, "holds a zero byte"));
    }
    // 255 bytes is the limit of every common file system.
    if bytes.len() > 255 {
        return Err(bad_name(
            name,
            "has a component longer than 255 bytes; choose a shorter name",
        ));
    }
    Ok(())
}

fn bad_name(name: &Path, reason: &'static str) -> SinkError {
    SinkError::BadName {
        name: name.to_path_buf(),
        reason,
    }
}
