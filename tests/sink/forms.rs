//! Models of four tensors in all forms that an output can have, and what a loader finds of them.

use wgmerge::checkpoint::{Checkpoint, encode_header};
use wgmerge::dtype::DType;

use super::*;

/// The forms of a model of four tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Single,
    Shards(u32),
    Components,
}

pub const FORMS: [Form; 4] = [
    Form::Single,
    Form::Shards(2),
    Form::Shards(4),
    Form::Components,
];
const TENSORS: [&str; 4] = ["a", "b", "c", "d"];
const TENSOR_BYTES: u64 = 8;

/// A layout of a form, with an index where a loader wants one.
pub fn layout(root: &Path, form: Form) -> OutputLayout {
    let file = |name: String, tensors: &[&str]| {
        let spans = (0..).map(|at| at * TENSOR_BYTES..(at + 1) * TENSOR_BYTES);
        let entries = tensors.iter().zip(spans);
        let entries = entries.map(|(name, span)| (*name, &DType::U8, &[TENSOR_BYTES][..], span));
        FileLayout {
            name: name.into(),
            header: encode_header(entries, &[], 8).unwrap(),
            data_bytes: tensors.len() as u64 * TENSOR_BYTES,
        }
    };
    let side = |name: &str, text: String| SideFile {
        name: name.into(),
        content: SideContent::Bytes(text.into_bytes()),
    };
    let (files, side_files) = match form {
        Form::Single => (vec![file("model.safetensors".into(), &TENSORS)], Vec::new()),
        Form::Shards(count) => {
            let name = |at| format!("model-{:05}-of-{count:05}.safetensors", at + 1);
            let each = TENSORS.len() / count as usize;
            let shards = TENSORS.chunks(each).enumerate();
            let map = TENSORS.iter().enumerate();
            let map = map.map(|(at, tensor)| format!("\"{tensor}\":\"{}\"", name(at / each)));
            let map: Vec<String> = map.collect();
            let index = format!("{{\"weight_map\":{{{}}}}}", map.join(","));
            let shards = shards
                .map(|(at, tensors)| file(name(at), tensors))
                .collect();
            (shards, vec![side("model.safetensors.index.json", index)])
        }
        Form::Components => {
            let files = vec![
                file("unet/model.safetensors".into(), &TENSORS[..2]),
                file("vae/model.safetensors".into(), &TENSORS[2..]),
            ];
            (files, vec![side("model_index.json", "{}".into())])
        }
    };
    OutputLayout {
        root: Root::Folder(root.to_path_buf()),
        files,
        side_files,
    }
}

/// Writes an output whose tensors hold `version` in every byte.
pub fn publish(
    layout: &OutputLayout,
    version: u8,
    options: &Options,
) -> Result<wgmerge::sink::Finished, SinkError> {
    let sink = Sink::create(layout, options)?;
    for (index, file) in layout.files.iter().enumerate() {
        sink.write(index, 0, &vec![version; file.data_bytes as usize])?;
    }
    sink.finish()
}

/// What a loader finds in a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It refuses the folder.
    Refused,
    /// All tensors of one output.
    Version(u8),
    /// Tensors of several, or not all of one.
    Mixture,
}

pub fn seen(root: &Path) -> Seen {
    let Ok(checkpoint) = Checkpoint::open(root) else {
        return Seen::Refused;
    };
    let mut bytes = Vec::new();
    for info in checkpoint.tensors().values() {
        let mut tensor = vec![0; TENSOR_BYTES as usize];
        checkpoint
            .read_at(info.file, info.span.start, &mut tensor)
            .unwrap();
        bytes.extend(tensor);
    }
    let whole = bytes.len() as u64 == TENSORS.len() as u64 * TENSOR_BYTES;
    match bytes.first() {
        Some(&version) if whole && bytes.iter().all(|&byte| byte == version) => {
            Seen::Version(version)
        }
        _ => Seen::Mixture,
    }
}
