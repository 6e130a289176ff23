//! Element types: every 8- and 16-bit pattern, both ways, in every form that the code has.

use crate::support::backends::levels;
use half::{bf16, f16};
use wgmerge::dtype::{Float, codec};
use wgmerge::exec::cpu::{CpuExecutor, Level};
use wgmerge::exec::{Batch, Executor, Piece, Results};
use wgmerge::kernel::{Compute, Entry, OnOverflow, Output, Program, Row, Step, Stream, TILE};

use crate::support::random::random;

/// The value of a pattern by the definition of a small float: sign, exponent, mantissa.
fn by_definition(pattern: u32, mantissa: i32, exponent: i32, bias: i32) -> f64 {
    let sign = if pattern >> (mantissa + exponent) & 1 == 1 {
        -1.0
    } else {
        1.0
    };
    let e = (pattern >> mantissa) as i32 & ((1 << exponent) - 1);
    let m = f64::from(pattern & ((1 << mantissa) - 1)) / 2f64.powi(mantissa);
    sign * match e {
        0 => m * 2f64.powi(1 - bias),
        _ => (1.0 + m) * 2f64.powi(e - bias),
    }
}

/// Mantissa bits, exponent bits and bias of the types below 32 bits.
const SMALL: [(Float, i32, i32, i32); 4] = [
    (Float::F16, 10, 5, 15),
    (Float::BF16, 7, 8, 127),
    (Float::F8E4M3, 3, 4, 7),
    (Float::F8E5M2, 2, 5, 15),
];

fn is_special(float: Float, pattern: u32) -> bool {
    match float {
        Float::F16 => pattern & 0x7c00 == 0x7c00,
        Float::BF16 => pattern & 0x7f80 == 0x7f80,
        Float::F8E4M3 => pattern & 0x7f == 0x7f,
        Float::F8E5M2 => pattern & 0x7c == 0x7c,
        Float::F32 | Float::F64 => false,
    }
}

fn patterns(float: Float) -> std::ops::Range<u32> {
    0..1 << (8 * float.bytes())
}

fn decode(float: Float, pattern: u32) -> f32 {
    f32::from_bits(codec::decode(float, u64::from(pattern)))
}

#[test]
fn every_pattern_decodes_to_its_value() {
    for (float, mantissa, exponent, bias) in SMALL {
        for pattern in patterns(float) {
            let found = decode(float, pattern);
            if is_special(float, pattern) {
                let infinite = match float {
                    Float::F16 => pattern & 0x3ff == 0,
                    Float::BF16 => pattern & 0x7f == 0,
                    Float::F8E5M2 => pattern & 3 == 0,
                    _ => false,
                };
                assert!(
                    found.is_infinite() == infinite && found.is_nan() != infinite,
                    "{float} {pattern:x}"
                );
            } else {
                let expected = by_definition(pattern, mantissa, exponent, bias);
                assert_eq!(
                    f64::from(found).to_bits(),
                    expected.to_bits(),
                    "{float} {pattern:x}"
                );
            }
        }
    }
    for pattern in 0..=u16::MAX {
        let (ours, theirs) = (
            decode(Float::F16, pattern.into()),
            f16::from_bits(pattern).to_f32(),
        );
        assert!(ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan());
        let (ours, theirs) = (
            decode(Float::BF16, pattern.into()),
            bf16::from_bits(pattern).to_f32(),
        );
        assert!(ours.to_bits() == theirs.to_bits() || ours.is_nan() && theirs.is_nan());
    }
}

#[test]
fn every_value_midpoint_and_neighbour_encodes_to_the_nearest_even() {
    for (float, ..) in SMALL {
        let finite: Vec<u32> = patterns(float)
            .filter(|pattern| {
                pattern >> (8 * float.bytes() - 1) == 0 && !is_special(float, *pattern)
            })
            .collect();
        let check = |x: f64, expected: u32| {
            for sign in [0, 1u32] {
                let x = if sign == 1 { -x } else { x };
                let found = codec::encode(float, (x as f32).to_bits());
                let expected = u64::from(expected | sign << (8 * float.bytes() - 1));
                assert_eq!(found, expected, "{float} {x:e}");
            }
        };
        for pair in finite.windows(2) {
            let (low, high) = (
                f64::from(decode(float, pair[0])),
                f64::from(decode(float, pair[1])),
            );
            check(low, pair[0]);
            check(high, pair[1]);
            let middle = (low + high) / 2.0;
            let even = if pair[0] & 1 == 0 { pair[0] } else { pair[1] };
            // bf16's denormals lie where f32 has no room between them, and settle to zero anyway.
            if f64::from(middle as f32) == middle {
                check(middle, even);
                let bits = (middle as f32).to_bits();
                check(f64::from(f32::from_bits(bits - 1)), pair[0]);
                check(f64::from(f32::from_bits(bits + 1)), pair[1]);
            }
        }
    }
}

#[test]
fn overflow_infinity_and_nan_encode_as_documented() {
    let encode = |float, x: f32| codec::encode(float, codec::settled(x.to_bits()));
    for (float, above, overflow, nan) in [
        (Float::F16, 65520.0, 0x7c00, 0x7e00),
        (Float::BF16, f32::MAX, 0x7f80, 0x7fc0),
        (Float::F8E4M3, 464.1, 0x7f, 0x7f),
        (Float::F8E5M2, 61440.0, 0x7c, 0x7f),
    ] {
        assert_eq!(encode(float, above), overflow, "{float}");
        assert_eq!(encode(float, f32::INFINITY), overflow, "{float}");
        assert_eq!(
            encode(float, -f32::INFINITY),
            overflow | 1 << (8 * float.bytes() - 1),
            "{float}"
        );
        assert_eq!(encode(float, -f32::NAN), nan, "{float}");
    }
    assert_eq!(
        encode(Float::F8E4M3, 464.0),
        0x7e,
        "the last that rounds to 448"
    );
    assert_eq!(encode(Float::F64, f32::NAN), 0x7ff8_0000_0000_0000);
    assert_eq!(
        encode(Float::F64, f32::NEG_INFINITY),
        f64::NEG_INFINITY.to_bits()
    );
}

#[test]
fn f64_rounds_once_and_back_is_exact() {
    let mut state = 7;
    for _ in 0..2_000_000 {
        // Exponents around those of f32, beyond it on both sides.
        let bits = random(&mut state);
        let exponent = 0x370 + (bits >> 8 & 0x11f);
        let x = f64::from_bits(bits & 0x800f_ffff_ffff_ffff | exponent << 52);
        let expected = codec::settled((x as f32).to_bits());
        let found = codec::settled(codec::decode(Float::F64, x.to_bits()));
        assert_eq!(found, expected, "{x:e}");
        let back = codec::encode(Float::F64, expected);
        assert_eq!(back, f64::from(f32::from_bits(expected)).to_bits(), "{x:e}");
    }
}

/// Loads and stores elements through the executor.
fn through(level: Level, from: Float, to: Float, bytes: &[u8]) -> Vec<u8> {
    let steps = vec![Step::Load {
        slot: 0.into(),
        float: from,
        entry: Entry::Kept,
    }];
    let program = Program::new(
        Compute::F32,
        steps,
        vec![Output::Store {
            value: 0.into(),
            float: to,
            on_overflow: OnOverflow::Keep,
        }],
    );
    let len = bytes.len() / from.bytes();
    let row = Row::default();
    let piece = Piece {
        row: &row,
        start: 0,
        len,
        inputs: vec![0],
        output: 0,
    };
    let mut output = vec![0; len * to.bytes()];
    let batch = Batch {
        program: &program,
        pieces: &[piece],
    };
    CpuExecutor::new(level)
        .run(&batch, bytes, &mut Results::storing(&mut output))
        .expect("the CPU does it");
    output
}

#[test]
fn the_executor_decodes_and_encodes_as_defined() {
    let settle = |float, word| codec::settled(codec::decode(float, word));
    for (float, ..) in SMALL {
        let bytes: Vec<u8> = patterns(float)
            .flat_map(|p| p.to_le_bytes()[..float.bytes()].to_vec())
            .collect();
        for level in levels() {
            let found = through(level, float, Float::F32, &bytes);
            for (pattern, found) in patterns(float).zip(found.as_chunks::<4>().0) {
                let expected = settle(float, pattern.into()).to_le_bytes();
                assert_eq!(*found, expected, "{float} {pattern:x} {level:?}");
            }
            // Every length around the vectors and the tile.
            for len in (0..=70).chain(TILE - 1..=TILE + 1) {
                let part = &bytes[bytes.len() / 2..];
                let part = &part[..(len * float.bytes()).min(part.len())];
                assert!(
                    through(level, float, float, part)
                        == through(Level::BASELINE, float, float, part)
                );
            }
        }
    }
    // One f32 of every sign, exponent and upper mantissa, and its neighbours.
    let words: Vec<u8> = (0..=u16::MAX)
        .flat_map(|high| {
            [0u32, 1, 0x7fff, 0x8000, 0x8001, 0xffff].map(|low| u32::from(high) << 16 | low)
        })
        .flat_map(u32::to_le_bytes)
        .collect();
    for &float in Float::ALL {
        for level in levels() {
            let found = through(level, Float::F32, float, &words);
            let expected = words.as_chunks::<4>().0.iter().flat_map(|word| {
                let settled = settle(Float::F32, u32::from_le_bytes(*word).into());
                codec::encode(float, settled).to_le_bytes()[..float.bytes()].to_vec()
            });
            assert!(expected.eq(found.iter().copied()), "{float} {level:?}");
        }
    }
}

#[test]
fn integer_division_is_ieee_division() {
    let edges = [
        0.0,
        1.0,
        3.0,
        f32::MAX,
        f32::MIN_POSITIVE,
        1.5e-38,
        f32::INFINITY,
        f32::NAN,
        7e-30,
    ];
    let settled = |x: f32| codec::settled(x.to_bits());
    let check = |a: f32, b: f32, error: i32| {
        let (a, b) = (f32::from_bits(settled(a)), f32::from_bits(settled(b)));
        let found = codec::quotient_in_integers(a, b, error).to_bits();
        assert_eq!(found, settled(a / b), "{a:e} / {b:e}, guess off by {error}");
    };
    for a in edges {
        for b in edges {
            for (a, b) in [(a, b), (-a, b), (a, -b), (-a, -b)] {
                (-3..=3).for_each(|error| check(a, b, error));
            }
        }
    }
    let mut state = 3;
    for i in 0..3_000_000 {
        let bits = random(&mut state);
        let (a, b) = (
            f32::from_bits(bits as u32),
            f32::from_bits((bits >> 32) as u32),
        );
        check(a, b, i % 7 - 3);
    }
}

#[test]
fn philox_gives_the_known_answers() {
    // Known answers of Random123 for Philox4x32-10.
    for (counter, key, expected) in [
        (
            [0; 4],
            [0; 2],
            [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
        ),
        (
            [u32::MAX; 4],
            [u32::MAX; 2],
            [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
        ),
        (
            [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
            [0xa4093822, 0x299f31d0],
            [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
        ),
    ] {
        assert_eq!(codec::philox_block(counter, key), expected);
    }
}

/// The random words of `len` elements from `start`.
fn words(level: Level, start: u64, len: usize) -> Vec<u32> {
    let row = Row {
        streams: vec![Stream([1, 0x8000_0000, 3, 4])],
        ..Row::default()
    };
    let stored = Output::Store {
        value: 0.into(),
        float: Float::F32,
        on_overflow: OnOverflow::Keep,
    };
    let steps = vec![Step::Word { stream: 0.into() }];
    let program = Program::new(Compute::F32, steps, vec![stored]);
    let piece = Piece {
        row: &row,
        start,
        len,
        inputs: vec![],
        output: 0,
    };
    let mut output = vec![0; 4 * len];
    let batch = Batch {
        program: &program,
        pieces: &[piece],
    };
    CpuExecutor::new(level)
        .run(&batch, &[], &mut Results::storing(&mut output))
        .expect("the CPU does it");
    let words = output.as_chunks::<4>().0.iter();
    words.map(|word| u32::from_le_bytes(*word)).collect()
}

#[test]
fn words_are_those_of_their_stream() {
    for start in [0, TILE as u64, (1 << 34) - TILE as u64, 5 << 40] {
        for len in [1, 16, 31, 47, 48, 49, 191, 193, 1000, 2 * TILE + 7] {
            for level in levels() {
                for (i, found) in (start..).zip(words(level, start, len)) {
                    let counter = [(i / 4) as u32, ((i / 4) >> 32) as u32, 3, 4];
                    let block = codec::philox_block(counter, [1, 0x8000_0000]);
                    assert_eq!(found, block[(i % 4) as usize], "{i} {}", level.name());
                }
            }
        }
    }
}
