//! Opens an output as the programs do that load it, and checks what they would stumble over.
//!
//! Nothing of what wrote it vouches for it here: files are mapped by memmap2 and their headers read
//! by the official crate `safetensors`, which Python's package is made of. What the files hold is
//! looked at byte by byte, in bounded memory, and nothing is computed.

mod config;
mod finite;
mod flaw;
mod index;
mod mapped;
mod sums;

use std::path::{Path, PathBuf};

use safetensors::SafeTensors;
use sha2::{Digest, Sha256};

pub use flaw::{Flaw, LoaderError};
pub use sums::Sum;

use config::Config;
use finite::Strange;
use mapped::Mapped;

/// What metadata calls the record of the merge that made a file.
pub const RECORD: &str = "wgmerge_recipe";
/// Bytes that are looked at before their pages are given back.
const BLOCK_BYTES: usize = 16 << 20;

/// What loading an output showed.
#[derive(Clone, Debug, Default)]
pub struct Loaded {
    /// Its files of weights.
    pub files: Vec<PathBuf>,
    /// Its tensors.
    pub tensors: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Hashes that were compared, and are right.
    pub hashes: usize,
    /// Whether a `config.json` was compared with the shapes.
    pub configured: bool,
    /// What is wrong.
    pub flaws: Vec<Flaw>,
    /// Infinities and NaN where the record of the merge says that they were kept.
    pub kept: Vec<Flaw>,
}

/// What a file's header says of a tensor.
#[derive(Clone, Debug)]
struct Seen {
    file: usize,
    name: String,
    dtype: safetensors::Dtype,
    shape: Vec<usize>,
    bytes: u64,
}

/// Opens an output, a file or a folder, and checks it: structure, index, the hashes that its
/// metadata records and those given, that all numbers are finite, and types and shapes against
/// `config.json`.
///
/// # Errors
/// Where there is nothing, a file cannot be read, or none of weights is there. What is wrong with
/// a file that can be read is a flaw.
pub fn load(path: &Path, sums: &[Sum]) -> Result<Loaded, LoaderError> {
    let is_folder = path.is_dir();
    let files = match is_folder {
        true => index::weights(path)?,
        false => vec![path.to_owned()],
    };
    let mut loaded = Loaded::default();
    let mut seen: Vec<Seen> = Vec::new();
    for (number, file) in files.iter().enumerate() {
        let mapped = Mapped::open(file)?;
        check_file((number, file), &mapped, &mut loaded, &mut seen);
        check_sums(file, &mapped, sums, &mut loaded);
    }
    if is_folder {
        loaded.flaws.extend(index::flaws(path, &files, &seen));
        match Config::read(path) {
            Ok(None) => {}
            Ok(Some(config)) => {
                loaded.configured = true;
                loaded.flaws.extend(config.flaws(&seen));
            }
            Err(flaw) => loaded.flaws.push(flaw),
        }
        check_others(path, &files, sums, &mut loaded)?;
    }
    loaded.tensors = seen.len();
    loaded.files = files;
    Ok(loaded)
}

/// Checks a file by itself.
fn check_file(
    (number, file): (usize, &Path),
    mapped: &Mapped,
    loaded: &mut Loaded,
    seen: &mut Vec<Seen>,
) {
    let parsed = SafeTensors::read_metadata(mapped.bytes()).and_then(|(header, metadata)| {
        let tensors = SafeTensors::deserialize(mapped.bytes())?;
        Ok((header, metadata, tensors))
    });
    let (header, metadata, tensors) = match parsed {
        Ok(parsed) => parsed,
        Err(fault) => {
            loaded.flaws.push(Flaw::Structure {
                file: file.to_owned(),
                fault: fault.to_string(),
            });
            return;
        }
    };
    let entries = metadata.metadata().clone().unwrap_or_default();
    let keeps = entries.get(RECORD).is_some_and(|text| keeps(text));
    check_hashes(file, mapped, header + LENGTH_BYTES, &entries, loaded);
    let mut named: Vec<_> = tensors.tensors();
    named.sort_by_key(|(_, view)| view.data().as_ptr());
    for (name, view) in named {
        loaded.bytes += view.data().len() as u64;
        if let Some(Strange { element, count }) = finite::strange(&view, mapped) {
            let flaws = match keeps {
                true => &mut loaded.kept,
                false => &mut loaded.flaws,
            };
            flaws.push(Flaw::NonFinite {
                file: file.to_owned(),
                tensor: name.clone(),
                element,
                count,
            });
        }
        seen.push(Seen {
            file: number,
            name,
            dtype: view.dtype(),
            shape: view.shape().to_vec(),
            bytes: view.data().len() as u64,
        });
    }
}

/// Bytes before a header, which say how long it is.
const LENGTH_BYTES: usize = 8;
/// What metadata calls the SHA-256 of all bytes behind the header.
pub const HASHES: [&str; 2] = ["modelspec.hash_sha256", "sshs_model_hash"];

/// Whether a record says that infinities and NaN are kept.
fn keeps(record: &str) -> bool {
    let record: serde_json::Value = serde_json::from_str(record).unwrap_or_default();
    record["on_nan"] == "keep"
}

/// Compares the hashes that a file's metadata records of its data.
fn check_hashes(
    file: &Path,
    mapped: &Mapped,
    data_start: usize,
    metadata: &std::collections::HashMap<String, String>,
    loaded: &mut Loaded,
) {
    for name in HASHES {
        let Some(recorded) = metadata.get(name) else {
            continue;
        };
        let wanted = recorded.trim_start_matches("0x").to_ascii_lowercase();
        let found = hash(mapped, data_start);
        match found == wanted {
            true => loaded.hashes += 1,
            false => loaded.flaws.push(Flaw::Hash {
                file: file.to_owned(),
                what: name.to_owned(),
                found,
                wanted,
            }),
        }
    }
}

/// Compares the hashes that are given of a file.
fn check_sums(file: &Path, mapped: &Mapped, sums: &[Sum], loaded: &mut Loaded) {
    let Some(sum) = Sum::of(file, sums) else {
        let file = file.to_owned();
        loaded
            .flaws
            .extend((!sums.is_empty()).then_some(Flaw::NoHash { file }));
        return;
    };
    let found = hash(mapped, 0);
    match found == sum.hash {
        true => loaded.hashes += 1,
        false => loaded.flaws.push(Flaw::Hash {
            file: file.to_owned(),
            what: "the hash given".to_owned(),
            found,
            wanted: sum.hash.clone(),
        }),
    }
}

/// Compares the hashes that are given of files beside the weights.
fn check_others(
    folder: &Path,
    files: &[PathBuf],
    sums: &[Sum],
    loaded: &mut Loaded,
) -> Result<(), LoaderError> {
    for sum in sums {
        let Some(name) = sum.file.file_name() else {
            continue;
        };
        let file = folder.join(name);
        let is_weights = files.iter().any(|own| own.file_name() == Some(name));
        // A list may be of other folders as well.
        let home = sum.file.parent().and_then(Path::file_name);
        let is_own = home.is_none() || home == folder.file_name();
        match file.is_file() {
            false if is_own && !is_weights => loaded.flaws.push(Flaw::Absent { file }),
            true if !is_weights && Sum::of(&file, sums) == Some(sum) => {
                check_sums(&file, &Mapped::open(&file)?, sums, loaded);
            }
            _ => {}
        }
    }
    Ok(())
}

/// The SHA-256 of a file from a byte on.
fn hash(mapped: &Mapped, start: usize) -> String {
    let mut hash = Sha256::new();
    for block in mapped.bytes()[start..].chunks(BLOCK_BYTES) {
        hash.update(block);
        mapped.release(block);
    }
    crate::figures::hex(&hash.finalize())
}
