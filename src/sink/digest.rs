//! The fingerprint of a file, for the report.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::figures::hex;

/// Bytes read at a time.
const BLOCK_BYTES: usize = 1 << 20;

/// The SHA-256 of the file at `path` as 64 lower-case hexadecimal digits.
///
/// Reads the file once, from its start, through a buffer of 1 MiB.
///
/// # Errors
/// What the system says when the file cannot be opened or read.
pub fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut block = vec![0; BLOCK_BYTES];
    let mut hasher = Sha256::new();
    loop {
        match file.read(&mut block) {
            Ok(0) => break,
            Ok(count) => hasher.update(&block[..count]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(hex(&hasher.finalize()))
}
