//! Whether an output is a file or a folder, by its name.

use std::path::{Path, PathBuf};

use crate::plan::Output;
use crate::recipe::Sweep;
use crate::recipe::average::Average;

/// The extensions of output files, in any case.
const FILES: &[&str] = &["safetensors", "sft"];

/// An output whose name is neither that of a file nor that of a folder.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// Standard output was meant.
    #[error(
        "the output `-` would be standard output, which wgmerge cannot write to; give a name that \
         ends in .safetensors, or `./-/` for a folder of this name"
    )]
    Standard,
    /// It ends in an extension that is not that of safetensors files.
    #[error(
        "{output}: `.{extension}` is no file that wgmerge writes; a file's name ends in \
         .safetensors or .sft, a folder's in / (`{output}/`)"
    )]
    Extension {
        /// The output.
        output: PathBuf,
        /// What it ends in.
        extension: String,
    },
    /// A file's name is followed by a slash.
    #[error(
        "{output}: `.{extension}` makes it a file and the slash behind it a folder; leave one of \
         them out"
    )]
    Both {
        /// The output.
        output: PathBuf,
        /// What its name ends in.
        extension: String,
    },
}

/// What `output` is. A name that ends in `.safetensors` or `.sft` is a file. One that ends in a
/// slash, that exists as a folder, or that has no extension is a folder; what follows a dot and
/// begins with a digit is no extension, as in `Llama-3.1-8B`.
pub(super) fn kind(output: &Path) -> Result<Output, OutputError> {
    if output == Path::new("-") {
        return Err(OutputError::Standard);
    }
    let bytes = output.as_os_str().as_encoded_bytes();
    let slashed = bytes.last().is_some_and(|&byte| is_separator(byte));
    let extension = output.extension().unwrap_or_default().to_string_lossy();
    let is_file = FILES
        .iter()
        .any(|file| extension.eq_ignore_ascii_case(file));
    let (extension, output) = (extension.into_owned(), output.to_path_buf());
    match (is_file, slashed) {
        (true, true) if output.is_dir() => Ok(Output::Folder),
        (true, true) => Err(OutputError::Both { output, extension }),
        (true, false) => Ok(Output::File),
        (false, true) => Ok(Output::Folder),
        (false, false) if is_none(&extension) || output.is_dir() => Ok(Output::Folder),
        (false, false) => Err(OutputError::Extension { output, extension }),
    }
}

/// Whether what a name ends in is part of it rather than an extension.
fn is_none(extension: &str) -> bool {
    extension.is_empty() || extension.starts_with(|first: char| first.is_ascii_digit())
}

fn is_separator(byte: u8) -> bool {
    std::path::is_separator(char::from(byte))
}

/// The outputs of a sweep, in the order of its values, beside `output`:
/// `out-alpha-0.3.safetensors`, or the folder `out-alpha-0.3`.
///
/// # Errors
/// If the name says neither a file nor a folder, or both.
pub fn sweep_outputs(output: &Path, sweep: &Sweep) -> Result<Vec<PathBuf>, OutputError> {
    let kind = kind(output)?;
    let one = |value: &f64| beside(output, &kind, &format!("-{}-{value}", sweep.name()));
    Ok(sweep.values().iter().map(one).collect())
}

/// What stands for the number of checkpoints in the name of an output.
const WINDOW: &str = "{window}";

/// The outputs of an average, in the order of its windows: `output` with the number of checkpoints
/// in the place of `{window}`, or beside it, `out-window-8.safetensors`; of an average without
/// windows, `output` itself unless it has that place.
///
/// # Errors
/// As [`sweep_outputs`].
pub fn window_outputs(output: &Path, average: &Average) -> Result<Vec<PathBuf>, OutputError> {
    let named = output.to_str().filter(|text| text.contains(WINDOW));
    if average.windows().is_empty() && named.is_none() {
        return Ok(vec![output.to_owned()]);
    }
    let one = |window: &usize| match named {
        Some(text) => Ok(text.replace(WINDOW, &window.to_string()).into()),
        None => Ok(beside(output, &kind(output)?, &format!("-window-{window}"))),
    };
    average.spans().iter().map(one).collect()
}

/// The path of an output with more behind its name.
fn beside(output: &Path, kind: &Output, suffix: &str) -> PathBuf {
    let (stem, extension) = match kind {
        Output::File => {
            let extension = output.extension().unwrap_or_default().to_string_lossy();
            (output.file_stem(), format!(".{extension}"))
        }
        Output::Folder => (output.file_name(), String::new()),
    };
    let stem = stem.unwrap_or_default().to_string_lossy();
    output.with_file_name(format!("{stem}{suffix}{extension}"))
}
