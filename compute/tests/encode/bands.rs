//! Encoding in bands, and at every instruction set, gives what encoding at once gives.

use wgmerge_compute::dtype::{DType, Float};
use wgmerge_compute::format::{
    Block, Code, Encoding, Exponent, Format, Global, Over, Rounding, Rule, Scaled, Scales, Stretch,
    Table, TableScale,
};
use wgmerge_compute::level::Level;

use crate::golden::{encode, encode_stretch, largest};
use crate::layouts::{
    asymmetric, block, comfy_mxfp8, comfy_nvfp4, encoding, mx, nvfp4, packed, row, tensor,
};
use crate::tables::BLOCKS;

/// Numbers that look like weights.
pub fn weights(count: usize, mut seed: u64) -> Vec<f32> {
    let mut next = || {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 40) as f32 / 16_777_216.0 - 0.5
    };
    let weight = |i: usize, x: f32, y: f32| match i % 97 {
        0 => 0.0,
        1 => -0.0,
        2 => 1e-30,
        3 => -9.0 * x,
        _ => x * y,
    };
    (0..count).map(|i| weight(i, next(), next())).collect()
}

/// Every kind of encoding.
pub fn encodings() -> Vec<Encoding> {
    let matrix = |code| Scaled {
        over: Over::Matrix,
        ..tensor(code)
    };
    let first = |code| Scaled {
        over: Over::First,
        ..tensor(code)
    };
    let rotated = Scaled {
        rotated: Some(16),
        ..row(Code::I8)
    };
    let square = Scaled {
        scale: Some(DType::F8E8M0),
        over: Over::Block(Block {
            rows: 4,
            columns: 8,
        }),
        ..tensor(Code::E4M3)
    };
    let shared = Scaled {
        stored: DType::F4,
        ..mx(Code::E2M1Low)
    };
    let table = Format::Table(Table {
        block: 64,
        scale: TableScale::Plain,
        rounded: Float::F32,
    });
    let comfy = Rule::ComfyKitchen;
    let mut all: Vec<Encoding> = vec![
        encoding(comfy, tensor(Code::E4M3)),
        encoding(comfy, tensor(Code::I8)),
        encoding(comfy, tensor(Code::I4Low)),
        encoding(comfy, matrix(Code::E5M2)),
        encoding(comfy, first(Code::I8)),
        encoding(comfy, row(Code::I8)),
        encoding(comfy, rotated),
        encoding(comfy, comfy_nvfp4()),
        encoding(comfy, comfy_mxfp8()),
        encoding(Rule::Transformers, block(Code::E4M3, 4, 8)),
        encoding(Rule::Transformers, square),
        encoding(Rule::CompressedTensors, nvfp4(Global::Over)),
        encoding(Rule::CompressedTensors, mx(Code::E2M3)),
        encoding(Rule::ModelOpt, nvfp4(Global::Times)),
        encoding(Rule::Torchao(Exponent::Floor), mx(Code::E2M1Low)),
        encoding(Rule::Torchao(Exponent::Floor), shared),
        packed(4, Some(32), Float::F32),
        packed(3, None, Float::BF16),
        asymmetric(4, Some(32), Float::F32),
        asymmetric(3, None, Float::F32),
    ];
    for format in [table, Format::Bnb8] {
        let rule = Rule::BitsAndBytes;
        all.push(Encoding {
            format,
            ..encoding(rule, tensor(Code::I8))
        });
    }
    for (_, gguf) in BLOCKS {
        all.push(Encoding {
            format: Format::Gguf(gguf),
            ..encoding(Rule::Gguf, tensor(Code::I8))
        });
    }
    all
}

const SHAPES: [&[u64]; 10] = [
    &[130, 48],
    &[300, 33],
    &[2, 128, 32],
    &[3, 7, 20],
    &[4, 3, 3, 3],
    &[1, 1],
    &[77],
    &[],
    &[0, 5],
    &[5, 0],
];

/// Each encoding with each shape, to the nearest and by chance, from F32 and BF16.
fn each(mut check: impl FnMut(&Encoding, &[u64], &[f32])) {
    let drawn = Rounding::Stochastic { key: [5, 9] };
    for shape in SHAPES {
        let values = weights(shape.iter().product::<u64>() as usize, 3);
        for encoding in encodings() {
            for rounding in [Rounding::Nearest, drawn] {
                for source in [Float::F32, Float::BF16] {
                    let encoding = Encoding {
                        rounding,
                        source,
                        ..encoding.clone()
                    };
                    check(&encoding, shape, &values);
                }
            }
        }
    }
}

/// Encodes bands of a size, with the scales that are given.
fn banded(
    encoding: &Encoding,
    shape: &[u64],
    values: &[f32],
    size: usize,
    kept: &[Vec<u8>],
) -> Vec<Vec<u8>> {
    let largest = largest(encoding, shape, values);
    let all = encoding.spans(shape, 0..values.len() as u64);
    let bytes = |part: &std::ops::Range<u64>| vec![0; part.end as usize];
    let mut whole: Vec<Vec<u8>> = all.iter().map(bytes).collect();
    for (place, values) in values.chunks(size).enumerate() {
        let start = (place * size) as u64;
        let spans = encoding.spans(shape, start..start + values.len() as u64);
        let slice = |(part, bytes): (usize, &Vec<u8>)| {
            bytes[spans[part].start as usize..spans[part].end as usize].to_vec()
        };
        let kept: Vec<Vec<u8>> = kept.iter().enumerate().map(slice).collect();
        let kept: Vec<&[u8]> = kept.iter().map(Vec::as_slice).collect();
        let stretch = Stretch {
            shape,
            start,
            values,
            largest: &largest,
            kept: &kept,
        };
        let parts = encode_stretch(encoding, Level::detect(), stretch);
        for ((whole, part), span) in whole.iter_mut().zip(parts).zip(spans) {
            whole[span.start as usize..span.end as usize].copy_from_slice(&part);
        }
    }
    whole
}

#[test]
fn bands_make_up_the_whole() {
    each(|encoding, shape, values| {
        let whole = encode(encoding, shape, values);
        let parts = encoding.format.parts(shape);
        assert_eq!(whole.len(), parts.len(), "{encoding:?} {shape:?}");
        if !values.is_empty() {
            for (bytes, part) in whole.iter().zip(parts) {
                let bits = part.shape.iter().product::<u64>() * part.dtype.bits();
                assert_eq!(
                    bytes.len() as u64,
                    bits.div_ceil(8),
                    "{encoding:?} {shape:?}"
                );
            }
        }
        let band = encoding.band(shape) as usize;
        for bands in [1, 2, 3] {
            let found = banded(encoding, shape, values, band * bands, &[]);
            assert!(
                found == whole || values.is_empty(),
                "{encoding:?} {shape:?}"
            );
        }
    });
}

#[test]
fn instruction_sets_agree() {
    each(|encoding, shape, values| {
        let whole = encode(encoding, shape, values);
        let largest = largest(encoding, shape, values);
        for level in Level::available() {
            let stretch = Stretch {
                shape,
                start: 0,
                values,
                largest: &largest,
                kept: &[],
            };
            let found = encode_stretch(encoding, level, stretch);
            assert!(found == whole, "{encoding:?} {shape:?} {level:?}");
        }
    });
}

/// What decoding gives.
fn decode(encoding: &Encoding, shape: &[u64], parts: &[Vec<u8>], count: usize) -> Vec<f32> {
    let spans = encoding.format.spans(shape, 0..count as u64);
    let slice = |(part, span): (&Vec<u8>, std::ops::Range<u64>)| {
        part[span.start as usize..span.end as usize].to_vec()
    };
    let parts: Vec<Vec<u8>> = parts.iter().zip(spans).map(slice).collect();
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let mut values = vec![0.0; count];
    let level = Level::detect();
    encoding
        .format
        .decode(level, shape, 0..count as u64, &parts, &mut values);
    values
}

#[test]
fn kept_scales_keep_codes() {
    each(|encoding, shape, values| {
        let is_rotated = matches!(&encoding.format, Format::Scaled(s) if s.rotated.is_some());
        if is_rotated || values.is_empty() {
            return;
        }
        let parts = encode(encoding, shape, values);
        let numbers = decode(encoding, shape, &parts, values.len());
        let source = match encoding.rounding {
            // Codes times scales may lie between two numbers of BF16.
            Rounding::Nearest => Float::F32,
            Rounding::Stochastic { .. } => return,
        };
        let kept = Encoding {
            scales: Scales::Kept,
            source,
            ..encoding.clone()
        };
        let band = encoding.band(shape) as usize;
        let again = banded(&kept, shape, &numbers, 2 * band, &parts);
        assert_eq!(again[1..], parts[1..], "{encoding:?} {shape:?}");
        let found = decode(encoding, shape, &again, values.len());
        for (place, (a, b)) in found.iter().zip(&numbers).enumerate() {
            assert_eq!(a, b, "{place} of {encoding:?} {shape:?}");
        }
    });
}

#[test]
fn numbers_stay_near() {
    each(|encoding, shape, values| {
        let parts = encode(encoding, shape, values);
        let numbers = decode(encoding, shape, &parts, values.len());
        let most = values.iter().fold(0f32, |a, b| a.max(b.abs()));
        for (a, b) in numbers.iter().zip(values) {
            assert!(
                (a - b).abs() <= 0.5 * most,
                "{a} {b} {encoding:?} {shape:?}"
            );
        }
    });
}

#[test]
fn zeros_are_zeros() {
    each(|encoding, shape, values| {
        let zeros = vec![0.0; values.len()];
        let parts = encode(encoding, shape, &zeros);
        let numbers = decode(encoding, shape, &parts, values.len());
        assert!(numbers.iter().all(|x| *x == 0.0), "{encoding:?} {shape:?}");
    });
}

/// Numbers that are none, and scales of any bytes.
#[test]
fn nothing_panics() {
    let odd = [
        f32::NAN,
        f32::INFINITY,
        f32::NEG_INFINITY,
        1e-45,
        -1e-40,
        3e34,
        -0.0,
        1.0,
    ];
    each(|encoding, shape, values| {
        let place = |i: usize| odd[(i * 7 + i / 5) % odd.len()];
        let values: Vec<f32> = (0..values.len()).map(place).collect();
        encode(encoding, shape, &values);
        let finite = values.iter().map(|x| if x.is_finite() { *x } else { 0.5 });
        let finite: Vec<f32> = finite.collect();
        let parts = encode(encoding, shape, &finite);
        let numbers = decode(encoding, shape, &parts, finite.len());
        assert!(
            numbers.iter().all(|x| x.is_finite()),
            "{encoding:?} {shape:?}"
        );
        for byte in [0, 1, 0x7f, 0x80, 0xff] {
            let kept = Encoding {
                scales: Scales::Kept,
                ..encoding.clone()
            };
            let spans = kept.spans(shape, 0..values.len() as u64);
            let parts: Vec<Vec<u8>> = spans.iter().map(|s| vec![byte; s.end as usize]).collect();
            let band = kept.band(shape) as usize;
            banded(&kept, shape, &values, 2 * band, &parts);
        }
    });
}
