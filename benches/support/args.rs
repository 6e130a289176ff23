//! The generator's command line.

use std::path::PathBuf;
use std::str::FromStr;

/// How the generator is called.
pub const USAGE: &str = "cargo bench --bench generate -- --out DIR [--family sd15|llama|tiny] \
[--models N] [--seed S] [--position-ids]";

/// A family of checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Stable Diffusion 1.5 in F16, 2.13 GB a file.
    Sd15,
    /// TinyLlama 1.1B in BF16, 2.2 GB a file.
    Llama,
    /// The keys of Stable Diffusion 1.5 in F16 at small widths, about 1.5 MB a file.
    Tiny,
}

impl FromStr for Family {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "sd15" => Ok(Self::Sd15),
            "llama" => Ok(Self::Llama),
            "tiny" => Ok(Self::Tiny),
            _ => Err("is not one of sd15, llama, tiny".to_owned()),
        }
    }
}

/// What is to be generated.
#[derive(Clone, Debug)]
pub struct Args {
    /// The folder that receives the files; None when there is nothing to do.
    pub out: Option<PathBuf>,
    /// The key set.
    pub family: Family,
    /// The number of fine-tunes beside the base, 0 to 26.
    pub models: u8,
    /// What all values derive from.
    pub seed: u64,
    /// Whether Stable Diffusion's I64 buffer of positions is added.
    pub position_ids: bool,
}

impl Args {
    /// Reads the arguments that follow the program's name. An error is a sentence for the user.
    pub fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut args = Self {
            out: None,
            family: Family::Tiny,
            models: 2,
            seed: 0,
            position_ids: false,
        };
        let mut unknown = None;
        while let Some(flag) = arguments.next() {
            match flag.as_str() {
                // Cargo adds this one to every bench target.
                "--bench" => {}
                "--position-ids" => args.position_ids = true,
                "--out" => args.out = Some(value(&flag, arguments.next())?),
                "--family" => args.family = value(&flag, arguments.next())?,
                "--models" => args.models = value(&flag, arguments.next())?,
                "--seed" => args.seed = value(&flag, arguments.next())?,
                _ => unknown = unknown.or(Some(flag)),
            }
        }
        // Without --out this is a plain `cargo bench`, whose filters are meant for other targets.
        if let (Some(flag), Some(_)) = (unknown, &args.out) {
            return Err(format!("unknown argument {flag}; usage: {USAGE}"));
        }
        if args.models > 26 {
            return Err(format!(
                "--models {} is more than 26, one letter each",
                args.models
            ));
        }
        if args.position_ids && args.family == Family::Llama {
            return Err("--position-ids belongs to sd15 and tiny, not to llama".to_owned());
        }
        Ok(args)
    }
}

fn value<T: FromStr>(flag: &str, text: Option<String>) -> Result<T, String>
where
    T::Err: std::fmt::Display,
{
    let text = text.ok_or_else(|| format!("{flag} needs a value; usage: {USAGE}"))?;
    text.parse()
        .map_err(|reason| format!("{flag} {text}: {reason}"))
}
