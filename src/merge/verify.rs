//! Verifying an output: it is computed again, and compared instead of written.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::checked::Checked;
use super::verified::{Difference, Verified};
use super::{Merge, MergeError, Progress};
use crate::checkpoint::{CARD, Checkpoint};
use crate::plan::OutputId;
use crate::sink::{SideContent, SideFile};

/// Bytes of files besides weights that are compared at a time.
const BLOCK_BYTES: usize = 64 << 10;

impl Merge {
    /// Computes the merge and compares each byte with an output that is there: tensor by tensor,
    /// wherever they lie in it, and the files beside them. Writes nothing. When `cancel` is set it
    /// stops.
    ///
    /// The card is not compared, which people write on, and metadata neither.
    ///
    /// # Errors
    /// Where a model or the output cannot be read or changes meanwhile, where values are at fault
    /// that a merge would refuse, and where it was stopped. A difference is none.
    pub fn verify(
        &self,
        output: &Checkpoint,
        progress: &dyn Progress,
        cancel: &AtomicBool,
    ) -> Result<Verified, MergeError> {
        let begun = Instant::now();
        let shared = self.shared(progress, cancel);
        let (checked, mut differences) = Checked::new(self.plan(), output);
        let checked = [checked];
        self.run_passes(&shared, &checked)?;
        shared.check_unchanged()?;
        let [checked] = checked;
        differences.extend(checked.differences());
        let mut absent = Vec::new();
        for file in output.left_out() {
            let file = output.path().join(file);
            differences.push(Difference::Extra { file });
        }
        if output.is_folder() {
            // What a text says that flags may leave out, which no record has.
            let excused = self.recipe().folder.is_some();
            for side in self.layout(OutputId::FIRST)?.side_files {
                let file = output.path().join(&side.name);
                if side.name == Path::new(CARD) {
                    continue;
                }
                match is_same(&file, &side) {
                    Ok(true) => {}
                    Ok(false) => differences.push(Difference::Beside { file }),
                    Err(fault) if fault.kind() != io::ErrorKind::NotFound => {
                        differences.push(Difference::Beside { file });
                    }
                    Err(_) if excused && !is_index(&file) => absent.push(file),
                    Err(_) => differences.push(Difference::Gone { file }),
                }
            }
        }
        let files = self.plan().files.iter();
        Ok(Verified {
            device: self.device_name(&shared),
            tensors: self.plan().report.merged + self.plan().report.copied,
            bytes: files.map(|file| file.data_bytes).sum(),
            bytes_read: shared.bytes_read.load(Ordering::Relaxed),
            seconds: begun.elapsed().as_secs_f64(),
            differences,
            absent,
        })
    }
}

/// Whether a file is an index of weights by its name.
fn is_index(file: &Path) -> bool {
    let name = file.as_os_str().as_encoded_bytes();
    name.ends_with(b".index.json")
}

/// Whether a file has the content that it should.
fn is_same(file: &Path, side: &SideFile) -> io::Result<bool> {
    if !std::fs::metadata(file)?.is_file() {
        return Ok(false);
    }
    let file = File::open(file)?;
    let mut against = Against {
        file: BufReader::with_capacity(BLOCK_BYTES, file),
        differs: false,
    };
    match &side.content {
        // What was measured is in it, and depends on how much was.
        SideContent::Later { .. } => return Ok(true),
        SideContent::Bytes(bytes) => against.write_all(bytes)?,
        SideContent::Made { text, .. } => text.write(&mut against)?,
        SideContent::CopyOf { origin, .. } => {
            let origin = File::open(origin).map_err(io::Error::other)?;
            io::copy(
                &mut BufReader::with_capacity(BLOCK_BYTES, origin),
                &mut against,
            )?;
        }
    }
    let rest = against.file.read(&mut [0])?;
    Ok(!against.differs && rest == 0)
}

/// A file that what is written is compared with.
struct Against {
    file: BufReader<File>,
    differs: bool,
}

impl Write for Against {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut own = vec![0; bytes.len().min(BLOCK_BYTES)];
        for expected in bytes.chunks(BLOCK_BYTES) {
            let own = &mut own[..expected.len()];
            self.differs = self.differs || self.file.read_exact(own).is_err() || own != expected;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
