//! The sink: the right bytes whatever the order, threads and alignment; nothing left behind.

mod content;
mod forms;
#[cfg(target_os = "linux")]
mod linux;
mod publish;
mod refuse;
mod replace;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use wgmerge::sink::{
    DIRECT_ALIGNMENT, FileLayout, Options, OutputLayout, Root, SideContent, SideFile, Sink,
    SinkError, Staging, digest,
};

/// Every combination of the options that has a code path of its own.
fn every_way() -> Vec<Options> {
    let mut ways = Vec::new();
    for direct in [true, false] {
        for preallocate in [true, false] {
            for staging in [Staging::Unnamed, Staging::Named, Staging::Closed] {
                ways.push(Options {
                    overwrite: false,
                    direct,
                    preallocate,
                    staging,
                    ..Options::default()
                });
            }
        }
    }
    ways
}

fn one_file(path: &Path, header: &[u8], data_bytes: u64) -> OutputLayout {
    let file = FileLayout {
        name: PathBuf::new(),
        header: header.to_vec(),
        data_bytes,
    };
    OutputLayout {
        root: Root::File(path.to_path_buf()),
        files: vec![file],
        side_files: Vec::new(),
    }
}

/// A folder with a data file at the top, one in a subfolder, a copied side file and an index.
fn model_folder(path: &Path, origin: &Path) -> OutputLayout {
    let file = |name: &str, data_bytes| FileLayout {
        name: name.into(),
        header: name.as_bytes().to_vec(),
        data_bytes,
    };
    let side = |name: &str, content| SideFile {
        name: name.into(),
        content,
    };
    OutputLayout {
        root: Root::Folder(path.to_path_buf()),
        files: vec![
            file("top.safetensors", 5),
            file("unet/deep/x.safetensors", 9000),
        ],
        side_files: vec![
            side(
                "unet/config.json",
                SideContent::CopyOf {
                    origin: origin.to_path_buf(),
                    bytes: fs::metadata(origin).map_or(0, |found| found.len()),
                },
            ),
            side("model.index.json", SideContent::Bytes(b"{}".to_vec())),
        ],
    }
}

/// All files below `folder` by relative name; folders end in a slash and have no content.
fn tree(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut queue = vec![folder.to_path_buf()];
    while let Some(next) = queue.pop() {
        for entry in fs::read_dir(&next).unwrap() {
            let path = entry.unwrap().path();
            let name = path
                .strip_prefix(folder)
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            if path.is_dir() {
                found.insert(format!("{name}/"), Vec::new());
                queue.push(path);
            } else {
                found.insert(name, fs::read(path).unwrap());
            }
        }
    }
    found
}

/// A merge that writes zeros everywhere and finishes.
fn complete(
    layout: &OutputLayout,
    options: &Options,
) -> Result<wgmerge::sink::Finished, SinkError> {
    let sink = Sink::create(layout, options)?;
    for (index, file) in layout.files.iter().enumerate() {
        sink.write(index, 0, &vec![0; file.data_bytes as usize])?;
    }
    sink.finish()
}
