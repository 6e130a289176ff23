//! A short name for what a checkpoint holds.
//!
//! Hashing every byte of a large model takes longer than merging it. A fingerprint is the SHA-256
//! of the files' sizes and headers and of blocks spread evenly over their data: it tells fine-tunes
//! of one model apart, because training changes all of a tensor, and costs a few milliseconds. It
//! is no proof against a forger.

use sha2::{Digest, Sha256};

use super::{Checkpoint, CheckpointError};
use crate::figures::hex;

/// Blocks read of each file.
const BLOCKS: u64 = 64;
/// Bytes of a block.
const BLOCK_BYTES: u64 = 1024;

impl Checkpoint {
    /// The fingerprint as hexadecimal digits.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn fingerprint(&self) -> Result<String, CheckpointError> {
        let mut hash = Sha256::new();
        let mut block = vec![0; BLOCK_BYTES as usize];
        for (number, file) in self.files().iter().enumerate() {
            hash.update(file.len.to_le_bytes());
            hash.update(file.data_start.to_le_bytes());
            let data = file.len - file.data_start;
            let step = (data / BLOCKS).max(BLOCK_BYTES);
            for begin in (0..data).step_by(step as usize) {
                let len = BLOCK_BYTES.min(data - begin) as usize;
                self.read_at(number, file.data_start + begin, &mut block[..len])?;
                hash.update(&block[..len]);
            }
        }
        for (name, info) in self.tensors() {
            hash.update(name.as_bytes());
            hash.update(info.dtype.name().as_bytes());
            for dimension in &info.shape {
                hash.update(dimension.to_le_bytes());
            }
            // Where there is no header with spans that follow each other.
            if self.files()[info.file].data_start == 0 {
                let strides = info.strides.as_deref().unwrap_or_default();
                for number in [info.span.start].iter().chain(strides) {
                    hash.update(number.to_le_bytes());
                }
            }
        }
        Ok(hex(&hash.finalize()))
    }
}
