//! Golden files: numbers, and what a library made of them.

use std::path::PathBuf;

use safetensors::{Dtype, SafeTensors};
use wgmerge_compute::dtype::{Float, codec};
use wgmerge_compute::format::{Encoding, Stretch};
use wgmerge_compute::level::Level;

/// A file of tensors.
pub struct File(Vec<u8>);

/// Numbers of a tensor.
pub struct Source {
    pub shape: Vec<u64>,
    pub float: Float,
    pub values: Vec<f32>,
}

impl File {
    pub fn read(topic: &str, name: &str) -> File {
        File(File::raw(topic, &format!("{name}.safetensors")))
    }

    pub fn raw(topic: &str, name: &str) -> Vec<u8> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/formats");
        let path = folder.join(topic).join(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    fn tensors(&self) -> SafeTensors<'_> {
        SafeTensors::deserialize(&self.0).expect("a sound file")
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        let tensors = self.tensors();
        let tensor = tensors.tensor(name).unwrap_or_else(|_| panic!("no {name}"));
        tensor.data().to_vec()
    }

    pub fn source(&self, name: &str) -> Source {
        let tensors = self.tensors();
        let tensor = tensors.tensor(name).unwrap_or_else(|_| panic!("no {name}"));
        let float = match tensor.dtype() {
            Dtype::F32 => Float::F32,
            Dtype::BF16 => Float::BF16,
            Dtype::F16 => Float::F16,
            other => panic!("{name} is of {other:?}"),
        };
        let words = tensor.data().chunks(float.bytes()).map(|bytes| {
            let mut word = [0; 8];
            word[..bytes.len()].copy_from_slice(bytes);
            codec::decode(float, u64::from_le_bytes(word))
        });
        Source {
            shape: tensor.shape().iter().map(|&size| size as u64).collect(),
            float,
            values: words.map(f32::from_bits).collect(),
        }
    }
}

/// The largest magnitudes that an encoding asks for.
pub fn largest(encoding: &Encoding, shape: &[u64], values: &[f32]) -> Vec<f32> {
    if !encoding.needs_largest() {
        return Vec::new();
    }
    let matrices = match (encoding.each, shape) {
        (true, [leading @ .., _, _]) => leading.iter().product::<u64>() as usize,
        _ => 1,
    };
    let area = (values.len() / matrices.max(1)).max(1);
    let most = |values: &[f32]| values.iter().fold(0f32, |a, b| a.max(b.abs()));
    values.chunks(area).map(most).collect()
}

/// Encodes a whole tensor.
pub fn encode(encoding: &Encoding, shape: &[u64], values: &[f32]) -> Vec<Vec<u8>> {
    let largest = largest(encoding, shape, values);
    let stretch = Stretch {
        shape,
        start: 0,
        values,
        largest: &largest,
        kept: &[],
    };
    encode_stretch(encoding, Level::detect(), stretch)
}

/// Encodes whole bands.
pub fn encode_stretch(encoding: &Encoding, level: Level, stretch: Stretch<'_>) -> Vec<Vec<u8>> {
    assert!(encoding.can_write(), "{encoding:?}");
    let end = stretch.start + stretch.values.len() as u64;
    let spans = encoding.spans(stretch.shape, stretch.start..end);
    let mut parts = vec![Vec::new(); spans.len()];
    encoding.encode(level, stretch, &mut parts);
    parts
}

/// Fails where bytes differ, and says where first.
#[track_caller]
pub fn assert_bytes(what: &str, found: &[u8], expected: &[u8]) {
    assert_eq!(found.len(), expected.len(), "{what}: bytes");
    let differing = (0..found.len()).filter(|&at| found[at] != expected[at]);
    let differing: Vec<usize> = differing.collect();
    if let Some(&at) = differing.first() {
        panic!(
            "{what}: {} of {} bytes differ, first {at}: {:02x}, not {:02x}",
            differing.len(),
            found.len(),
            found[at],
            expected[at],
        );
    }
}

/// Encodes the tensor `source` of a file and compares the parts with the tensors named.
#[track_caller]
pub fn check(encoding: &Encoding, topic: &str, case: &Case<'_>) {
    let source = File::read(topic, case.input).source(case.source);
    let encoding = Encoding {
        source: source.float,
        ..encoding.clone()
    };
    let parts = encode(&encoding, &source.shape, &source.values);
    let output = File::read(topic, case.output);
    assert_eq!(parts.len(), case.parts.len(), "{}", case.output);
    for (part, name) in parts.iter().zip(case.parts).rev() {
        let what = format!("{topic}/{} {name}", case.output);
        assert_bytes(&what, part, &output.bytes(name));
    }
}

/// What is compared.
pub struct Case<'a> {
    pub input: &'a str,
    pub source: &'a str,
    pub output: &'a str,
    pub parts: &'a [&'a str],
}

/// Compares integer codes and scales within a tolerance.
#[track_caller]
pub fn check_close(encoding: &Encoding, topic: &str, case: &Case<'_>, fraction: f64, rel: f32) {
    let source = File::read(topic, case.input).source(case.source);
    let encoding = Encoding {
        source: source.float,
        ..encoding.clone()
    };
    let parts = encode(&encoding, &source.shape, &source.values);
    let output = File::read(topic, case.output);
    let expected = output.bytes(case.parts[1]);
    for (a, b) in parts[1].chunks(4).zip(expected.chunks(4)) {
        let [a, b] = [a, b].map(|x| f32::from_le_bytes(x.try_into().expect("four bytes")));
        assert!(
            (a - b).abs() <= rel * b.abs(),
            "{}: {a}, not {b}",
            case.output
        );
    }
    let expected = output.bytes(case.parts[0]);
    assert_eq!(parts[0].len(), expected.len());
    let is_half = source.values.len() == 2 * expected.len();
    let codes = |bytes: &[u8]| -> Vec<i32> {
        let each = bytes.iter().flat_map(|&byte| match is_half {
            true => vec![
                i32::from((byte << 4) as i8 >> 4),
                i32::from(byte as i8 >> 4),
            ],
            false => vec![i32::from(byte as i8)],
        });
        each.collect()
    };
    let (found, expected) = (codes(&parts[0]), codes(&expected));
    let apart = |i: usize| (found[i] - expected[i]).abs();
    assert!((0..found.len()).all(|i| apart(i) <= 1), "{}", case.output);
    let differing = (0..found.len()).filter(|&i| apart(i) > 0).count();
    let share = differing as f64 / found.len() as f64;
    assert!(
        share <= fraction,
        "{}: {share} of the codes differ",
        case.output
    );
}
