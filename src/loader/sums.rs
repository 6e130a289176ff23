//! Hashes of files, as `sha256sum` lists them.

use std::path::{Path, PathBuf};

use super::LoaderError;

/// Digits of a hash.
const DIGITS: usize = 64;

/// A file's hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The SHA-256 as 64 lower-case hexadecimal digits.
    pub hash: String,
    /// The file.
    pub file: PathBuf,
}

impl Sum {
    /// Reads a list: of each line a hash, two spaces (or one and a star), and a name.
    ///
    /// # Errors
    /// A line that is none of this form.
    pub fn list(text: &str, path: &Path) -> Result<Vec<Sum>, LoaderError> {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        let sums = lines.map(|line| {
            Sum::of_line(line).ok_or_else(|| LoaderError::Sum {
                path: path.to_owned(),
                text: format!("`{}`", line.chars().take(DIGITS + 16).collect::<String>()),
            })
        });
        let sums: Vec<Sum> = sums.collect::<Result<_, LoaderError>>()?;
        match sums.is_empty() {
            true => Err(LoaderError::NoSums {
                path: path.to_owned(),
            }),
            false => Ok(sums),
        }
    }

    fn of_line(line: &str) -> Option<Sum> {
        // A line with a backslash before it has escapes in its name.
        let (line, escaped) = match line.strip_prefix('\\') {
            Some(line) => (line, true),
            None => (line, false),
        };
        let (hash, name) = line.split_at_checked(DIGITS)?;
        let name = name
            .strip_prefix("  ")
            .or_else(|| name.strip_prefix(" *"))?;
        let name = match escaped {
            true => name
                .replace("\\n", "\n")
                .replace("\\r", "\r")
                .replace("\\\\", "\\"),
            false => name.to_owned(),
        };
        let is_hash = !name.is_empty() && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
        is_hash.then(|| Sum {
            hash: hash.to_ascii_lowercase(),
            file: name.into(),
        })
    }

    /// That of a file in a list: by the end of its path, or by its name where one alone has that.
    pub fn of<'s>(file: &Path, list: &'s [Sum]) -> Option<&'s Sum> {
        let by_path = |sum: &&Sum| file.ends_with(&sum.file) || sum.file.ends_with(file);
        let by_name = |sum: &&Sum| sum.file.file_name() == file.file_name();
        let alone = match list.iter().filter(by_name).count() {
            1 => list.iter().find(by_name),
            _ => None,
        };
        list.iter().find(by_path).or(alone)
    }
}
