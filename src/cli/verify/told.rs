//! What is told of a verification.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::checkpoint::Checkpoint;
use crate::cli::failure::Failure;
use crate::cli::{VERSION, out};
use crate::figures::{counted, human};
use crate::merge::{Difference, Verified, path_json};
use crate::recipe::Recorded;

/// Differences that are shown; JSON has all.
const SHOWN: usize = 10;

/// In lines.
pub(in crate::cli) fn text(output: &Checkpoint, verified: &Verified) -> String {
    let mut text = String::new();
    // Writing to a String cannot fail.
    for difference in verified.differences.iter().take(SHOWN) {
        let _ = writeln!(text, "{difference}");
    }
    if let Some(more) = verified.differences.len().checked_sub(SHOWN + 1) {
        let _ = writeln!(text, "and {} more: --json lists them", more + 1);
    }
    let is_value = |own: &Difference| matches!(own, Difference::Value { .. });
    if verified.differences.iter().any(is_value) {
        let _ = writeln!(
            text,
            "an input may be at fault as well: what tells it is of 64 blocks of each of its files"
        );
    }
    for file in &verified.absent {
        let _ = writeln!(text, "{}: is not there; the merge made one", file.display());
    }
    if verified.differences.is_empty() {
        let _ = writeln!(
            text,
            "{}: is what its inputs make: {}, {} computed again in {:.2} s on {}",
            output.path().display(),
            counted(verified.tensors, "tensor"),
            human(verified.bytes),
            verified.seconds,
            verified.device
        );
    }
    text
}

/// For programs.
pub(in crate::cli) fn json(
    output: &Checkpoint,
    recorded: &Recorded,
    verified: &Verified,
    notes: &[String],
) -> Value {
    let inputs = recorded.inputs.iter();
    let absent = verified.absent.iter();
    let differences = verified.differences.iter().map(|difference| {
        let mut told = difference.json();
        told["text"] = json!(difference.to_string());
        told
    });
    json!({
        "version": VERSION,
        "output": path_json(output.path()),
        "verified": verified.differences.is_empty(),
        "written_by": recorded.version,
        "inputs": inputs
            .map(|input| json!({ "name": input.name, "fingerprint": input.fingerprint }))
            .collect::<Value>(),
        "differences": differences.collect::<Value>(),
        "absent": absent.map(|file| path_json(file)).collect::<Value>(),
        "tensors": verified.tensors,
        "bytes": verified.bytes,
        "bytes_read": verified.bytes_read,
        "seconds": verified.seconds,
        "device": verified.device,
        "notes": notes,
    })
}

/// The failure of an output that is not what its inputs make.
pub(in crate::cli) fn failure(output: &Checkpoint, verified: &Verified) -> Option<Failure> {
    let count = verified.differences.len();
    let path = output.path().display().to_string();
    let name = out::escape(&path);
    let count = (count > 0).then(|| counted(count, "difference"))?;
    let text = format!("{name} is not what its inputs make: {count}");
    Some(Failure::Differs(text))
}
