//! PyTorch files: `torch.save` since 1.6 writes an archive, before it wrote pickles in a row.
//!
//! Only the list of tensors is read, by a machine for pickles that can make containers and tensors
//! and can call nothing else: no code of a file is run. What it says of tensors is checked against
//! the file; their bytes are then lent like those of any other file.
//!
//! All that a file can make grow is bounded. A pickle is read through a window ([`input`]); its
//! values take 8 MiB and 1536 bytes for each tensor at most ([`value`]), and a search among them
//! about as much again. Names are measured before they are made: together they take 4 MiB and 256
//! bytes for each tensor at most ([`names`]). Of an archive's directory only the members are kept
//! that tensors refer to ([`zip`]). So what is refused takes 16 MiB at most beside its tensors.

mod archive;
mod call;
mod code;
mod element;
mod fault;
mod global;
mod input;
mod legacy;
mod names;
mod opcode;
mod pickle;
mod place;
mod search;
mod value;
mod weights;
mod zip;

use self::archive::Archive;
use self::fault::Stop;
pub use self::fault::{TensorFault, TorchError};
use self::legacy::Legacy;
use self::pickle::Pickle;
use super::CheckpointError;
use super::file::WeightFile;
use super::header::METADATA_KEY;
use super::tensor::TensorInfo;

/// The weights of a file.
pub(super) struct Found {
    /// In the order of their bytes.
    pub(super) tensors: Vec<(String, TensorInfo)>,
    /// What was left out, where anything was.
    pub(super) note: Option<String>,
}

/// Whether a file begins as PyTorch's do. The first bytes of a safetensors file are the length of
/// its header, which may happen to look so: `{` follows it.
pub(super) fn is_torch(start: &[u8]) -> bool {
    let begins = matches!(
        start,
        [b'P', b'K', 3, 4, ..] | [0x80, 1..=5, ..] | [b'L', b'1', b'1', b'9', ..]
    );
    begins && start.get(8) != Some(&b'{')
}

/// The weights of a file, as number `number` of a checkpoint.
///
/// # Errors
/// [`CheckpointError::Torch`] with the first fault found.
pub(super) fn read(file: &WeightFile, number: usize) -> Result<Found, CheckpointError> {
    found(file, number).map_err(|stop| match stop {
        Stop::File(fault) => fault.into(),
        Stop::Torch(fault) => {
            let (path, fault) = (file.path.clone(), Box::new(fault));
            CheckpointError::Torch { path, fault }
        }
    })
}

fn found(file: &WeightFile, number: usize) -> Result<Found, Stop> {
    let mut start = [0; 2];
    file.read_at(0, &mut start)?;
    match &start {
        b"PK" => {
            let archive = Archive::open(file)?;
            placed(&archive.pickle, number, |key| archive.storage(key))
        }
        _ => {
            let legacy = Legacy::open(file)?;
            placed(&legacy.pickle, number, |key| Ok(legacy.storage(key)))
        }
    }
}

/// The weights of a pickle, with their places in the file.
fn placed(
    pickle: &Pickle,
    number: usize,
    storage: impl Fn(&str) -> Result<Option<std::ops::Range<u64>>, TorchError>,
) -> Result<Found, Stop> {
    let heap = &pickle.heap;
    let weights = weights::find(heap, pickle.root)?;
    let mut tensors = Vec::with_capacity(weights.tensors.len());
    for weight in weights.tensors {
        let key = weight.key;
        let tensor = heap.tensor(weight.tensor);
        let there = storage(heap.text(heap.storage(tensor.storage).key))?;
        let placed = match key == METADATA_KEY {
            true => Err(TensorFault::ReservedName),
            false => place::place(heap, tensor, there, number),
        };
        match placed {
            Ok(info) => tensors.push((key, info)),
            Err(fault) => return Err(TorchError::Tensor { key, fault }.into()),
        }
    }
    // The sort is stable, so that tensors that share bytes stay in the order of the pickle.
    tensors.sort_by_key(|(_, info)| info.span.start);
    let note = weights.note;
    Ok(Found { tensors, note })
}
