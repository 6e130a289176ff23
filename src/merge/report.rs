//! What a merge did.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// The account of a finished merge.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Where the result is; of several, the first.
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
    /// Reading and writing one after the other, as a share of the time taken. Above 1 the two
    /// overlapped so well that the merge was faster than a copy of its bytes.
    pub floor_share: f64,
    /// Tensors that were computed.
    pub merged: usize,
    /// Tensors that were copied.
    pub copied: usize,
}

impl Report {
    /// Sets the times and what follows from them.
    pub(super) fn time(&mut self, total: Duration, reading: Duration, writing: Duration) {
        self.seconds = total.as_secs_f64();
        self.seconds_reading = reading.as_secs_f64();
        self.seconds_writing = writing.as_secs_f64();
        self.floor_share = (self.seconds_reading + self.seconds_writing) / self.seconds.max(1e-9);
    }
}
