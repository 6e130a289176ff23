//! `wgmerge verify --quick`: whether an output can be loaded.

use serde_json::{Value, json};

use crate::cli::args::VerifyArgs;
use crate::cli::failure::Failure;
use crate::cli::out::{self, Kind};
use crate::cli::{VERSION, text};
use crate::figures::{counted, human};
use crate::loader::{self, Flaw, Loaded, LoaderError, Sum};
use crate::merge::path_json;

/// Flaws that are shown; JSON has all.
const SHOWN: usize = 20;

/// Checks an output.
pub(super) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let failed = |fault: LoaderError| Failure::input(fault.to_string());
    let sums = match &args.hashes {
        None => Vec::new(),
        Some(path) => Sum::list(&text::read(path)?, path).map_err(failed)?,
    };
    let loaded = loader::load(&args.output, &sums).map_err(failed)?;
    match args.json {
        true => out::print_json(&told(args, &loaded))?,
        false => out::print(&out::escape_lines(&shown(args, &loaded)))?,
    }
    if !args.quiet && !args.json {
        for kept in loaded.kept.iter().take(SHOWN) {
            out::say(
                Kind::Note,
                &format!("{kept}: its record says that such values were kept"),
            );
        }
    }
    let count = loaded.flaws.len();
    let path = args.output.display().to_string();
    match count {
        0 => Ok(()),
        _ => Err(Failure::Differs(format!(
            "{}: {} found",
            out::escape(&path),
            counted(count, "fault")
        ))),
    }
}

fn shown(args: &VerifyArgs, loaded: &Loaded) -> String {
    let lines = loaded.flaws.iter().take(SHOWN);
    let mut text: String = lines.map(|flaw| format!("{flaw}\n")).collect();
    if let Some(more) = loaded.flaws.len().checked_sub(SHOWN + 1) {
        text += &format!("and {} more: --json lists them\n", more + 1);
    }
    if loaded.flaws.is_empty() {
        let hashes = match loaded.hashes {
            0 => String::new(),
            some => format!(", {} right", counted(some, "hash")),
        };
        let config = match loaded.configured {
            true => ", as config.json says",
            false => "",
        };
        text += &format!(
            "{}: can be loaded: {} in {}, {}, all finite{config}{hashes}\n",
            args.output.display(),
            counted(loaded.tensors, "tensor"),
            counted(loaded.files.len(), "file"),
            human(loaded.bytes)
        );
    }
    text
}

fn told(args: &VerifyArgs, loaded: &Loaded) -> Value {
    let texts = |flaws: &[Flaw]| flaws.iter().map(|flaw| json!(flaw.to_string())).collect();
    let (flaws, kept): (Value, Value) = (texts(&loaded.flaws), texts(&loaded.kept));
    json!({
        "version": VERSION,
        "output": path_json(&args.output),
        "loads": loaded.flaws.is_empty(),
        "flaws": flaws,
        "kept_non_finite": kept,
        "files": loaded.files.iter().map(|file| path_json(file)).collect::<Value>(),
        "tensors": loaded.tensors,
        "bytes": loaded.bytes,
        "hashes": loaded.hashes,
        "configured": loaded.configured,
    })
}
