//! Makes Rust of the shared shader files: the same text, each function to be inlined. A loop whose
//! body calls functions that are not compiled with it does not become vector instructions.

use std::io::Result;
use std::path::{Path, PathBuf};

/// The folders of the files that are WGSL as well as Rust.
const FOLDERS: [&str; 3] = ["codec", "formula", "guard"];

fn main() -> Result<()> {
    let of = |variable: &str| std::env::var_os(variable).map(PathBuf::from);
    let (Some(own), Some(out)) = (of("CARGO_MANIFEST_DIR"), of("OUT_DIR")) else {
        return Err(std::io::Error::other("cargo says no folders"));
    };
    for folder in FOLDERS {
        let from = own.join("shaders").join(folder);
        println!("cargo::rerun-if-changed={}", from.display());
        translate(&from, &out.join(folder))?;
    }
    Ok(())
}

/// Writes the files of a folder to another.
fn translate(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        let mut rust = String::new();
        for line in std::fs::read_to_string(&path)?.lines() {
            if line.starts_with("fn ") {
                rust.push_str("#[inline(always)]\n");
            }
            rust.push_str(line);
            rust.push('\n');
        }
        std::fs::write(to.join(name).with_extension("rs"), rust)?;
    }
    Ok(())
}
