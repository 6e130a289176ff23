//! Puts bytes at their planned place and lets the output appear only when it is complete.
//!
//! Promise: until [`Sink::finish`] nothing exists under the final name, and a sink that is dropped
//! leaves nothing behind. On Linux that even holds when the process is killed before it publishes.
//! An existing file is replaced only if asked for, in one step, and so is an existing folder where
//! the system can exchange two: what stays of it is in both, the weights and indexes of an earlier
//! output are in the old one alone. Once `finish` has returned, the output survives a power cut.
//!
//! Method: every file is created at its full length, without a name where the system has unnamed
//! files, with its header in place. Data then arrives in any order from any thread, past the page
//! cache where possible. In the end all files are synced and then named.
//!
//! Price: each file holds one descriptor, or two with direct writes, until the sink is finished.
//! Where the process may not have that many files open, they have hidden names and are opened when
//! they are written.
//!
//! A sink knows no device and no tensor, and it never looks into a header.

mod digest;
mod error;
mod hidden;
mod layout;
#[cfg(target_os = "linux")]
mod linux;
mod lock;
mod preflight;
mod publish;
mod stage;
mod staged;
mod stale;
mod writer;

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

pub use digest::digest;
pub use error::SinkError;
pub use hidden::abandon;
pub use layout::{FileLayout, Made, Options, OutputLayout, Root, SideContent, SideFile, Staging};
pub(crate) use preflight::parent;
pub use writer::DIRECT_ALIGNMENT;

use lock::FolderLock;
use preflight::{Destination, Found};
use publish::{Complete, Publication};
use stage::Stage;
use staged::Staged;
use writer::{Writer, write_all_at};

/// An output in the making.
#[derive(Debug)]
pub struct Sink {
    publication: Publication,
    outputs: Vec<Output>,
    sides: Vec<Complete>,
    /// Which of these are not filled yet, and what was counted of each.
    later: Vec<(usize, u64)>,
    /// Goes after the files in it.
    stage: Stage,
    total_bytes: u64,
}

/// One data file in the making.
#[derive(Debug)]
struct Output {
    name: PathBuf,
    staged: Staged,
    writer: Writer,
    header_bytes: u64,
    data_bytes: u64,
    /// Data bytes that arrived; statistics only, so its memory ordering does not matter.
    written: AtomicU64,
}

/// What [`Sink::finish`] published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// The final paths: the data files, then the side files, in the layout's order.
    pub files: Vec<PathBuf>,
    /// Length in bytes of all of them together.
    pub bytes: u64,
    /// Files of an earlier output that went, relative to the folder.
    pub removed: Vec<PathBuf>,
    /// What of a replaced folder could not be removed and can be deleted by hand.
    pub left: Option<PathBuf>,
}

impl Sink {
    /// Checks everything about the output that can be known without writing.
    ///
    /// # Errors
    /// Each names the path and what to do: an unusable name, a missing or unwritable folder, an
    /// output that exists (without [`Options::overwrite`]) or is of the wrong kind, a side file
    /// that cannot be copied, a disk that is too full.
    ///
    /// # Panics
    /// If a [`Root::File`] layout holds anything but exactly one file.
    pub fn preflight(layout: &OutputLayout, options: &Options) -> Result<(), SinkError> {
        preflight::inspect(layout, options).map(drop)
    }

    /// Checks that the disk has room for all of some outputs together, whatever else there is to
    /// say against them. They lie in one folder, as those of a sweep do. Writes nothing.
    ///
    /// # Errors
    /// [`SinkError::NoSpace`] where it has not, or what keeps from looking.
    pub fn check_room(layouts: &[OutputLayout]) -> Result<(), SinkError> {
        preflight::check_room(layouts)
    }

    /// What merges that were killed left of this output, as far as nobody uses it.
    #[must_use]
    pub fn left_behind(layout: &OutputLayout) -> Vec<PathBuf> {
        let output = layout.output();
        let name = output.file_name().unwrap_or_default();
        let mut found = hidden::left_behind(preflight::parent(output), name);
        if let Root::Folder(folder) = &layout.root {
            found.extend(hidden::left_behind(folder, name));
        }
        // Beside the output as it was given.
        let found = found.into_iter();
        found
            .map(|path| {
                path.strip_prefix("./")
                    .map_or(path.clone(), Path::to_path_buf)
            })
            .collect()
    }

    /// Repeats [`Sink::preflight`], then creates all files at full length with their headers in
    /// place and copies the side files, all out of sight.
    ///
    /// # Errors
    /// Those of [`Sink::preflight`]; [`SinkError::DiskFull`] if the space cannot be reserved;
    /// [`SinkError::Io`]. Nothing is left behind.
    ///
    /// # Panics
    /// As [`Sink::preflight`].
    pub fn create(layout: &OutputLayout, options: &Options) -> Result<Self, SinkError> {
        let found = preflight::inspect(layout, options)?;
        let (destination, total_bytes) = (&found.destination, found.bytes);
        let lock = match destination {
            Destination::OldFolder(folder) => FolderLock::take(&folder.real)?,
            Destination::File(_) | Destination::NewFolder(_) => None,
        };
        let failed = |operation, name: &Path, error| {
            SinkError::io(operation, &destination.path_of(name), total_bytes, error)
        };
        let mut stage = Stage::new(destination.home(), layout, options);
        let mut create = |name: &Path| {
            let path = destination.path_of(name);
            let last = path.file_name().unwrap_or(OsStr::new("output"));
            stage
                .file(last)
                .map_err(|error| failed("create", name, error))
        };
        // All space is claimed before the first byte is written.
        let mut outputs = Vec::with_capacity(layout.files.len());
        for file in &layout.files {
            let staged = create(&file.name)?;
            staged
                .reserve(file.total_bytes(), options.preallocate)
                .map_err(|error| failed("reserve space for", &file.name, error))?;
            outputs.push(Output {
                name: file.name.clone(),
                writer: staged.writer(options.direct),
                staged,
                header_bytes: file.header.len() as u64,
                data_bytes: file.data_bytes,
                written: AtomicU64::new(0),
            });
        }
        for (output, file) in outputs.iter().zip(&layout.files) {
            let written = output
                .staged
                .with(|open| write_all_at(open, 0, &file.header));
            written.map_err(|error| failed("write", &file.name, error))?;
        }
        let mut sides = Vec::with_capacity(layout.side_files.len());
        for side in &layout.side_files {
            let staged = create(&side.name)?;
            fill(&staged, side)?.map_err(|error| failed("write", &side.name, error))?;
            sides.push(Complete {
                name: side.name.clone(),
                staged,
            });
        }
        let Found {
            destination, stale, ..
        } = found;
        Ok(Self {
            publication: Publication {
                destination,
                overwrite: options.overwrite,
                stale,
                lock,
                before: options.before_step,
            },
            outputs,
            sides,
            later: later(layout),
            stage,
            total_bytes,
        })
    }

    /// Puts `bytes` at `offset` bytes of the data section of the file with index `file` in
    /// [`OutputLayout::files`]. Any thread may write anything in any order, but every byte only
    /// once.
    ///
    /// Fastest when the address of `bytes` and its position in the file, header included, are
    /// equal modulo [`DIRECT_ALIGNMENT`], and when `bytes` is a few MiB long.
    ///
    /// # Errors
    /// [`SinkError::DiskFull`] with the bytes that were still to write, or [`SinkError::Io`].
    ///
    /// # Panics
    /// If there is no such file or `bytes` does not fit in its data section.
    pub fn write(&self, file: usize, offset: u64, bytes: &[u8]) -> Result<(), SinkError> {
        let output = &self.outputs[file];
        let length = bytes.len() as u64;
        assert!(
            offset
                .checked_add(length)
                .is_some_and(|end| end <= output.data_bytes),
            "{length} bytes at {offset} do not fit in the {} data bytes of {}",
            output.data_bytes,
            output.name.display(),
        );
        let position = output.header_bytes + offset;
        let write = |file: &File| output.writer.write(file, position, bytes);
        output
            .staged
            .with(write)
            .map_err(|error| self.failed("write", output, error))?;
        let written = output.written.fetch_add(length, Ordering::Relaxed) + length;
        if self.stage.closes() && written == output.data_bytes {
            // Once it is closed the system may tell of a failed write no more.
            let synced = output.staged.with(File::sync_all);
            synced.map_err(|error| self.failed("sync", output, error))?;
        }
        Ok(())
    }

    /// Fills the side file `name`, of which the layout says that its bytes come later.
    ///
    /// # Errors
    /// [`SinkError::DiskFull`] or [`SinkError::Io`].
    ///
    /// # Panics
    /// If no such file waits for its bytes.
    pub fn complete(&mut self, name: &Path, bytes: &[u8]) -> Result<(), SinkError> {
        let mut later = self.later.iter();
        let found = later.position(|(side, _)| self.sides[*side].name == name);
        assert!(found.is_some(), "{} waits for no bytes", name.display());
        let (side, counted) = self.later.remove(found.unwrap_or_default());
        let length = bytes.len() as u64;
        self.total_bytes = self.total_bytes.saturating_sub(counted) + length;
        let staged = &self.sides[side].staged;
        let written = staged.with(|file| write_all_at(file, 0, bytes));
        written.map_err(|error| SinkError::io("write", &self.path_of(name), length, error))
    }

    /// Whether every data file takes aligned blocks past the page cache, as far as is known yet:
    /// some systems refuse only the first such block.
    #[must_use]
    pub fn is_direct(&self) -> bool {
        self.outputs.iter().all(|output| output.writer.is_direct())
    }

    /// Syncs all files, gives them their final names and syncs the folders.
    ///
    /// # Errors
    /// [`SinkError::Incomplete`] if data is missing; [`SinkError::Appeared`] if the name was free
    /// at the beginning and is taken now; [`SinkError::DiskFull`]; [`SinkError::Io`]. Nothing new
    /// is left under a final name then, with one exception: [`SinkError::HalfReplaced`].
    pub fn finish(self) -> Result<Finished, SinkError> {
        for output in &self.outputs {
            let written = output.written.load(Ordering::Relaxed);
            if written != output.data_bytes {
                return Err(SinkError::Incomplete {
                    path: self.path_of(&output.name),
                    written,
                    expected: output.data_bytes,
                });
            }
        }
        if let Some((side, expected)) = self.later.first() {
            return Err(SinkError::Incomplete {
                path: self.path_of(&self.sides[*side].name),
                written: 0,
                expected: *expected,
            });
        }
        for output in &self.outputs {
            let synced = output.staged.with(File::sync_all);
            synced.map_err(|error| self.failed("sync", output, error))?;
        }
        for side in &self.sides {
            let synced = side.staged.with(File::sync_all);
            synced.map_err(|error| SinkError::io("sync", &self.path_of(&side.name), 0, error))?;
        }
        let outputs = self.outputs.into_iter();
        let files = outputs.map(|output| Complete {
            name: output.name,
            staged: output.staged,
        });
        let files: Vec<Complete> = files.chain(self.sides).collect();
        let paths = files.iter().map(|file| &file.name);
        let paths = paths.map(|name| self.publication.destination.path_of(name));
        let paths = paths.collect();
        let published = self.publication.publish(files)?;
        Ok(Finished {
            files: paths,
            bytes: self.total_bytes,
            removed: published.removed,
            left: published.left,
        })
    }

    fn path_of(&self, name: &Path) -> PathBuf {
        self.publication.destination.path_of(name)
    }

    fn failed(&self, operation: &'static str, output: &Output, error: io::Error) -> SinkError {
        let missing = |output: &Output| {
            output
                .data_bytes
                .saturating_sub(output.written.load(Ordering::Relaxed))
        };
        let remaining = self.outputs.iter().map(missing).sum();
        SinkError::io(operation, &self.path_of(&output.name), remaining, error)
    }
}

/// The side files whose bytes come later, by their numbers, and what is counted of each.
fn later(layout: &OutputLayout) -> Vec<(usize, u64)> {
    let sides = layout.side_files.iter().enumerate();
    let later = sides.filter_map(|(number, side)| match side.content {
        SideContent::Later { most } => Some((number, most)),
        _ => None,
    });
    later.collect()
}

/// Bytes of a text that are written at a time.
const MADE_BYTES: usize = 64 << 10;

/// Writes a side file from its start. The outer error is about the origin of a copy, the inner one
/// about the file in the making.
fn fill(staged: &Staged, side: &SideFile) -> Result<io::Result<()>, SinkError> {
    let (origin, bytes) = match &side.content {
        SideContent::Later { .. } => return Ok(Ok(())),
        SideContent::Bytes(bytes) => return Ok(staged.with(|file| write_all_at(file, 0, bytes))),
        SideContent::Made { text, .. } => {
            return Ok(staged.with(|file| {
                let mut to = io::BufWriter::with_capacity(MADE_BYTES, file);
                text.write(&mut to)?;
                to.flush()
            }));
        }
        SideContent::CopyOf { origin, bytes } => (origin, *bytes),
    };
    let open = open_to_copy(origin).map_err(|error| SinkError::io("open", origin, 0, error))?;
    let changed = || SinkError::OriginChanged {
        origin: origin.clone(),
        name: side.name.clone(),
    };
    // What took its place meanwhile may be a pipe or have no end.
    if !open
        .metadata()
        .is_ok_and(|found| found.is_file() && found.len() == bytes)
    {
        return Err(changed());
    }
    match staged.with(|mut file| io::copy(&mut open.take(bytes), &mut file)) {
        Ok(copied) if copied < bytes => Err(changed()),
        copied => Ok(copied.map(drop)),
    }
}

/// Opens a file without waiting for anybody.
fn open_to_copy(origin: &Path) -> io::Result<File> {
    #[cfg(unix)]
    {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::open(origin, flags, Mode::empty())?))
    }
    #[cfg(not(unix))]
    File::open(origin)
}
