//! Writes one generated checkpoint as a safetensors file.
//!
//! Promise: memory is bounded by one block per thread whatever the file's size, and the file
//! appears under its name only when it is whole. Method: the header fixes every offset, then
//! threads take blocks in file order from a counter, fill them and write them at their place.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, Value, json};

use crate::support::families::{Kind, Tensor};
use crate::support::values::{Float, Stream, element_bytes};

/// The most bytes that a thread holds.
const BLOCK_BYTES: u64 = 4 << 20;

/// A generated model: everything that its bytes depend on.
pub struct Model<'a> {
    /// The state dict, in file order.
    pub tensors: &'a [Tensor],
    /// The stored type of the floating-point tensors.
    pub float: Float,
    /// The seed of the whole family of models.
    pub seed: u64,
    /// 0 for the base, from 1 for fine-tunes.
    pub number: u64,
}

/// A piece of one tensor and its place in the file, in elements and bytes.
struct Block {
    tensor: usize,
    first_element: u64,
    at_byte: u64,
    bytes: u64,
}

/// Puts tensors in the order in which safetensors files are usually saved: wide types first, then
/// by name.
pub fn file_order(tensors: &mut [Tensor]) {
    tensors.sort_by(|a, b| {
        let wide_first = element_bytes(b.kind).cmp(&element_bytes(a.kind));
        wide_first.then_with(|| a.name.cmp(&b.name))
    });
}

/// Writes `model` to `path` with `threads` threads; returns the size of the file in bytes.
pub fn write(model: &Model, path: &Path, threads: usize) -> io::Result<u64> {
    let (header, blocks, size) = layout(model);
    let partial = path.with_extension("safetensors.part");
    let mut file = File::create(&partial)?;
    file.set_len(size)?;
    file.write_all(&header)?;
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|_| scope.spawn(|| write_blocks(model, &blocks, &partial, &next)))
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| match worker.join() {
                Ok(result) => result,
                Err(panic) => std::panic::resume_unwind(panic),
            })
    })?;
    fs::rename(&partial, path)?;
    Ok(size)
}

/// The header with its length in front, the blocks, and the size of the file.
fn layout(model: &Model) -> (Vec<u8>, Vec<Block>, u64) {
    let mut header = Map::new();
    header.insert("__metadata__".to_owned(), json!({ "format": "pt" }));
    let (mut blocks, mut offset) = (Vec::new(), 0);
    for (number, tensor) in model.tensors.iter().enumerate() {
        let dtype = if tensor.kind == Kind::Index {
            "I64"
        } else {
            model.float.name()
        };
        let width = element_bytes(tensor.kind);
        let end = offset + tensor.elements() * width;
        header.insert(
            tensor.name.clone(),
            json!({ "dtype": dtype, "shape": tensor.shape, "data_offsets": [offset, end] }),
        );
        let mut at_byte = offset;
        while at_byte < end {
            let bytes = BLOCK_BYTES.min(end - at_byte);
            let first_element = (at_byte - offset) / width;
            blocks.push(Block {
                tensor: number,
                first_element,
                at_byte,
                bytes,
            });
            at_byte += bytes;
        }
        offset = end;
    }
    let mut text = Value::Object(header).to_string().into_bytes();
    // The data starts at a multiple of 8 bytes, and the padding is counted in the header's length.
    text.resize(text.len().next_multiple_of(8), b' ');
    let data_start = 8 + text.len() as u64;
    for block in &mut blocks {
        block.at_byte += data_start;
    }
    let header = [(text.len() as u64).to_le_bytes().as_slice(), &text].concat();
    (header, blocks, data_start + offset)
}

/// Fills and writes blocks until there are no more.
fn write_blocks(
    model: &Model,
    blocks: &[Block],
    path: &Path,
    next: &AtomicUsize,
) -> io::Result<()> {
    // A handle of its own gives each thread a file position of its own.
    let mut file = OpenOptions::new().write(true).open(path)?;
    let mut buffer = Vec::new();
    while let Some(block) = blocks.get(next.fetch_add(1, Ordering::Relaxed)) {
        let tensor = &model.tensors[block.tensor];
        buffer.resize(block.bytes as usize, 0);
        let stream = Stream::new(model.seed, model.number, tensor, model.float);
        stream.fill(block.first_element, &mut buffer);
        file.seek(SeekFrom::Start(block.at_byte))?;
        file.write_all(&buffer)?;
    }
    Ok(())
}
