//! Texts that are read as a whole: recipes, model configs and block weights.

use std::io::Read;
use std::path::Path;

use super::failure::Failure;
use super::out;

/// Bytes of a text at most. A recipe of thousands of merges is a tenth of it.
const TEXT_MAX: u64 = 16 << 20;

/// Reads a file.
pub(super) fn read(path: &Path) -> Result<String, Failure> {
    let name = out::escape(&path.display().to_string()).into_owned();
    let file = std::fs::File::open(path)
        .map_err(|fault| Failure::input(format!("cannot read {name}: {fault}")))?;
    read_from(file, &name)
}

/// Whether a file begins as safetensors files do: the length of a header, then the header.
fn is_checkpoint(bytes: &[u8]) -> bool {
    bytes.get(4..9).is_some_and(|at| at == b"\0\0\0\0{")
}

/// Reads to the end of what is called `name` in messages.
pub(super) fn read_from(from: impl Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(TEXT_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|fault| Failure::input(format!("cannot read {name}: {fault}")))?;
    if is_checkpoint(&bytes) {
        let message = format!("{name} is a checkpoint, not a text");
        let hint = "a merge of checkpoints needs a method: --method linear, for one";
        return Err(Failure::usage(&message, Some(hint.to_owned())));
    }
    if bytes.len() as u64 > TEXT_MAX {
        let message = format!(
            "{name} is larger than {} MiB, which no recipe, model config or list of blocks is",
            TEXT_MAX >> 20
        );
        return Err(Failure::input(message));
    }
    // Some editors begin a text with a mark of its bytes' order.
    if bytes.starts_with("\u{feff}".as_bytes()) {
        bytes.drain(.."\u{feff}".len());
    }
    String::from_utf8(bytes).map_err(|fault| {
        let at = fault.utf8_error().valid_up_to();
        Failure::input(format!("{name} is no text: byte {at} is not UTF-8"))
    })
}
