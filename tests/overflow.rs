//! Results beyond the type that they are stored in: refused, saturated or kept, and counted.

mod merges;

use wgmerge::dtype::{Float, codec};
use wgmerge::exec::{Batch, ExecError, Overflow, Piece, Results};
use wgmerge::kernel::{
    ARENA_ALIGNMENT, Compute, Entry, Formula, OnOverflow, Operand, Output, Program, Row, Step, TILE,
};

use crate::support::backends::for_each_backend;

/// Per type: its largest number, and the least magnitude that rounds beyond it (by IEEE 754; e4m3
/// by OCP, where the tie of 464 goes to 448).
const RANGES: &[(Float, f64, f64)] = &[
    (Float::F64, 3.402_823_466_385_288_6e38, f64::INFINITY),
    (Float::F32, 3.402_823_466_385_288_6e38, f64::INFINITY),
    (Float::F16, 65504.0, 65520.0),
    (
        Float::BF16,
        3.389_531_389_251_535_5e38,
        3.396_177_529_230_46e38,
    ),
    (Float::F8E4M3, 448.0, 464.000_03),
    (Float::F8E5M2, 57344.0, 61440.0),
];

/// Numbers at and around the edge of every type, and others.
fn numbers() -> Vec<f32> {
    let edges = RANGES
        .iter()
        .flat_map(|(_, largest, beyond)| [*largest as f32, *beyond as f32]);
    let edges: Vec<f32> = edges.chain([1.0, 0.0, 3e38, 1e30]).collect();
    let near = edges.iter().flat_map(|&x| [x.next_down(), x, x.next_up()]);
    near.flat_map(|x| [x, -x])
        .filter(|x| x.is_finite())
        .collect()
}

/// What the type makes of a finite number: the largest with its sign where it is beyond it.
fn beyond(float: Float, x: f32) -> Option<f64> {
    let (_, largest, beyond) = RANGES
        .iter()
        .find(|(own, ..)| *own == float)
        .expect("a type");
    let is_beyond = f64::from(x.abs()) >= *beyond;
    is_beyond.then(|| largest.copysign(f64::from(x)))
}

/// A Program that stores its input.
fn program(float: Float, entry: Entry, on_overflow: OnOverflow) -> Program {
    let steps = vec![Step::Load {
        slot: 0.into(),
        float: Float::F32,
        entry,
    }];
    let stored = Output::Store {
        value: 0.into(),
        float,
        on_overflow,
    };
    Program::new(Compute::F32, steps, vec![stored])
}

/// An arena of whole pieces of f32, each piece with its first byte.
fn arena(pieces: &[Vec<f32>]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut begins) = (Vec::new(), Vec::new());
    for piece in pieces {
        begins.push(bytes.len());
        bytes.extend(piece.iter().flat_map(|x| x.to_le_bytes()));
        bytes.resize(bytes.len().next_multiple_of(ARENA_ALIGNMENT), 0);
    }
    (bytes, begins)
}

/// What lies in one arena, piece after piece, and what a type makes of it.
struct Expected {
    float: Float,
    pieces: Vec<Vec<f32>>,
}

impl Expected {
    fn overflows(&self) -> Vec<Overflow> {
        let is_beyond = |x: &&f32| beyond(self.float, **x).is_some();
        let pieces = self.pieces.iter();
        let counts = pieces.map(|piece| piece.iter().filter(is_beyond).count() as u64);
        let all = counts
            .enumerate()
            .map(|(piece, values)| Overflow { piece, values });
        all.filter(|overflow| overflow.values > 0).collect()
    }

    /// The first element that an error names.
    fn fault(&self) -> Option<ExecError> {
        (0..self.pieces.len()).find_map(|piece| {
            let own = &self.pieces[piece];
            let lane = own.iter().position(|x| beyond(self.float, *x).is_some())?;
            Some(ExecError::Overflow {
                piece,
                element: START * piece as u64 + lane as u64,
                bits: own[lane].to_bits(),
            })
        })
    }

    fn check_values(&self, what: &str, kept: &[u8], saturated: &[u8]) {
        let size = self.float.bytes();
        let value = |bytes: &[u8]| {
            let mut word = [0; 8];
            word[..size].copy_from_slice(bytes);
            let bits = codec::decode(self.float, u64::from_le_bytes(word));
            f64::from(f32::from_bits(bits))
        };
        let stored = kept.chunks_exact(size).zip(saturated.chunks_exact(size));
        for (x, (kept, saturated)) in self.pieces.iter().flatten().zip(stored) {
            match beyond(self.float, *x) {
                Some(largest) => {
                    assert!(!value(kept).is_finite(), "{what}: {x} kept");
                    assert_eq!(value(saturated), largest, "{what}: {x} saturated");
                }
                None => {
                    assert!(value(kept).is_finite(), "{what}: {x}");
                    assert_eq!(kept, saturated, "{what}: {x}");
                }
            }
        }
    }
}

/// Elements between the beginnings of pieces in their tensor.
const START: u64 = 2 * TILE as u64;

#[test]
fn every_type_on_every_backend_by_every_policy() {
    // The second piece holds nothing beyond any type; in the third it comes after a tile.
    let late = std::iter::repeat_n(0.25, TILE + 3).chain([-3.395e38]);
    let pieces = vec![numbers(), vec![1.5; 70], late.collect()];
    let (bytes, begins) = arena(&pieces);
    let row = Row::default();
    for_each_backend(|name, executor| {
        for &(float, ..) in RANGES {
            let mut end = 0;
            let mut batch = Vec::new();
            for (number, piece) in pieces.iter().enumerate() {
                batch.push(Piece {
                    row: &row,
                    start: START * number as u64,
                    len: piece.len(),
                    inputs: vec![begins[number]],
                    output: end,
                });
                end += piece.len() * float.bytes();
            }
            let mut run = |on_overflow| {
                let program = program(float, Entry::Checked, on_overflow);
                let batch = Batch {
                    program: &program,
                    pieces: &batch,
                };
                let mut output = vec![0; end];
                executor.upload(&bytes, 0..bytes.len()).expect("an upload");
                let mut results = Results::storing(&mut output);
                let done = executor.run(&batch, &bytes, &mut results);
                (done.map(|()| results.overflows), output)
            };
            let what = format!("{float} on {name}");
            let pieces = pieces.clone();
            let expected = Expected { float, pieces };
            let (kept, kept_bytes) = run(OnOverflow::Keep);
            let (saturated, saturated_bytes) = run(OnOverflow::Saturate);
            assert_eq!(kept, Ok(expected.overflows()), "{what}");
            assert_eq!(saturated, Ok(expected.overflows()), "{what}");
            expected.check_values(&what, &kept_bytes, &saturated_bytes);
            let refused = expected.fault().map_or(Ok(Vec::new()), Err);
            assert_eq!(run(OnOverflow::Error).0, refused, "{what}");
        }
    });
}

/// A Program that adds two inputs.
fn sum(on_overflow: OnOverflow) -> Program {
    let load = |slot| Step::Load {
        slot,
        float: Float::F32,
        entry: Entry::Kept,
    };
    let add = Step::Call {
        formula: Formula::Add,
        operands: vec![Operand::Value(0.into()), Operand::Value(1.into())],
    };
    let stored = Output::Store {
        value: 2.into(),
        float: Float::F32,
        on_overflow,
    };
    Program::new(
        Compute::F32,
        vec![load(0.into()), load(1.into()), add],
        vec![stored],
    )
}

#[test]
fn infinities_of_inputs_are_no_overflow_and_those_of_results_are() {
    let a = vec![f32::INFINITY, f32::NAN, 3e38, 1.0, -3e38, 3e38];
    let b = vec![1.0, 1.0, 3e38, 1.0, -3e38, f32::NEG_INFINITY];
    let len = a.len();
    let (bytes, inputs) = arena(&[a, b]);
    let row = Row::default();
    let piece = Piece {
        row: &row,
        start: 0,
        len,
        inputs,
        output: 0,
    };
    for_each_backend(|name, executor| {
        let mut run = |on_overflow| {
            let program = sum(on_overflow);
            let batch = Batch {
                program: &program,
                pieces: std::slice::from_ref(&piece),
            };
            let mut output = vec![0; 4 * len];
            executor.upload(&bytes, 0..bytes.len()).expect("an upload");
            let mut results = Results::storing(&mut output);
            let done = executor.run(&batch, &bytes, &mut results);
            let stored = done.map(|()| results.overflows);
            let words = output.as_chunks::<4>().0;
            let values = words.iter().map(|word| f32::from_le_bytes(*word));
            (stored, values.collect::<Vec<f32>>())
        };
        let (stored, values) = run(OnOverflow::Saturate);
        let found = Overflow {
            piece: 0,
            values: 2,
        };
        assert_eq!(stored, Ok(vec![found]), "{name}");
        assert!(values[0] == f32::INFINITY && values[1].is_nan(), "{name}");
        let rest = [f32::MAX, 2.0, f32::MIN, f32::NEG_INFINITY];
        assert_eq!(values[2..], rest, "{name}");
        let fault = ExecError::Overflow {
            piece: 0,
            element: 2,
            bits: f32::INFINITY.to_bits(),
        };
        assert_eq!(run(OnOverflow::Error).0, Err(fault), "{name}");
    });
}
