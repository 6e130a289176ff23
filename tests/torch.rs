//! PyTorch files: what torch.save writes is read as torch.load reads it, and what is no list of
//! weights is refused. The files and what torch made of them are in `tests/data/torch`.

mod bounded;
mod choice;
mod folders;
mod fuzz;
mod gathered;
mod golden;
mod hostile;
mod refusals;
mod strided;

use std::path::{Path, PathBuf};
use std::process::Output;

use wgmerge::checkpoint::Checkpoint;

use crate::support::command::run;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/torch");

fn data(name: &str) -> PathBuf {
    Path::new(DATA).join(name)
}

fn wgmerge(arguments: &[&str]) -> Output {
    run(Path::new(DATA), arguments)
}

/// A tensor with its bytes in the order of its dimensions.
#[derive(Debug, PartialEq)]
struct Tensor {
    key: String,
    dtype: String,
    shape: Vec<u64>,
    bytes: Vec<u8>,
}

/// All tensors of a checkpoint, by name.
fn tensors(path: &Path) -> Vec<Tensor> {
    let checkpoint = Checkpoint::open(path).unwrap_or_else(|fault| panic!("{fault}"));
    all(&checkpoint)
}

fn all(checkpoint: &Checkpoint) -> Vec<Tensor> {
    let mut tensors: Vec<Tensor> = checkpoint
        .tensors()
        .iter()
        .map(|(key, info)| {
            let mut bytes = vec![0; info.bytes() as usize];
            let read = checkpoint.read_elements(info, 0, &mut bytes);
            read.expect("what was opened can be read");
            Tensor {
                key: key.clone(),
                dtype: info.dtype.to_string(),
                shape: info.shape.to_vec(),
                bytes,
            }
        })
        .collect();
    tensors.sort_by(|a, b| a.key.cmp(&b.key));
    tensors
}

/// The message of opening a file, without its path.
fn message(path: &Path) -> String {
    let fault = Checkpoint::open(path).expect_err("it is refused");
    let message = fault.to_string();
    let start = format!("{}: ", path.display());
    let rest = message.strip_prefix(&start);
    rest.unwrap_or_else(|| panic!("{message} does not name {start}"))
        .to_owned()
}
