//! What the probe runs: Programs with the elements on which devices differ.

use crate::dtype::{Float, codec};
use crate::kernel::ARENA_ALIGNMENT;
use crate::kernel::{
    Compute, CutoffId, Entry, Formula, OnOverflow, Operand, Output, Program, Row, ScalarId, SlotId,
    Step, Stream, StreamId, ValueId,
};

/// Elements of each experiment: whole tiles and a bit more.
pub(super) const ELEMENTS: usize = 4099;

/// The first element in the tensor: random words beyond it carry into the counter's high word.
const START: u64 = (1 << 34) - 2048;

/// The weight in every row. Its products with most numbers are inexact.
const WEIGHT: f32 = 0.7;

/// A Program with its inputs.
pub(super) struct Experiment {
    pub(super) name: String,
    pub(super) program: Program,
    pub(super) row: Row,
    pub(super) start: u64,
    pub(super) arena: Vec<u8>,
    pub(super) inputs: Vec<usize>,
    /// Whether there is something that a kernel must notice: infinities and NaN among the elements,
    /// or results that the stored type cannot hold.
    pub(super) hazard: bool,
}

/// What the elements of an input are.
#[derive(Clone, Copy)]
enum Elements {
    /// Of ordinary size, with zeros and denormals.
    Ordinary,
    /// The negative products of the second input and the weight: a fused sum does not cancel.
    Cancelling,
    /// Near the smallest normal number.
    Tiny,
    /// Of every size with an exponent field below this one, often zero.
    Wide(u32),
    /// Every pattern of a type with an exponent field below this one is likely.
    Below(u32),
    /// Infinities and NaN too.
    Any,
}

const PAIR: [Float; 2] = [Float::F32, Float::F32];
const ORDINARY: [Elements; 2] = [Elements::Ordinary, Elements::Ordinary];
const A: Operand = Operand::Value(ValueId::new(0));
const B: Operand = Operand::Value(ValueId::new(1));
const C: Operand = Operand::Value(ValueId::new(2));
const BY_WEIGHT: Operand = Operand::Scalar(ScalarId::new(0));
const BY_ONE: Operand = Operand::Scalar(ScalarId::new(1));
const BY_HALF: Operand = Operand::Scalar(ScalarId::new(2));

/// A formula with its operands.
type Call<'a> = (Formula, &'a [Operand]);

/// All experiments.
pub(super) fn experiments() -> Vec<Experiment> {
    let mut all = arithmetic();
    all.extend(masks());
    all.extend(roundings());
    all.extend(reductions());
    all
}

fn arithmetic() -> Vec<Experiment> {
    let pair = |name: &str, calls: &[Call<'_>], elements: [Elements; 2]| {
        let program = program(PAIR, false, Compute::F32, calls, store);
        experiment(name, program, PAIR, elements)
    };
    let axpy: Call<'_> = (Formula::Axpy, &[A, B, BY_WEIGHT]);
    let add: Call<'_> = (Formula::Add, &[A, B]);
    let minus_first: Call<'_> = (Formula::Sub, &[C, A]);
    let delta: Call<'_> = (Formula::Sub, &[A, B]);
    let apply: Call<'_> = (Formula::Axpy, &[B, C, BY_ONE]);
    let product: Call<'_> = (Formula::Mul, &[A, B]);
    let cancelling = [Elements::Cancelling, Elements::Ordinary];
    vec![
        pair("contraction", &[axpy], cancelling),
        pair("reassociation", &[add, minus_first], ORDINARY),
        pair("task vectors", &[delta, apply], ORDINARY),
        pair("denormals", &[product], [Elements::Tiny, Elements::Tiny]),
        pair(
            "infinities and NaN",
            &[product],
            [Elements::Any, Elements::Any],
        ),
        pair("division", &[(Formula::Mean, &[A, B])], ORDINARY),
    ]
}

fn masks() -> Vec<Experiment> {
    let trim: Call<'_> = (
        Formula::Trim,
        &[A, Operand::Index, BY_ONE, Operand::Cutoff(CutoffId::new(0))],
    );
    let elect: Call<'_> = (Formula::Gather, &[A, A, B]);
    let dropout: Call<'_> = (Formula::Dropout, &[A, C, BY_HALF]);
    let masks = [
        ("trimming", trim, false),
        ("election", elect, false),
        ("random words", dropout, true),
    ];
    let masks = masks.into_iter().map(|(name, call, words)| {
        let program = program(PAIR, words, Compute::F32, &[call], store);
        experiment(name, program, PAIR, ORDINARY)
    });
    masks.collect()
}

/// The working dtypes and the stored types.
fn roundings() -> Vec<Experiment> {
    let mut all = Vec::new();
    for compute in [Compute::BF16, Compute::F16] {
        let name = format!("working in {}", compute.name());
        let blend: Call<'_> = (Formula::Blend, &[A, B, BY_WEIGHT, BY_HALF]);
        let program = program(PAIR, false, compute, &[blend], store);
        all.push(experiment(&name, program, PAIR, ORDINARY));
    }
    for float in [
        Float::F64,
        Float::F16,
        Float::BF16,
        Float::F8E4M3,
        Float::F8E5M2,
    ] {
        let floats = [Float::F32, float];
        let stored = |value| Output::Store {
            value,
            float,
            on_overflow: OnOverflow::Keep,
        };
        let add: Call<'_> = (Formula::Add, &[A, B]);
        let program = program(floats, false, Compute::F32, &[add], stored);
        // The host repeats what the type cannot hold, so a sum of two stays well below its limit.
        let top = codec::limit(float) >> 23;
        let held = [Elements::Wide(top.min(146) - 1), Elements::Below(top)];
        all.push(experiment(float.name(), program.clone(), floats, held));
        if top < 254 {
            let beyond = [Elements::Wide(top + 3), Elements::Below(255)];
            let name = format!("beyond {}", float.name());
            all.push(Experiment {
                hazard: true,
                ..experiment(&name, program, floats, beyond)
            });
        }
    }
    all
}

fn reductions() -> Vec<Experiment> {
    let product: Call<'_> = (Formula::Mul, &[A, B]);
    let reduce = |of: fn(ValueId) -> Output| {
        let outputs = |value| vec![of(value), of(ValueId::new(0))];
        program_of(PAIR, false, Compute::F32, &[product], outputs)
    };
    let all = |value| {
        let base = ValueId::new(0);
        let (sum, most, count) = (Output::Sum(base), Output::Max(value), Output::Count(value));
        let float = Float::F32;
        let change = Output::Change { value, base, float };
        let pair = Output::Pair([base, value]);
        vec![sum, store(value), change, pair, most, count]
    };
    let all = program_of(PAIR, false, Compute::F32, &[product], all);
    vec![
        experiment("sums", reduce(Output::Sum), PAIR, ORDINARY),
        experiment("largest magnitudes", reduce(Output::Max), PAIR, ORDINARY),
        experiment("counts", reduce(Output::Count), PAIR, ORDINARY),
        experiment("all at once", all, PAIR, ORDINARY),
    ]
}

fn store(value: ValueId) -> Output {
    Output::Store {
        value,
        float: Float::F32,
        on_overflow: OnOverflow::Keep,
    }
}

/// Two loads, random words if asked for, and calls, of which the last gives the output.
fn program(
    floats: [Float; 2],
    words: bool,
    compute: Compute,
    calls: &[Call<'_>],
    output: impl FnOnce(ValueId) -> Output,
) -> Program {
    program_of(floats, words, compute, calls, |last| vec![output(last)])
}

/// The same with any outputs.
fn program_of(
    floats: [Float; 2],
    words: bool,
    compute: Compute,
    calls: &[Call<'_>],
    outputs: impl FnOnce(ValueId) -> Vec<Output>,
) -> Program {
    let entry = Entry::Kept;
    let loads = SlotId::all()
        .zip(floats)
        .map(|(slot, float)| Step::Load { slot, float, entry });
    let mut steps: Vec<Step> = loads.collect();
    if words {
        steps.push(Step::Word {
            stream: StreamId::new(0),
        });
    }
    steps.extend(calls.iter().map(|(formula, operands)| Step::Call {
        formula: *formula,
        operands: operands.to_vec(),
    }));
    let last = ValueId::after(steps.len() - 1).expect("an experiment has a few steps");
    Program::new(compute, steps, outputs(last))
}

fn experiment(
    name: &str,
    program: Program,
    floats: [Float; 2],
    elements: [Elements; 2],
) -> Experiment {
    let mut arena = Vec::new();
    let mut inputs = Vec::new();
    for (slot, (float, elements)) in floats.into_iter().zip(elements).enumerate() {
        inputs.push(arena.len());
        for index in 0..ELEMENTS {
            let word = element(float, elements, slot, index);
            arena.extend(&word.to_le_bytes()[..float.bytes()]);
        }
        arena.resize(arena.len().next_multiple_of(ARENA_ALIGNMENT), 0);
    }
    Experiment {
        name: name.to_owned(),
        program,
        row: Row {
            scalars: [WEIGHT, 1.0, 0.5].map(f32::to_bits).to_vec(),
            cutoffs: vec![START + 3000],
            streams: vec![Stream([0x1234_5678, 0x9abc_def0, 0xffff_ffff, 7])],
        },
        start: START,
        arena,
        inputs,
        hazard: elements
            .iter()
            .any(|elements| matches!(elements, Elements::Any)),
    }
}

/// One stored element.
fn element(float: Float, elements: Elements, slot: usize, index: usize) -> u64 {
    let random = scramble((index * 2 + slot) as u64);
    // Its low half and its high half.
    let (bits, wide) = (random as u32, (random >> 32) as u32);
    let sized = |lowest: u32, sizes: u32| (bits & 0x807f_ffff) | ((lowest + wide % sizes) << 23);
    match elements {
        Elements::Ordinary => match (random >> 58) & 15 {
            0 => u64::from(bits & 0x8000_0000),
            1 => u64::from(bits & 0x8000_ffff),
            2 => u64::from((bits & 0x8000_0000) | 0x3f80_0000),
            _ => u64::from(sized(121, 12)),
        },
        Elements::Cancelling => {
            let other = element(float, Elements::Ordinary, 1, index) as u32;
            u64::from((-(f32::from_bits(other) * WEIGHT)).to_bits())
        }
        Elements::Tiny => u64::from(sized(0, 130)),
        Elements::Wide(_) if random >> 62 == 0 => 0,
        Elements::Wide(below) => u64::from(sized(90, below - 90)),
        Elements::Below(below) => {
            let pattern = match float {
                Float::F64 => {
                    codec::encode(float, sized(1, 200)) | (scramble(random) & 0x1fff_ffff)
                }
                _ => random & ((1 << (8 * float.bytes())) - 1),
            };
            let exponent = (codec::decode(float, pattern) >> 23) & 0xff;
            if exponent < below { pattern } else { 0 }
        }
        Elements::Any => u64::from(bits),
    }
}

/// The finalizer of splitmix64: well mixed bits of a number.
fn scramble(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
