//! Whether an output is a file or a folder, by its name.

use std::path::{Path, PathBuf};

use crate::plan::Output;

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

/// The output of a sweep for one value, beside `output`: `out-alpha-0.3.safetensors`, or the folder
/// `out-alpha-0.3`.
///
/// # Errors
/// If the name says neither a file nor a folder, or both.
pub fn sweep_output(output: &Path, name: &str, value: f64) -> Result<PathBuf, OutputError> {
    let file_name = |name: &std::ffi::OsStr, extension: &str| {
        output.with_file_name(format!("{}{extension}", name.to_string_lossy()))
    };
    let suffix = format!("-{name}-{value}");
    Ok(match kind(output)? {
        Output::File => {
            let extension = output.extension().unwrap_or_default().to_string_lossy();
            let stem = output.file_stem().unwrap_or_default();
            file_name(stem, &format!("{suffix}.{extension}"))
        }
        Output::Folder => file_name(output.file_name().unwrap_or_default(), &suffix),
    })
}
