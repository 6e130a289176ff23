//! GGUF files.

use wgmerge_compute::dtype::DType;
use wgmerge_compute::format::{Format, Gguf};

use crate::cases::{Case, Entry, File};
use crate::compare::{Tensor, run};

/// Reads a file from its beginning.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(count);
        self.0 = rest;
        taken
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.take(4).try_into().expect("four bytes"))
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().expect("eight bytes"))
    }

    fn text(&mut self) -> String {
        let length = self.u64() as usize;
        String::from_utf8(self.take(length).to_vec()).expect("text")
    }

    /// Passes a value of a type.
    fn skip(&mut self, kind: u32) {
        match kind {
            0 | 1 | 7 => drop(self.take(1)),
            2 | 3 => drop(self.take(2)),
            4..=6 => drop(self.take(4)),
            8 => drop(self.text()),
            9 => {
                let kind = self.u32();
                for _ in 0..self.u64() {
                    self.skip(kind);
                }
            }
            10..=12 => drop(self.take(8)),
            _ => panic!("a value of type {kind}"),
        }
    }
}

/// The type with this number, and its name in the cases; floats are not among them.
fn kind(number: u32) -> Option<Gguf> {
    Some(match number {
        2 => Gguf::Q4_0,
        3 => Gguf::Q4_1,
        6 => Gguf::Q5_0,
        7 => Gguf::Q5_1,
        8 => Gguf::Q8_0,
        10 => Gguf::Q2K,
        11 => Gguf::Q3K,
        12 => Gguf::Q4K,
        13 => Gguf::Q5K,
        14 => Gguf::Q6K,
        20 => Gguf::Iq4Nl,
        23 => Gguf::Iq4Xs,
        39 => Gguf::Mxfp4,
        _ => return None,
    })
}

/// The tensors of a file. Its types' numbers stand where a shape is, as the tests ask for no other.
fn open(case: &Case) -> File {
    let bytes = std::fs::read(case.path("inputs")).expect("a file");
    let mut reader = Reader(&bytes);
    assert_eq!(reader.take(4), b"GGUF");
    assert_eq!(reader.u32(), 3);
    let (tensors, values) = (reader.u64(), reader.u64());
    for _ in 0..values {
        reader.text();
        let kind = reader.u32();
        reader.skip(kind);
    }
    let mut found = Vec::new();
    for _ in 0..tensors {
        let name = reader.text();
        let dimensions = reader.u32();
        let shape: Vec<u64> = (0..dimensions).map(|_| reader.u64()).collect();
        let number = reader.u32();
        found.push((name, shape, number, reader.u64() as usize));
    }
    let header = bytes.len() - reader.0.len();
    let data = &bytes[header.next_multiple_of(32)..];
    let entry = |(name, shape, number, offset): (String, Vec<u64>, u32, usize)| {
        let shape: Vec<u64> = shape.into_iter().rev().collect();
        let kind = kind(number)?;
        let length: u64 = Format::Gguf(kind).parts(&shape)[0].shape.iter().product();
        let bytes = data[offset..][..length as usize].to_vec();
        let shape = vec![length];
        let dtype = DType::U8;
        Some((
            format!("{number} {name}"),
            Entry {
                dtype,
                shape,
                bytes,
            },
        ))
    };
    found.into_iter().filter_map(entry).collect()
}

#[test]
fn gguf() {
    let floats = "its tensors are floats";
    let left_out = [
        "f16",
        "bf16",
        "f32",
        "enc_f16",
        "enc_bf16",
        "five_d",
        "orig_shape",
    ];
    let left_out = left_out.map(|name| format!("{name}.decode"));
    let left_out: Vec<(&str, &str)> = left_out
        .iter()
        .map(|name| (name.as_str(), floats))
        .collect();
    let cases = run("gguf", &left_out, open, |_, file, name, expected| {
        let is_it = |(key, _): &(&String, &Entry)| key.split_once(' ').is_some_and(|k| k.1 == name);
        let (key, entry) = file.iter().find(is_it).expect("a tensor");
        let number = key.split_once(' ').and_then(|key| key.0.parse().ok());
        let kind = number.and_then(kind).expect("a type");
        Tensor {
            format: Format::Gguf(kind),
            shape: expected.shape.clone(),
            parts: vec![entry],
        }
    });
    assert_eq!(cases, 18);
}
