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

/// Reads to the end of what is called `name` in messages.
pub(super) fn read_from(from: impl Read, name: &str) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    from.take(TEXT_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|fault| Failure::input(format!("cannot read {name}: {fault}")))?;
    if bytes.len() as u64 > TEXT_MAX {
        let message = format!(
            "{name} is larger than {} MiB, which no recipe, model config or list of blocks is",
            TEXT_MAX >> 20
        );
        return Err(Failure::input(message));
    }
    String::from_utf8(bytes).map_err(|fault| {
        let at = fault.utf8_error().valid_up_to();
        Failure::input(format!("{name} is no text: byte {at} is not UTF-8"))
    })
}
