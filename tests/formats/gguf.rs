//! Files of GGUF: what their headers say, and every way they can be wrong.

use std::fs;

use wgmerge::checkpoint::Checkpoint;
use wgmerge::checkpoint::convention::Convention;
use wgmerge::dtype::DType;
use wgmerge::format::{Format, Gguf};

use super::bytes::Scratch;

/// A tensor as a header lists it: its name, its dimensions with the fastest first, the number of
/// its type, and where it begins.
type Listed<'a> = (&'a str, &'a [u64], u32, u64);

fn text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend((text.len() as u64).to_le_bytes());
    bytes.extend(text.as_bytes());
}

/// The beginning of a file.
fn begin(version: u32, tensors: u64, fields: u64) -> Vec<u8> {
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(version.to_le_bytes());
    bytes.extend(tensors.to_le_bytes());
    bytes.extend(fields.to_le_bytes());
    bytes
}

/// A field that is an array of 32-bit integers.
fn sizes(bytes: &mut Vec<u8>, name: &str, sizes: &[i32]) {
    text(bytes, name);
    bytes.extend([9, 0, 0, 0, 5, 0, 0, 0]);
    bytes.extend((sizes.len() as u64).to_le_bytes());
    bytes.extend(sizes.iter().flat_map(|size| size.to_le_bytes()));
}

/// The bytes of a file with these tensors behind a header so far, and so many bytes of data.
fn end(mut bytes: Vec<u8>, tensors: &[Listed<'_>], data: usize) -> Vec<u8> {
    for (name, dimensions, kind, offset) in tensors {
        text(&mut bytes, name);
        bytes.extend((dimensions.len() as u32).to_le_bytes());
        bytes.extend(dimensions.iter().flat_map(|size| size.to_le_bytes()));
        bytes.extend(kind.to_le_bytes());
        bytes.extend(offset.to_le_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    bytes.resize(bytes.len() + data, 1);
    bytes
}

fn file(tensors: &[Listed<'_>], data: usize) -> Vec<u8> {
    end(begin(3, tensors.len() as u64, 0), tensors, data)
}

fn opened(bytes: &[u8]) -> Checkpoint {
    let scratch = Scratch::new();
    let path = scratch.put("m.gguf", bytes);
    Checkpoint::open(&path).expect("a sound file")
}

fn fault(bytes: &[u8]) -> String {
    let scratch = Scratch::new();
    scratch.put("m.gguf", bytes);
    scratch.message_of("m.gguf")
}

#[test]
fn numbers_are_tensors_and_blocks_are_codes() {
    let tensors: [Listed<'_>; 3] = [
        ("b", &[32, 2], 8, 32),
        ("a", &[3, 2], 1, 0),
        ("c", &[4], 26, 128),
    ];
    let found = opened(&file(&tensors, 144));
    let keys: Vec<&String> = found.tensors().keys().collect();
    assert_eq!(keys, ["a", "b", "c"]);
    let a = found.get("a").expect("it");
    assert_eq!((a.dtype, &*a.shape), (DType::F16, [2, 3].as_slice()));
    assert_eq!(found.get("c").expect("it").dtype, DType::I32);
    let b = found.get("b").expect("it");
    assert_eq!((b.dtype, &*b.shape), (DType::U8, [68].as_slice()));
    let coded = found.coded("b").expect("it");
    assert_eq!(coded.format, Format::Gguf(Gguf::Q8_0));
    assert_eq!(coded.convention, Convention::Gguf);
    assert_eq!(&*coded.shape, [2, 32]);
    assert_eq!(found.coded("a"), None);
    assert_eq!(found.check_decoded(), Ok(()));
}

#[test]
fn true_dimensions_are_restored() {
    let mut start = begin(2, 1, 1);
    sizes(&mut start, "comfy.gguf.orig_shape.a", &[2, 1, 2, 2]);
    let found = opened(&end(start, &[("a", &[4, 2], 0, 0)], 32));
    assert_eq!(&*found.get("a").expect("it").shape, [2, 1, 2, 2]);
    let mut start = begin(3, 1, 1);
    sizes(&mut start, "comfy.gguf.orig_shape.a", &[3, 2]);
    let message = fault(&end(start, &[("a", &[4, 2], 0, 0)], 32));
    assert!(message.contains("orig_shape.a` says [3, 2]"), "{message}");
}

#[test]
fn what_is_wrong_is_named() {
    let huge = 1 << 40;
    let cases: [(Vec<u8>, &str); 12] = [
        (begin(1, 0, 0), "is GGUF of version 1"),
        (begin(3 << 24, 0, 0), "big-endian"),
        (begin(3, 1 << 60, 0), "the limit is 500000"),
        (begin(3, 400_000, 0), "counts 400000 tensors, and 0 bytes"),
        (begin(3, 0, 1 << 60), "fields, and 0 bytes"),
        (file(&[("a", &[256], 16, 0)], 66), "`a` is of type IQ2_XXS"),
        (file(&[("a", &[256], 99, 0)], 66), "`a` is of type 99"),
        (file(&[("a", &[33], 8, 0)], 64), "rows of 33 elements"),
        (file(&[("a", &[4], 0, 3)], 64), "begins at 3"),
        (file(&[("a", &[huge, huge], 0, 0)], 64), "it is truncated"),
        (
            file(&[("a", &[16], 0, 0), ("b", &[4], 0, 32)], 64),
            "`a` and `b` share bytes",
        ),
        (
            file(&[("a", &[4], 0, 0), ("a", &[4], 0, 32)], 64),
            "`a` is there twice",
        ),
    ];
    for (bytes, part) in cases {
        let message = fault(&bytes);
        assert!(message.starts_with("DIR/m.gguf: "), "{message}");
        assert!(message.contains(part), "no {part:?} in {message}");
    }
}

/// Whatever ends early or holds other bytes is refused or read, and nothing panics.
#[test]
fn damaged_files_are_no_trouble() {
    let mut start = begin(3, 2, 2);
    sizes(&mut start, "comfy.gguf.orig_shape.a", &[4, 2]);
    text(&mut start, "general.alignment");
    start.extend([4, 0, 0, 0, 32, 0, 0, 0]);
    // Nothing lies behind the last tensor.
    let whole = end(start, &[("a", &[4, 2], 0, 0), ("b", &[32], 2, 32)], 50);
    let scratch = Scratch::new();
    let path = scratch.put("m.gguf", &whole);
    Checkpoint::open(&path).expect("a sound file");
    for at in 0..whole.len() {
        fs::write(&path, &whole[..at]).expect("a writable folder");
        Checkpoint::open(&path).expect_err("a file that ends early");
        for byte in [0, 9, 255] {
            let mut bytes = whole.clone();
            bytes[at] = byte;
            fs::write(&path, &bytes).expect("a writable folder");
            if let Ok(found) = Checkpoint::open(&path) {
                assert!(found.tensors().len() <= 2);
            }
        }
    }
}

/// Parts of a model are opened as one where they lie in a folder.
#[test]
fn folders_of_parts() {
    let scratch = Scratch::new();
    for (number, name) in [(1, "a"), (2, "b")] {
        let bytes = file(&[(name, &[4], 0, 0)], 16);
        scratch.put(&format!("m-0000{number}-of-00002.gguf"), &bytes);
    }
    let found = scratch.open().expect("a sound folder");
    assert_eq!(found.tensors().len(), 2);
    fs::remove_file(scratch.path().join("m-00002-of-00002.gguf")).expect("it is there");
    assert!(scratch.message().contains("shard 2 of 2 of `m`"));
}
