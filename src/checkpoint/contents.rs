//! What a file of weights holds, whatever its format. Its first bytes tell the format, not its
//! name.

use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::CheckpointError;
use super::convention::Coded;
use super::fault::HeaderError;
use super::file::{FileError, WeightFile};
use super::gguf;
use super::header::{HEADER_BYTES_MAX, Header, LENGTH_BYTES};
use super::name::WeightName;
use super::parse::parse_header;
use super::tensor::TensorInfo;
use super::torch;

/// The tensors of one file.
pub(super) struct Contents {
    /// In the order of their bytes.
    pub(super) tensors: Vec<(String, TensorInfo)>,
    /// The free text of its header.
    pub(super) metadata: IndexMap<String, String>,
    /// Tensors that are stored as blocks of codes.
    pub(super) coded: Vec<(String, Coded)>,
    /// What is passed over, where anything is.
    pub(super) note: Option<String>,
}

/// Opens `path` as file number `number` of a checkpoint and reads what it holds.
pub(super) fn open(
    path: &Path,
    relative: &Path,
    number: usize,
) -> Result<(WeightFile, Contents), CheckpointError> {
    let mut file = WeightFile::open(path, relative)?;
    let (path, bytes) = (file.path.clone(), file.len);
    if bytes < LENGTH_BYTES {
        return Err(FileError::TooShort { path, bytes }.into());
    }
    let mut start = vec![0; bytes.min(LENGTH_BYTES + 1) as usize];
    file.read_at(0, &mut start)?;
    if torch::is_torch(&start) {
        let torch::Found { tensors, note } = torch::read(&file, number)?;
        let metadata = IndexMap::new();
        return Ok((
            file,
            Contents {
                tensors,
                metadata,
                coded: Vec::new(),
                note,
            },
        ));
    }
    if gguf::is_gguf(&start) {
        let gguf::Found { tensors, coded } = gguf::read(&file, number)?;
        let contents = Contents {
            tensors,
            coded,
            metadata: IndexMap::new(),
            note: None,
        };
        return Ok((file, contents));
    }
    let mut length = [0; LENGTH_BYTES as usize];
    length.copy_from_slice(&start[..LENGTH_BYTES as usize]);
    let header = read_header(&mut file, length)?;
    let data_start = file.data_start;
    let tensors = header.tensors.into_iter().map(|(key, entry)| {
        let info = TensorInfo {
            dtype: entry.dtype,
            shape: entry.shape,
            file: number,
            // Within the file, as the header was checked against its length.
            span: data_start + entry.span.start..data_start + entry.span.end,
            strides: None,
            coding: None,
        };
        (key, info)
    });
    let contents = Contents {
        tensors: tensors.collect(),
        metadata: header.metadata,
        coded: Vec::new(),
        note: header.ignored.map(|ignored| ignored.to_string()),
    };
    Ok((file, contents))
}

/// Reads the header of a safetensors file and sets `data_start`.
fn read_header(file: &mut WeightFile, start: [u8; 8]) -> Result<Header, FileError> {
    let (path, bytes) = (file.path.clone(), file.len);
    let length = u64::from_le_bytes(start);
    if length > HEADER_BYTES_MAX {
        return Err(match is_tar(file)? {
            true => foreign(path, TAR),
            false => explain_start(path, &start),
        });
    }
    file.data_start = LENGTH_BYTES + length;
    let Some(data_bytes) = bytes.checked_sub(file.data_start) else {
        let end = file.data_start;
        return Err(FileError::HeaderBeyondFile { path, end, bytes });
    };
    // The header is in the file and within the limit, so this is no trust in its length.
    let mut json = vec![0; length as usize];
    file.read_at(LENGTH_BYTES, &mut json)?;
    parse_header(&json, data_bytes).map_err(|fault| FileError::Header { path, fault })
}

/// Whether it is a tar archive, as PyTorch wrote them at first.
fn is_tar(file: &WeightFile) -> Result<bool, FileError> {
    const MAGIC: &[u8] = b"ustar";
    const PLACE: u64 = 257;
    let mut found = [0; MAGIC.len()];
    if file.len < PLACE + MAGIC.len() as u64 {
        return Ok(false);
    }
    file.read_at(PLACE, &mut found)?;
    Ok(found == MAGIC)
}

/// The error for a file whose first bytes are no plausible header length.
fn explain_start(path: PathBuf, start: &[u8; 8]) -> FileError {
    let name = path.file_name().and_then(|name| name.to_str());
    match start {
        b"version " => FileError::LfsPointer { path },
        _ if name.is_some_and(WeightName::is_gguf) => FileError::NotGguf { path },
        _ if name.is_some_and(WeightName::is_torch) => FileError::NotTorch { path },
        _ => {
            let bytes = u64::from_le_bytes(*start);
            let fault = HeaderError::TooLong { bytes };
            FileError::Header { path, fault }
        }
    }
}

/// A format that is not read, and the way from it to safetensors.
type Format = (&'static str, &'static str);

const PICKLE: Format = (
    "pickle",
    "with Python: load it, and save its tensors with `safetensors.torch.save_file`",
);
const TAR: Format = (
    "tar",
    "with Python: load it with torch, and save its tensors with `safetensors.torch.save_file`",
);

fn foreign(path: PathBuf, (format, way): Format) -> FileError {
    FileError::Foreign { path, format, way }
}

/// The error for a file that by its name is of a format that is not read.
pub(super) fn refused_by_name(path: &Path) -> Option<FileError> {
    let extension = path.extension()?.to_str()?.to_ascii_lowercase();
    let format = match extension.as_str() {
        "pkl" | "pickle" => PICKLE,
        _ => return None,
    };
    Some(foreign(path.to_path_buf(), format))
}
