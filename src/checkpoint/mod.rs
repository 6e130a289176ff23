//! Opens checkpoints and lends their bytes.
//!
//! A checkpoint is a file, a folder of shards with an index, a folder of weight files without one,
//! or a folder of components (diffusers); files are safetensors or PyTorch's. Whatever it was, an
//! opened [`Checkpoint`] is one ordered map from key to tensor. Opening reads headers only; it
//! refuses every file whose header is not sound, and names file, key and both sides of a mismatch.
//! Nothing here knows what a merge is.

mod beside;
mod codes;
mod coding;
mod contents;
pub mod convention;
mod encode;
mod fault;
mod file;
mod fingerprint;
mod folder;
mod gguf;
pub mod header;
mod identity;
mod index;
mod index_error;
mod json;
mod licence;
mod logical;
mod name;
mod parse;
mod shape;
mod snapshot;
mod stray;
mod strided;
mod tensor;
mod torch;

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

pub use self::beside::{BesideError, CONFIG_BYTES_MAX, read_beside};
use self::codes::Codes;
pub use self::coding::{Coding, Entry};
use self::contents::Contents;
pub use self::convention::{Coded, Recognised, Stored, Undecoded};
pub use self::encode::encode_header;
pub(crate) use self::encode::header_bytes;
pub use self::fault::HeaderError;
pub use self::file::{FileError, WeightFile};
pub use self::folder::{ASIDE, FolderError};
use self::folder::{Group, Layout};
pub use self::gguf::GgufError;
pub use self::header::HeaderEntry;
pub use self::identity::FileIdentity;
pub use self::index_error::IndexError;
pub use self::licence::CARD;
pub(crate) use self::licence::is_licence;
pub use self::name::{Shard, WeightName};
pub use self::parse::parse_header;
pub use self::shape::Shape;
pub use self::snapshot::{REPOSITORY, SNAPSHOTS, Snapshot, recorded_name, repository_folder};
pub use self::strided::Axes;
pub(crate) use self::strided::GAP_BYTES;
pub use self::tensor::{TensorInfo, Tensors};
pub(crate) use self::tensor::{heap_bytes, held_bytes};
pub use self::torch::{TensorFault, TorchError};

/// An opened checkpoint: validated headers and open files. Shared freely between threads.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    name: String,
    is_folder: bool,
    files: Vec<WeightFile>,
    entries: Tensors,
    metadata: IndexMap<String, String>,
    indexes: Vec<PathBuf>,
    left_out: Vec<PathBuf>,
    quantisation: Option<String>,
    codes: Codes,
    notes: Vec<String>,
    bytes: u64,
}

/// What can be wrong with a checkpoint. The text is complete: it names the file and needs no
/// further source.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// One file is wrong.
    #[error(transparent)]
    File(#[from] FileError),
    /// The folder is wrong.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The index is wrong, or disagrees with its shards.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// A PyTorch file is wrong.
    #[error("{path}: {fault}")]
    Torch {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: Box<TorchError>,
    },
    /// A file of GGUF is wrong.
    #[error("{path}: {fault}")]
    Gguf {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        fault: Box<GgufError>,
    },
    /// Two files without an index hold one tensor.
    #[error(
        "{second}: holds tensor `{key}`, which {first} holds too; move one of the files to another \
         folder"
    )]
    DuplicateKey {
        /// The tensor.
        key: String,
        /// The file that was read first.
        first: PathBuf,
        /// The other file.
        second: PathBuf,
    },
}

impl CheckpointError {
    /// Whether somebody changed a file while it was read, so that another try may succeed.
    pub fn is_change(&self) -> bool {
        matches!(self, CheckpointError::File(fault) if fault.is_change())
    }
}

impl Checkpoint {
    /// Opens the checkpoint at `path`, a file or a folder, and validates every header.
    ///
    /// # Errors
    /// [`CheckpointError`] with the first fault found.
    pub fn open(path: &Path) -> Result<Checkpoint, CheckpointError> {
        let found = std::fs::metadata(path).map_err(|fault| FileError::missing(path, fault))?;
        let mut checkpoint = Checkpoint {
            path: path.into(),
            name: display_name(path, found.is_dir()),
            is_folder: found.is_dir(),
            files: Vec::new(),
            entries: Tensors::default(),
            metadata: IndexMap::new(),
            indexes: Vec::new(),
            left_out: Vec::new(),
            quantisation: None,
            codes: Codes::default(),
            notes: Vec::new(),
            bytes: 0,
        };
        if checkpoint.is_folder {
            let Layout { groups, left_out } = folder::scan(path)?;
            checkpoint.left_out = left_out;
            for group in &groups {
                checkpoint.add_group(group)?;
            }
        } else {
            refuse_by_name(path)?;
            let relative = path.file_name().map(PathBuf::from).unwrap_or_default();
            let (file, contents) = contents::open(path, &relative, 0)?;
            checkpoint.add_file(file, contents, None)?;
        }
        // They are kept for as long as a merge runs.
        checkpoint.entries.shrink_to_fit();
        checkpoint.recognise()?;
        Ok(checkpoint)
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A short name for messages: the file name without extension, or the name of the folder. What
    /// lies in the Hugging Face cache has that of its repository.
    pub fn name(&self) -> String {
        self.name.clone()
    }

    /// Whether it was opened as a folder.
    pub fn is_folder(&self) -> bool {
        self.is_folder
    }

    /// Its files; component by component, then by name.
    pub fn files(&self) -> &[WeightFile] {
        &self.files
    }

    /// What its files hold, entry by entry, in the same order.
    pub fn entries(&self) -> &Tensors {
        &self.entries
    }

    /// The entry of this key.
    pub fn get(&self, key: &str) -> Option<&TensorInfo> {
        self.entries.get(key)
    }

    /// The `__metadata__` of all files; where two files disagree, that of the first.
    pub fn metadata(&self) -> &IndexMap<String, String> {
        &self.metadata
    }

    /// The indexes that were read, relative to the folder.
    pub fn indexes(&self) -> &[PathBuf] {
        &self.indexes
    }

    /// Weight files in the folder that are not part of the checkpoint, relative to the folder:
    /// variants, files beside an index that it does not name, hidden ones, and files of another
    /// level.
    pub fn left_out(&self) -> &[PathBuf] {
        &self.left_out
    }

    /// What its files hold that is passed over, a line per file.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The method of quantisation that the settings in its folder name.
    pub fn quantisation(&self) -> Option<&str> {
        self.quantisation.as_deref()
    }

    /// The bytes of all tensors, without headers.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Fills `buf` with the bytes of file number `file` at `offset` from the start of that file.
    /// Reads of several threads do not disturb each other.
    ///
    /// # Errors
    /// [`FileError::Read`] where the system fails, [`FileError::TruncatedWhileReading`] where the
    /// file ends within `buf`.
    ///
    /// # Panics
    /// Where `file` is no index into [`Checkpoint::files`].
    pub fn read_at(&self, file: usize, offset: u64, buf: &mut [u8]) -> Result<(), CheckpointError> {
        Ok(self.files[file].read_at(offset, buf)?)
    }

    /// Fills `buf` with elements of a tensor from number `start` on, in the order of its
    /// dimensions.
    ///
    /// # Errors
    /// As [`Checkpoint::read_at`].
    ///
    /// # Panics
    /// Where the tensor is none of this checkpoint, or its elements are parts of bytes.
    pub fn read_elements(
        &self,
        info: &TensorInfo,
        start: u64,
        buf: &mut [u8],
    ) -> Result<(), CheckpointError> {
        let unit = info.dtype.unit().bytes;
        let read = |element: u64, buf: &mut [u8]| match &info.coding {
            Some(coding) => self.read_codes(coding, element, buf),
            None => self.read_at(info.file, info.span.start + element * unit, buf),
        };
        match info.axes() {
            None => read(start, buf),
            Some(axes) => axes.gather(unit as usize, start, buf, read),
        }
    }

    /// Checks that none of its files was changed since it was opened.
    ///
    /// # Errors
    /// [`FileError::Changed`] with the first that was.
    pub fn check_unchanged(&self) -> Result<(), CheckpointError> {
        for file in &self.files {
            file.check_unchanged()?;
        }
        Ok(())
    }

    fn add_group(&mut self, group: &Group) -> Result<(), CheckpointError> {
        let index = group.index.as_ref().map(|index| index.path());
        let relative = index.and_then(|index| index.strip_prefix(&self.path).ok());
        self.indexes.extend(relative.map(Path::to_path_buf));
        if self.quantisation.is_none() {
            let folder = self.path.join(group.component.as_deref().unwrap_or(""));
            self.quantisation = convention::quantisation(&folder);
        }
        let component = group.component.as_deref();
        let folder = self.path.join(component.unwrap_or(""));
        self.codes.add_settings(&folder, component);
        let (first, files) = (self.entries.len(), self.files.len());
        for name in &group.files {
            let relative = Path::new(component.unwrap_or("")).join(name);
            let (path, number) = (self.path.join(&relative), self.files.len());
            let (file, contents) = contents::open(&path, &relative, number)?;
            self.add_file(file, contents, component).map_err(|fault| {
                match (fault, &group.index) {
                    (CheckpointError::DuplicateKey { key, first, second }, Some(index)) => {
                        index.two_shards(key, &first, &second).into()
                    }
                    (fault, _) => fault,
                }
            })?;
        }
        if let Some(index) = &group.index {
            let shard = |file: usize| group.files[file - files].as_str();
            index.check(&self.entries, first..self.entries.len(), component, shard)?;
        }
        Ok(())
    }

    fn add_file(
        &mut self,
        file: WeightFile,
        contents: Contents,
        component: Option<&str>,
    ) -> Result<(), CheckpointError> {
        self.codes.add_file(&contents, component);
        self.entries.reserve(contents.tensors.len());
        for (key, info) in contents.tensors {
            let key = in_component(component, key);
            if let Some(first) = self.entries.get(&key) {
                let (first, second) = (self.files[first.file].path.clone(), file.path);
                return Err(CheckpointError::DuplicateKey { key, first, second });
            }
            self.bytes += info.bytes();
            self.entries.insert(key, info);
        }
        let note = contents
            .note
            .map(|note| format!("{}: {note}", file.path.display()));
        self.notes.extend(note);
        for (key, text) in contents.metadata {
            self.metadata.entry(key).or_insert(text);
        }
        self.files.push(file);
        Ok(())
    }
}

/// The key under which a tensor of a component is known.
fn in_component(component: Option<&str>, key: String) -> String {
    match component {
        Some(prefix) => format!("{prefix}/{key}"),
        None => key,
    }
}

/// Refuses files that by their name are of another format.
fn refuse_by_name(path: &Path) -> Result<(), FileError> {
    if let Some(fault) = contents::refused_by_name(path) {
        return Err(fault);
    }
    let name = path.file_name().and_then(|name| name.to_str());
    let index = |name| WeightName::of_index(name).or_else(|| WeightName::of_torch_index(name));
    match name.and_then(index) {
        Some(_) => Err(FileError::IndexNamed { path: path.into() }),
        None => Ok(()),
    }
}

fn display_name(path: &Path, is_folder: bool) -> String {
    if let Some(snapshot) = Snapshot::of(path) {
        return snapshot.to_string();
    }
    // A path such as `..` has no name of its own, the folder it leads to has one.
    let full = match path.file_name() {
        Some(_) => path.to_path_buf(),
        None => std::fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf()),
    };
    let name = if is_folder {
        full.file_name()
    } else {
        full.file_stem()
    };
    name.unwrap_or(full.as_os_str())
        .to_string_lossy()
        .into_owned()
}
