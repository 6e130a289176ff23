//! Batches with adversarial elements.

use wgmerge::dtype::{Float, codec};
use wgmerge::exec::{Batch, ExecError, Executor, Piece};
use wgmerge::kernel::{ARENA_ALIGNMENT, End, Program, Row, SlotId, Stream, Window};

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
    /// Per piece: one window per value.
    pub windows: Vec<Window>,
    arena: Vec<u8>,
    inputs: Vec<Vec<usize>>,
}

/// What an executor makes of a case.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The output's bytes.
    Stored(Vec<u8>),
    /// Bits of the sums.
    Summed(Vec<u32>),
    /// The counts.
    Counted(Vec<u64>),
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
            windows: Vec::new(),
            arena,
            inputs,
        }
    }

    /// Runs the case.
    pub fn run(&self, executor: &mut dyn Executor) -> Outcome {
        // Results begin at odd places, so that an executor that writes whole words is found out.
        let bytes = match self.program.end() {
            End::Store { float, .. } => float.bytes(),
            _ => 0,
        };
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
        let outcome = executor
            .upload(&self.arena)
            .and_then(|()| match self.program.end() {
                End::Store { .. } => {
                    let mut output = vec![0xa5; end];
                    executor.store(&batch, &self.arena, &mut output)?;
                    Ok(Outcome::Stored(output))
                }
                End::Sum(_) => {
                    let sums = executor.sum(&batch, &self.arena)?;
                    Ok(Outcome::Summed(
                        sums.into_iter().map(f32::to_bits).collect(),
                    ))
                }
                End::Count(_) => Ok(Outcome::Counted(executor.count(
                    &batch,
                    &self.windows,
                    &self.arena,
                )?)),
            });
        outcome.unwrap_or_else(Outcome::Failed)
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
    let at = match (expected, found) {
        (Outcome::Stored(a), Outcome::Stored(b)) => a.iter().zip(b).position(|(a, b)| a != b),
        (Outcome::Summed(a), Outcome::Summed(b)) => a.iter().zip(b).position(|(a, b)| a != b),
        (Outcome::Counted(a), Outcome::Counted(b)) => a.iter().zip(b).position(|(a, b)| a != b),
        _ => panic!("{what}: {expected:.200?} but {found:.200?}"),
    };
    panic!("{what}: the first difference is at {at:?}");
}
