//! An adapter's file and its strength, as a user writes them.

use std::path::{Path, PathBuf};
use std::str::FromStr;

/// An adapter's file and what its deltas are multiplied with.
#[derive(Clone, Debug, PartialEq)]
pub struct Lora {
    /// The file.
    pub path: PathBuf,
    /// The factor.
    pub strength: f64,
}

impl FromStr for Lora {
    type Err = String;

    /// Reads `FILE` or `FILE:STRENGTH`. What follows the last colon is a strength if it is a
    /// number: a drive's colon (`C:\x`) is not followed by one.
    fn from_str(text: &str) -> Result<Lora, String> {
        let whole = Lora {
            path: text.into(),
            strength: 1.0,
        };
        let Some((path, number)) = text.rsplit_once(':') else {
            return Ok(whole);
        };
        match number.parse::<f64>() {
            Ok(strength) if !strength.is_finite() => Err("the strength must be finite".to_owned()),
            Ok(_) if path.is_empty() => Err("there is no file before the strength".to_owned()),
            Ok(strength) => Ok(Lora {
                path: path.into(),
                strength,
            }),
            Err(_) if Path::new(path).exists() && !whole.path.exists() => Err(format!(
                "the strength `{number}` is no number, as in {path}:0.8"
            )),
            Err(_) => Ok(whole),
        }
    }
}
