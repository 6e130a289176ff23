//! The checks before a merge: everything about the output that can be refused without writing.
//!
//! Each check names the path and the way out. A check that passes is no promise, since others use
//! the disk too; creating and publishing check again what can change meanwhile.

use std::fs::{self, Metadata};
use std::io;
use std::path::{Path, PathBuf};

use super::stale::{Fate, Stale};
use super::{Options, OutputLayout, Root, SideContent, SideFile, SinkError};
use crate::disk;
use crate::files;

/// Where the output goes, as found on the disk.
#[derive(Debug)]
pub(super) enum Destination {
    /// One file.
    File(PathBuf),
    /// A folder that does not exist yet: it appears complete.
    NewFolder(PathBuf),
    /// A folder that exists.
    OldFolder(OldFolder),
}

/// A folder that is there already, empty or not.
#[derive(Debug)]
pub(super) struct OldFolder {
    /// As the user knows it.
    pub(super) path: PathBuf,
    /// The folder itself, where that is a link.
    pub(super) real: PathBuf,
    /// Whether another one can be made beside it and take its place. Else the output is put
    /// together inside it.
    pub(super) beside: bool,
}

/// What the checks found out.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) destination: Destination,
    /// Bytes that the output takes.
    pub(super) bytes: u64,
    /// What goes when it appears.
    pub(super) stale: Stale,
}

impl Destination {
    /// The existing folder that unfinished files are kept in: on the same file system as their
    /// final names, so that publishing moves no data.
    pub(super) fn home(&self) -> &Path {
        match self {
            Self::File(path) | Self::NewFolder(path) => parent(path),
            Self::OldFolder(folder) if folder.beside => parent(&folder.real),
            Self::OldFolder(folder) => &folder.real,
        }
    }

    /// The final path of the file called `name` in the layout.
    pub(super) fn path_of(&self, name: &Path) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::NewFolder(path) | Self::OldFolder(OldFolder { path, .. }) => path.join(name),
        }
    }
}

/// The folder that holds `path`; a bare name lies in the current one.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Runs all checks and tells where the output goes and how many bytes it takes.
pub(super) fn inspect(layout: &OutputLayout, options: &Options) -> Result<Found, SinkError> {
    layout.check_names()?;
    let stale = Stale::new(layout);
    let output = layout.output();
    check_folder(output, parent(output))?;
    let destination = match &layout.root {
        Root::File(path) => {
            check_file(path, options.overwrite)?;
            Destination::File(path.clone())
        }
        Root::Folder(path) => inspect_folder(layout, &stale, path, options.overwrite)?,
    };
    check_writable(output, destination.home())?;
    let bytes = needed_bytes(layout)?;
    check_space(output, destination.home(), bytes)?;
    check_open_files(layout)?;
    Ok(Found {
        destination,
        bytes,
        stale,
    })
}

/// Looks at `path` itself, following links; a link that leads nowhere counts as a file.
fn look(path: &Path) -> Result<Option<Metadata>, SinkError> {
    let found = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::symlink_metadata(path),
        found => found,
    };
    match found {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(SinkError::Unseen {
            path: path.to_path_buf(),
            source,
        }),
    }
}

fn check_folder(output: &Path, folder: &Path) -> Result<(), SinkError> {
    let (output, folder_path) = (output.to_path_buf(), folder.to_path_buf());
    match look(folder)? {
        Some(metadata) if metadata.is_dir() => Ok(()),
        Some(_) => Err(SinkError::NotFolder {
            output,
            folder: folder_path,
        }),
        None => Err(SinkError::MissingFolder {
            output,
            folder: folder_path,
        }),
    }
}

/// Checks the place of one file. A symbolic link to a file is itself replaced, not its target.
fn check_file(path: &Path, overwrite: bool) -> Result<(), SinkError> {
    let output = path.to_path_buf();
    match look(path)? {
        None => Ok(()),
        Some(metadata) if metadata.is_dir() => Err(SinkError::IsFolder { output }),
        Some(metadata) if !metadata.is_file() && !metadata.is_symlink() => {
            Err(SinkError::NotRegular { output })
        }
        Some(_) if overwrite => Ok(()),
        Some(_) => Err(SinkError::Exists { output }),
    }
}

fn inspect_folder(
    layout: &OutputLayout,
    stale: &Stale,
    path: &Path,
    overwrite: bool,
) -> Result<Destination, SinkError> {
    let output = path.to_path_buf();
    match look(path)? {
        None => return Ok(Destination::NewFolder(output)),
        Some(metadata) if metadata.is_dir() => {}
        Some(_) => {
            return Err(SinkError::NotFolder {
                folder: output.clone(),
                output,
            });
        }
    }
    let real = fs::canonicalize(path).map_err(|error| SinkError::io("inspect", path, 0, error))?;
    check_writable(path, &real)?;
    let found = Destination::OldFolder(OldFolder {
        path: output.clone(),
        beside: can_exchange(&real),
        real,
    });
    let mut entries = fs::read_dir(path).map_err(|error| SinkError::io("list", path, 0, error))?;
    if entries.next().is_none() {
        return Ok(found);
    }
    if !overwrite {
        return Err(SinkError::NotEmpty { output });
    }
    for name in layout.names() {
        for folder in name
            .ancestors()
            .skip(1)
            .filter(|folder| !folder.as_os_str().is_empty())
        {
            match check_folder(&output, &path.join(folder)) {
                // Subfolders that are missing are created at the end.
                Ok(()) | Err(SinkError::MissingFolder { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        check_file(&path.join(name), overwrite)?;
    }
    check_mixture(stale, path, Path::new(""))?;
    Ok(found)
}

/// Checks that no weights in a folder, or one below it, would be taken for the output's.
fn check_mixture(stale: &Stale, root: &Path, folder: &Path) -> Result<(), SinkError> {
    // What cannot be listed is told when the output is published.
    let entries = fs::read_dir(root.join(folder)).into_iter().flatten();
    for entry in entries.flatten() {
        let name = folder.join(entry.file_name());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && folder == Path::new("") {
            check_mixture(stale, root, &name)?;
        }
        if !is_folder && stale.fate(&name) == Fate::Mixes {
            return Err(SinkError::Mixes {
                output: root.to_path_buf(),
                file: name,
            });
        }
    }
    Ok(())
}

/// Whether a folder can be exchanged for another one beside it.
#[cfg(target_os = "linux")]
fn can_exchange(real: &Path) -> bool {
    use rustix::fs::Access;
    use std::os::unix::fs::MetadataExt;
    let beside = parent(real);
    let device = |folder| fs::metadata(folder).map(|found: Metadata| found.dev());
    let may_write = rustix::fs::access(beside, Access::WRITE_OK | Access::EXEC_OK);
    let one_disk = matches!((device(real), device(beside)), (Ok(a), Ok(b)) if a == b);
    may_write.is_ok() && one_disk && !super::linux::is_mount(real)
}

#[cfg(not(target_os = "linux"))]
fn can_exchange(_real: &Path) -> bool {
    false
}

/// Checks that the process may have as many files open as a merge needs at the least.
fn check_open_files(layout: &OutputLayout) -> Result<(), SinkError> {
    match files::limit() {
        limit if limit < files::NEEDED => Err(SinkError::TooManyFiles {
            output: layout.output().to_path_buf(),
            limit,
        }),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn check_writable(output: &Path, folder: &Path) -> Result<(), SinkError> {
    use rustix::fs::Access;
    rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK).map_err(|error| {
        SinkError::NotWritable {
            output: output.to_path_buf(),
            folder: folder.to_path_buf(),
            source: error.into(),
        }
    })
}

/// Whether a file can be copied, as far as its access rights tell.
#[cfg(unix)]
fn check_readable(origin: &Path) -> Result<(), SinkError> {
    let readable = rustix::fs::access(origin, rustix::fs::Access::READ_OK);
    readable.map_err(|error| SinkError::NotReadable {
        origin: origin.to_path_buf(),
        source: error.into(),
    })
}

#[cfg(not(unix))]
fn check_readable(_origin: &Path) -> Result<(), SinkError> {
    Ok(())
}

/// Elsewhere the attributes of a folder do not tell; creating the files does, before any work.
#[cfg(not(unix))]
fn check_writable(_output: &Path, _folder: &Path) -> Result<(), SinkError> {
    Ok(())
}

fn needed_bytes(layout: &OutputLayout) -> Result<u64, SinkError> {
    let files = layout.files.iter().map(|file| Ok(file.total_bytes()));
    let sides = layout.side_files.iter().map(side_bytes);
    files
        .chain(sides)
        .try_fold(0, |sum: u64, bytes| Ok(sum.saturating_add(bytes?)))
}

/// Length of a side file in bytes; this is also the check that it can be copied at all.
fn side_bytes(side: &SideFile) -> Result<u64, SinkError> {
    match &side.content {
        SideContent::Bytes(bytes) => Ok(bytes.len() as u64),
        SideContent::Made { bytes, .. } => Ok(*bytes),
        SideContent::Later { most } => Ok(*most),
        SideContent::CopyOf { origin, bytes } => match look(origin)? {
            Some(metadata) if metadata.is_file() => {
                check_readable(origin)?;
                Ok(*bytes)
            }
            _ => Err(SinkError::NoOrigin {
                origin: origin.clone(),
                name: side.name.clone(),
            }),
        },
    }
}

/// Checks that the disk has room for all of some outputs, which lie in one folder.
pub(super) fn check_room(layouts: &[OutputLayout]) -> Result<(), SinkError> {
    let Some(first) = layouts.first() else {
        return Ok(());
    };
    let mut bytes = layouts.iter().map(needed_bytes);
    let needed: Result<u64, SinkError> =
        bytes.try_fold(0, |sum: u64, bytes| Ok(sum.saturating_add(bytes?)));
    let output = first.output();
    let folder = match output.is_dir() {
        true => output,
        false => parent(output),
    };
    check_space(output, folder, needed?)
}

fn check_space(output: &Path, folder: &Path, needed: u64) -> Result<(), SinkError> {
    let available = disk::available_bytes(folder);
    match available.map_err(|error| SinkError::io("inspect", folder, 0, error))? {
        Some(available) if available < needed => Err(SinkError::NoSpace {
            output: output.to_path_buf(),
            folder: folder.to_path_buf(),
            needed,
            available,
        }),
        _ => Ok(()),
    }
}
