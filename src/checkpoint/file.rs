//! One open file of weights. It is lent by positional reads, so any number of threads may share
//! it. Where more files are in use than may be open, it is closed meanwhile and must be the same
//! when it is opened again.

use std::fs::{File, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::fault::HeaderError;
use super::header::LENGTH_BYTES;
use super::identity::{FileIdentity, FileState};
use crate::figures::counted;
use crate::files::{self, Lent};

/// Says that a name leads to another file than before, or to one that was written to.
const CHANGED: io::ErrorKind = io::ErrorKind::StaleNetworkFileHandle;

/// An open file of weights.
#[derive(Debug)]
pub struct WeightFile {
    /// Where it was opened.
    pub path: PathBuf,
    /// Its path inside the checkpoint's folder; the file name for a checkpoint of one file.
    pub relative: PathBuf,
    /// Its size in bytes.
    pub len: u64,
    /// Where its data section begins, in bytes from the start of the file; 0 for a format that has
    /// none.
    pub data_start: u64,
    file: Lent,
    identity: FileIdentity,
    state: FileState,
}

/// What can be wrong with one file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The system does not open it.
    #[error("{path}: cannot be opened: {fault}")]
    Open {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        fault: io::Error,
    },
    /// The process has as many files open as it may.
    #[error(
        "{path}: cannot be opened, as the process has as many files open as it may; raise the \
         limit (`ulimit -n`): at least {} are needed",
        files::NEEDED
    )]
    TooMany {
        /// The file.
        path: PathBuf,
    },
    /// It is a link that leads nowhere.
    #[error("{path}: {}", broken_link(target))]
    BrokenLink {
        /// The link.
        path: PathBuf,
        /// What it should lead to.
        target: PathBuf,
    },
    /// It is a device, a pipe or a socket.
    #[error("{path}: is not a regular file; copy its content into a .safetensors file")]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// It is too short to hold the length of a header.
    #[error(
        "{path}: the file has {}, a file of weights has at least {LENGTH_BYTES}; it is truncated, \
         download it again",
        counted(*.bytes, "byte")
    )]
    TooShort {
        /// The file.
        path: PathBuf,
        /// Its size.
        bytes: u64,
    },
    /// The header would end behind the end of the file.
    #[error(
        "{path}: the header ends at byte {end}, the file has {}; it is truncated, download it \
         again",
        counted(*.bytes, "byte")
    )]
    HeaderBeyondFile {
        /// The file.
        path: PathBuf,
        /// Where the header would end.
        end: u64,
        /// The size of the file.
        bytes: u64,
    },
    /// It is a file of another format, by its name or its first bytes.
    #[error(
        "{path}: is a {format} file, which wgmerge does not read; convert it to safetensors {way}"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The format it has.
        format: &'static str,
        /// How to convert it.
        way: &'static str,
    },
    /// It is the pointer that Git LFS leaves in place of a large file.
    #[error("{path}: is a Git LFS pointer, not the weights; fetch them with `git lfs pull`")]
    LfsPointer {
        /// The file.
        path: PathBuf,
    },
    /// It is the index of a sharded checkpoint, not a weight file.
    #[error("{path}: is the index of a sharded checkpoint; name its folder instead")]
    IndexNamed {
        /// The file.
        path: PathBuf,
    },
    /// It is named as PyTorch's files are, and is none.
    #[error(
        "{path}: is neither a PyTorch file nor a safetensors file, whatever its name says; it is \
         damaged, or no weights"
    )]
    NotTorch {
        /// The file.
        path: PathBuf,
    },
    /// It is named as files of GGUF are, and is none.
    #[error(
        "{path}: is neither a GGUF file nor a safetensors file, whatever its name says; it is \
         damaged, or no weights"
    )]
    NotGguf {
        /// The file.
        path: PathBuf,
    },
    /// Its header is wrong.
    #[error("{path}: {fault}")]
    Header {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: HeaderError,
    },
    /// The system does not read it.
    #[error("{path}: cannot be read at byte {offset}: {fault}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Where the read began.
        offset: u64,
        /// The system's error.
        fault: io::Error,
    },
    /// It is not what it was when it was opened.
    #[error(
        "{path}: the file was changed while it was read; nothing was written, leave the file alone \
         during the run"
    )]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// It ended before all bytes were read that its header promised.
    #[error(
        "{path}: the file was truncated while reading: {} expected at byte {offset}, \
         {actual} found; leave the file alone during the run",
        counted(*.expected, "byte")
    )]
    TruncatedWhileReading {
        /// The file.
        path: PathBuf,
        /// Where the read began.
        offset: u64,
        /// The bytes that were asked for.
        expected: u64,
        /// The bytes that were there.
        actual: u64,
    },
}

impl FileError {
    /// Whether somebody changed the file while it was read.
    pub(super) fn is_change(&self) -> bool {
        matches!(
            self,
            FileError::Changed { .. } | FileError::TruncatedWhileReading { .. }
        )
    }

    /// The error for a path that the system does not look up or open.
    pub(super) fn missing(path: &Path, fault: io::Error) -> FileError {
        let path = path.to_path_buf();
        if files::is_full(&fault) {
            return FileError::TooMany { path };
        }
        match link_target(&path) {
            Some(target) if fault.kind() == io::ErrorKind::NotFound => {
                FileError::BrokenLink { path, target }
            }
            _ => FileError::Open { path, fault },
        }
    }
}

/// What a link leads to, where `path` is one.
pub(super) fn link_target(path: &Path) -> Option<PathBuf> {
    std::fs::read_link(path).ok()
}

/// What is wrong with a link whose target is not there, and what to do.
pub(super) fn broken_link(target: &Path) -> String {
    format!(
        "is a link to {}, which is not there; put the file back or download the model again, as \
         a Hugging Face cache loses files when it is pruned",
        target.display()
    )
}

impl WeightFile {
    /// Opens `path`, whatever is in it.
    pub(super) fn open(path: &Path, relative: &Path) -> Result<WeightFile, FileError> {
        let path = path.to_path_buf();
        // Looked up before it is opened, because opening a pipe would wait for its writer.
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => {}
            Ok(_) => return Err(FileError::NotRegular { path }),
            Err(fault) => return Err(FileError::missing(&path, fault)),
        }
        let file = Lent::default();
        let opened = file.get(|| File::open(&path));
        let metadata = match opened.and_then(|opened| opened.metadata()) {
            Ok(metadata) => metadata,
            Err(fault) => return Err(FileError::missing(&path, fault)),
        };
        let identity = match FileIdentity::of_found(&path, &metadata) {
            Ok(identity) => identity,
            Err(fault) => return Err(FileError::Open { path, fault }),
        };
        let (len, relative) = (metadata.len(), relative.to_path_buf());
        Ok(WeightFile {
            path,
            relative,
            len,
            data_start: 0,
            file,
            identity,
            state: FileState::of(&metadata),
        })
    }

    /// What the file is, whatever it is called; compare it with [`FileIdentity::of`] an output.
    pub fn identity(&self) -> &FileIdentity {
        &self.identity
    }

    /// Checks that nothing wrote to the file since it was opened, and that its name leads to no
    /// other file. A file that lost its name is still read as it was while it is open.
    ///
    /// # Errors
    /// [`FileError::Changed`], or [`FileError::Open`] where the system does not say.
    pub fn check_unchanged(&self) -> Result<(), FileError> {
        let named = std::fs::metadata(&self.path);
        let found = match self.file.open() {
            None => named.and_then(|found| self.same(&found)),
            Some(open) => open.metadata().and_then(|found| {
                let replaced = FileIdentity::of(&self.path).is_ok_and(|id| id != self.identity);
                match FileState::of(&found) == self.state && !replaced {
                    true => Ok(()),
                    false => Err(CHANGED.into()),
                }
            }),
        };
        found.map_err(|fault| self.lost(fault))
    }

    /// Fills `buf` with the bytes at `offset` from the start of the file.
    ///
    /// # Errors
    /// [`FileError::Read`] where the system fails, [`FileError::TruncatedWhileReading`] where the
    /// file ends within `buf`, [`FileError::Changed`] where it had to be opened again and is
    /// another one.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), FileError> {
        let file = self.open_again()?;
        let mut done = 0;
        while done < buf.len() {
            match read_some(&file, offset.saturating_add(done as u64), &mut buf[done..]) {
                Ok(0) => {
                    return Err(FileError::TruncatedWhileReading {
                        path: self.path.clone(),
                        offset,
                        expected: buf.len() as u64,
                        actual: done as u64,
                    });
                }
                Ok(bytes) => done += bytes,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(fault) => {
                    return Err(FileError::Read {
                        path: self.path.clone(),
                        offset,
                        fault,
                    });
                }
            }
        }
        Ok(())
    }

    /// The open file, which is the one that was opened first.
    fn open_again(&self) -> Result<Arc<File>, FileError> {
        let opened = self.file.get(|| {
            // Looked up first, as opening a pipe would wait for its writer.
            self.same(&std::fs::metadata(&self.path)?)?;
            let file = File::open(&self.path)?;
            self.same(&file.metadata()?)?;
            Ok(file)
        });
        opened.map_err(|fault| self.lost(fault))
    }

    /// Refuses what is found in the file's place, unless it is the file as it was.
    fn same(&self, found: &Metadata) -> io::Result<()> {
        let identity = FileIdentity::of_found(&self.path, found)?;
        match identity == self.identity && FileState::of(found) == self.state {
            true => Ok(()),
            false => Err(CHANGED.into()),
        }
    }

    /// The error for a file that was opened and cannot be found as it was.
    fn lost(&self, fault: io::Error) -> FileError {
        let path = self.path.clone();
        match fault.kind() {
            CHANGED | io::ErrorKind::NotFound => FileError::Changed { path },
            _ => FileError::missing(&path, fault),
        }
    }
}

/// One positional read, which may come back short.
fn read_some(file: &File, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
    #[cfg(unix)]
    return std::os::unix::fs::FileExt::read_at(file, buf, offset);
    #[cfg(windows)]
    return std::os::windows::fs::FileExt::seek_read(file, buf, offset);
}
