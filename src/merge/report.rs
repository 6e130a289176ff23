//! What a merge did.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::report::Survival;

/// The account of a finished merge.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where the result is; of several, the first.
    #[serde(serialize_with = "serialize_path")]
    pub output: PathBuf,
    /// How many results there are.
    pub outputs: usize,
    /// The device that computed, and what took over if it failed.
    pub device: String,
    /// Bytes read from the models.
    pub bytes_read: u64,
    /// Bytes of the output.
    pub bytes_written: u64,
    /// From the first read to the published output.
    pub seconds: f64,
    /// Time in which at least one read was under way.
    pub seconds_reading: f64,
    /// Time in which at least one write or the final sync was under way.
    pub seconds_writing: f64,
    /// The time taken, as a multiple of the floor: of its reading and writing one after the other.
    /// Below 1 they overlapped so well that the merge was faster than a copy of its bytes.
    pub floor_ratio: f64,
    /// Tensors that were computed.
    pub computed: usize,
    /// Tensors whose bytes were copied.
    pub copied: usize,
    /// Tensors that are stored as codes and scales; of several outputs, those of each.
    pub coded: usize,
    /// Those of them whose codes are the base's, byte for byte, as nothing of them changed.
    pub carried: usize,
    /// Results that their type could not hold and that were stored as `--on-overflow` says.
    pub overflowed_values: u64,
    /// Tensors that hold such results; of several outputs, those of each.
    pub overflowed_tensors: usize,
    /// What is in the outputs of the changes that were computed; None where nothing was measured.
    pub survival: Option<Survival>,
    /// The same of each output.
    pub survival_by_output: Vec<Option<Survival>>,
    /// Whether that was measured of a sample of the values.
    pub sampled: bool,
    /// Tensors that were computed and of which no change is measured: the merge reads no tensor of
    /// their form of the base.
    pub unmeasured: usize,
    /// Tensors of which nothing of the change is left, though one was computed.
    pub unchanged: usize,
    /// Models that an output would be the same without: all that was read of them is the base's, or
    /// zero, or nothing was read.
    #[serde(serialize_with = "serialize_paths")]
    pub idle: Vec<PathBuf>,
    /// What was measured of each tensor of each output, those of a tensor together.
    #[serde(skip)]
    pub changes: Vec<Option<Survival>>,
    /// Files of an earlier output that went.
    pub removed: Vec<String>,
    /// Folders that were replaced and could not be removed whole.
    pub left: Vec<String>,
}

/// A path as JSON: a string, or where it is no UTF-8 `{"lossy": TEXT, "bytes": [BYTE, ...]}`, from
/// which the path can be told.
pub fn path_json(path: &Path) -> serde_json::Value {
    match path.to_str() {
        Some(text) => text.into(),
        None => serde_json::json!({
            "lossy": path.to_string_lossy(),
            "bytes": path.as_os_str().as_encoded_bytes(),
        }),
    }
}

fn serialize_path<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    path_json(path).serialize(serializer)
}

fn serialize_paths<S: Serializer>(paths: &[PathBuf], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(paths.iter().map(|path| path_json(path)))
}

impl Report {
    /// Sets the times and what follows from them.
    pub(super) fn time(&mut self, total: Duration, reading: Duration, writing: Duration) {
        self.seconds = total.as_secs_f64();
        self.seconds_reading = reading.as_secs_f64();
        self.seconds_writing = writing.as_secs_f64();
        let floor = self.seconds_reading + self.seconds_writing;
        self.floor_ratio = self.seconds / floor.max(1e-9);
    }
}
