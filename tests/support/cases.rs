//! Batches with adversarial elements.

use wgmerge::dtype::{Float, codec};
use wgmerge::exec::{Batch, ExecError, Executor, Piece, Results};
use wgmerge::kernel::{
    ARENA_ALIGNMENT, Counts, Grid, Output, Program, Row, SlotId, Stream, Tally, TilePair,
};

use super::random::random;

/// What a piece's elements are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Elements {
    /// Of ordinary size, with zeros, denormals and ties among them: no arithmetic overflows.
    Tame,
    /// So small that products underflow.
    Tiny,
    /// Tame but for a few infinities.
    Infinite,
    /// Any bits: infinities and NaN too.
    Wild,
}

/// f32 bits of an element.
fn element(elements: Elements, random: u64) -> u32 {
    let (sign, mantissa) = ((random as u32) & 0x8000_0000, (random as u32) & 0x7f_ffff);
    let exponent = (random >> 32) as u32;
    let ordinary = match elements {
        Elements::Tiny => sign | ((exponent % 70 + 1) << 23) | mantissa,
        _ => sign | ((exponent % 12 + 121) << 23) | mantissa,
    };
    match (random >> 58) & 31 {
        0 => sign,
        1 => sign | (mantissa & 0xffff),
        2 => sign | 0x0080_0000,
        // Halfway between two bf16, and between two f16.
        3 => (ordinary & 0xffff_0000) | 0x8000,
        4 => (ordinary & 0xffff_e000) | 0x1000,
        5 if elements == Elements::Infinite => sign | 0x7f80_0000,
        5 => sign | 0x3f80_0000,
        _ => ordinary,
    }
}

/// Little-endian elements of a type.
pub fn elements(float: Float, elements: Elements, len: usize, state: &mut u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(len * float.bytes());
    for _ in 0..len {
        let drawn = random(state);
        let word = match (elements, float) {
            (Elements::Wild, _) => drawn,
            (_, Float::F64) => {
                codec::encode(float, element(elements, drawn)) | (random(state) & 0x1fff_ffff)
            }
            _ => codec::encode(float, element(elements, drawn)),
        };
        bytes.extend(&word.to_le_bytes()[..float.bytes()]);
    }
    bytes
}

/// A batch that owns what it runs over.
pub struct Case {
    /// The computation.
    pub program: Program,
    /// One row per piece.
    pub rows: Vec<Row>,
    /// Per piece: first element and length.
    pub ranges: Vec<(u64, usize)>,
    /// Per piece: one grid per value.
    pub grids: Vec<Grid>,
    arena: Vec<u8>,
    inputs: Vec<Vec<usize>>,
}

/// What an executor makes of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It does all of it.
    Done {
        /// The output's bytes.
        stored: Vec<u8>,
        /// What was asked, with the answers.
        tallies: Vec<Tally>,
    },
    /// An error.
    Failed(ExecError),
}

impl Case {
    /// Draws the elements of every piece, which are of the kind that goes with it.
    pub fn new(
        program: Program,
        rows: Vec<Row>,
        ranges: &[(u64, usize)],
        kinds: &[Elements],
        seed: u64,
    ) -> Case {
        let mut state = seed;
        let mut loads: Vec<(SlotId, Float)> = program.loads().collect();
        loads.sort_unstable_by_key(|(slot, _)| *slot);
        let mut arena = Vec::new();
        let mut inputs = Vec::new();
        for (number, (_, len)) in ranges.iter().enumerate() {
            let mut begins = Vec::new();
            for (_, float) in &loads {
                begins.push(arena.len());
                let kind = kinds[number % kinds.len()];
                arena.extend(elements(*float, kind, *len, &mut state));
                arena.resize(arena.len().next_multiple_of(ARENA_ALIGNMENT), 0);
            }
            inputs.push(begins);
        }
        Case {
            program,
            rows,
            ranges: ranges.to_vec(),
            grids: Vec::new(),
            arena,
            inputs,
        }
    }

    /// Runs the case.
    pub fn run(&self, executor: &mut dyn Executor) -> Outcome {
        // Results begin at odd places, so that an executor that writes whole words is found out.
        let bytes = self.program.storing().map_or(0, |own| own.float.bytes());
        let mut end = 0;
        let mut pieces = Vec::new();
        for ((row, (start, len)), inputs) in self.rows.iter().zip(&self.ranges).zip(&self.inputs) {
            pieces.push(Piece {
                row,
                start: *start,
                len: *len,
                inputs: inputs.clone(),
                output: end,
            });
            end += len * bytes + 3;
        }
        let batch = Batch {
            program: &self.program,
            pieces: &pieces,
        };
        let mut stored = vec![0xa5; if bytes > 0 { end } else { 0 }];
        let mut tallies = self.asked();
        let mut results = Results {
            stored: &mut stored,
            overflows: Vec::new(),
            tallies: &mut tallies,
        };
        let uploaded = executor.upload(&self.arena, 0..self.arena.len());
        match uploaded.and_then(|()| executor.run(&batch, &self.arena, &mut results)) {
            Ok(()) => Outcome::Done { stored, tallies },
            Err(fault) => Outcome::Failed(fault),
        }
    }

    /// What is asked about every piece.
    fn asked(&self) -> Vec<Tally> {
        let mut grids = self.grids.iter();
        let pieces = self.ranges.iter().flat_map(|_| self.program.asked());
        let asked = pieces.map(|output| match output {
            Output::Sum(_) => Tally::Sums(Vec::new()),
            Output::Change { .. } => Tally::Change(Box::default()),
            Output::Pair(_) => Tally::Pairs(Vec::new()),
            Output::Max(_) => Tally::Max(0),
            Output::Count(_) => {
                let grid = grids.next().expect("a grid per value that is counted");
                Tally::Counts(Counts::new(*grid))
            }
            Output::Collect(_) => Tally::Values(Vec::new()),
            Output::Store { .. } => Tally::Nothing,
        });
        asked.collect()
    }
}

/// A row with enough of everything: scalars of ordinary size, and the given cutoffs.
pub fn row(scalars: usize, cutoff: u64, state: &mut u64) -> Row {
    let scalar = |state: &mut u64| {
        let bits = element(Elements::Tame, random(state));
        codec::settled(bits)
    };
    Row {
        scalars: (0..scalars).map(|_| scalar(state)).collect(),
        cutoffs: vec![cutoff],
        streams: (0..2)
            .map(|_| Stream([(); 4].map(|()| random(state) as u32)))
            .collect(),
    }
}

/// Panics with the first difference.
pub fn assert_same(what: &str, expected: &Outcome, found: &Outcome) {
    if expected == found {
        return;
    }
    let (
        Outcome::Done { stored, tallies },
        Outcome::Done {
            stored: other_stored,
            tallies: other_tallies,
        },
    ) = (expected, found)
    else {
        panic!("{what}: {expected:.200?} but {found:.200?}");
    };
    let byte = stored.iter().zip(other_stored).position(|(a, b)| a != b);
    let tally = tallies
        .iter()
        .zip(other_tallies)
        .position(|(a, b)| !same(a, b));
    assert_eq!((byte, tally), (None, None), "{what}: the first differences");
}

/// Whether two answers are the same, bit for bit.
fn same(one: &Tally, other: &Tally) -> bool {
    match (one, other) {
        (Tally::Sums(one), Tally::Sums(other)) => {
            let bits = |sums: &[f32]| sums.iter().map(|sum| sum.to_bits()).collect::<Vec<u32>>();
            bits(one) == bits(other)
        }
        (Tally::Pairs(one), Tally::Pairs(other)) => {
            let bits = |pair: &TilePair| {
                let sums = [0.0; 4];
                (pair.sums.map(f32::to_bits), TilePair { sums, ..*pair })
            };
            one.iter().map(bits).eq(other.iter().map(bits))
        }
        (one, other) => one == other,
    }
}
