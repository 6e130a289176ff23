//! Every executor gives the bytes of the CPU at its baseline.

use crate::support::backends::for_each_backend;
use crate::support::cases::{Case, Elements, Outcome, assert_same, row};
use crate::support::random::random;
use wgmerge::dtype::Float;
use wgmerge::exec::cpu::{CpuExecutor, Level};
use wgmerge::kernel::{
    Compute, Entry, Formula, Grid, Kind, OnOverflow, Operand, Output, Program, Row, Step, TILE,
    ValueId,
};

mod outputs;

/// Lengths around the boundaries of quads and tiles.
const LENGTHS: [usize; 12] = [
    1,
    3,
    4,
    5,
    1023,
    1024,
    1025,
    0,
    4 * TILE + 3,
    2050,
    3000,
    1500,
];
/// What the elements of the lengths are like, in turn.
const KINDS: [Elements; 4] = [
    Elements::Tame,
    Elements::Tiny,
    Elements::Tame,
    Elements::Wild,
];
/// Where the lengths begin, in turn; from the third the index of a quad grows beyond 32 bits.
const STARTS: [u64; 4] = [0, 3 << 10, (1 << 34) - 1024, 1 << 35];

/// As many scalars as a formula has parameters at most: each reads that of its own place.
const SCALARS: usize = 5;

/// The first element and the length of every piece.
fn ranges() -> Vec<(u64, usize)> {
    STARTS.into_iter().cycle().zip(LENGTHS).collect()
}

fn rows(count: usize, scalars: usize, state: &mut u64) -> Vec<Row> {
    let cutoffs = [2, 3 << 10, 1 << 34, u64::MAX, 6 << 10];
    (0..count)
        .map(|n| row(scalars, cutoffs[n % cutoffs.len()], state))
        .collect()
}

fn case(program: Program, seed: u64) -> Case {
    let mut state = seed;
    let ranges = ranges();
    let rows = rows(ranges.len(), SCALARS, &mut state);
    Case::new(program, rows, &ranges, &KINDS, random(&mut state))
}

fn load(slot: u16, float: Float, entry: Entry) -> Step {
    let slot = slot.into();
    Step::Load { slot, float, entry }
}

/// Whether a formula compares magnitudes and indices; its last parameter is the cutoff.
fn trims(formula: Formula) -> bool {
    matches!(
        formula,
        Formula::Trim | Formula::TrimDelta | Formula::Accumulate
    )
}

/// A Program that calls one formula on loads of two types and stores f32.
fn calling(formula: Formula, compute: Compute) -> Program {
    let first = match formula {
        Formula::Enter | Formula::FiniteOr | Formula::FiniteOrScalar => Entry::Raw,
        _ => Entry::Kept,
    };
    let mut steps = vec![
        load(0, Float::F32, first),
        load(1, Float::BF16, Entry::Kept),
        load(2, Float::F16, Entry::Kept),
        Step::Word { stream: 1.into() },
    ];
    let operands = formula
        .parameters()
        .iter()
        .zip(0..)
        .map(|(kind, nth)| match kind {
            Kind::Lane => Operand::Value((nth % 3).into()),
            Kind::Word if trims(formula) => Operand::Index,
            Kind::Word => Operand::Value(3.into()),
            Kind::Code if trims(formula) && usize::from(nth) + 1 == formula.parameters().len() => {
                Operand::Cutoff(0.into())
            }
            Kind::Scalar | Kind::Code => Operand::Scalar(nth.into()),
        });
    steps.push(Step::Call {
        formula,
        operands: operands.collect(),
    });
    // A value that was loaded raw is settled before it is stored.
    steps.push(Step::Call {
        formula: Formula::Enter,
        operands: vec![Operand::Value(4.into())],
    });
    let value = ValueId::new(5);
    let float = Float::F32;
    let stored = Output::Store {
        value,
        float,
        on_overflow: OnOverflow::Keep,
    };
    Program::new(compute, steps, vec![stored])
}

/// Several differences and products of the same inputs.
fn statistics(compute: Compute, output: impl Fn(ValueId) -> Output) -> Program {
    let values = [2, 3, 4].map(ValueId::new);
    products(compute, values.map(output).to_vec())
}

/// What becomes of the same.
fn products(compute: Compute, outputs: Vec<Output>) -> Program {
    let call = |formula, operands: [Operand; 2]| Step::Call {
        formula,
        operands: operands.to_vec(),
    };
    let (a, b) = (Operand::Value(0.into()), Operand::Value(1.into()));
    let steps = vec![
        load(1, Float::BF16, Entry::Kept),
        load(0, Float::F64, Entry::Kept),
        call(Formula::Sub, [a, b]),
        call(Formula::Mul, [a, b]),
        call(Formula::Mul, [a, a]),
    ];
    Program::new(compute, steps, outputs)
}

fn expected(case: &Case) -> Outcome {
    case.run(&mut CpuExecutor::new(Level::BASELINE))
}

fn compare(cases: Vec<(String, Case)>) {
    let expected: Vec<Outcome> = cases.iter().map(|(_, case)| expected(case)).collect();
    for_each_backend(|backend, executor| {
        for ((name, case), expected) in cases.iter().zip(&expected) {
            assert_same(
                &format!("{name} on {backend}"),
                expected,
                &case.run(executor),
            );
        }
    });
}

#[test]
fn every_element_type_is_read_and_written() {
    let mut cases = Vec::new();
    for from in Float::ALL {
        for to in Float::ALL {
            let value = ValueId::new(0);
            let stored = Output::Store {
                value,
                float: *to,
                on_overflow: OnOverflow::Keep,
            };
            let steps = vec![load(0, *from, Entry::Kept)];
            let program = Program::new(Compute::F32, steps, vec![stored]);
            cases.push((format!("{from} to {to}"), case(program, 1)));
        }
    }
    compare(cases);
}

#[test]
fn every_formula_in_every_working_dtype() {
    let mut cases = Vec::new();
    for compute in Compute::ALL {
        for formula in Formula::ALL {
            let name = format!("{formula:?} in {}", compute.name());
            let mut case = case(calling(*formula, compute), 2);
            if trims(*formula) {
                // Half of the magnitudes of the first input are above, and ties at 1.0 occur.
                for row in &mut case.rows {
                    row.scalars[2..].fill(0x3f80_0000);
                }
            }
            cases.push((name, case));
        }
    }
    compare(cases);
}

#[test]
fn more_tiles_than_a_row_of_a_dispatch() {
    let float = Float::F8E5M2;
    let steps = || {
        vec![
            load(0, float, Entry::Kept),
            load(1, Float::BF16, Entry::Kept),
        ]
    };
    let stored = Output::Store {
        value: 1.into(),
        float,
        on_overflow: OnOverflow::Keep,
    };
    let store = Program::new(Compute::F32, steps(), vec![stored]);
    let sum = Program::new(
        Compute::F32,
        steps(),
        [0, 1].map(|at| Output::Sum(at.into())).to_vec(),
    );
    let mut cases = Vec::new();
    for program in [store, sum] {
        let ranges = [(0, 300 * TILE + 5), (1 << 20, 700 * TILE - 1)];
        let rows = rows(ranges.len(), 0, &mut 12);
        let case = Case::new(program, rows, &ranges, &[Elements::Tame], 13);
        cases.push(("a thousand tiles".into(), case));
    }
    compare(cases);
}

#[test]
fn counts_in_grids_wide_and_narrow() {
    let grids = [
        Grid::over(0, 0x7fff_ffff),
        Grid::over(0x3f00_0000, 0x3f80_0000),
        Grid {
            lo: 0x3f80_0000,
            shift: 0,
        },
        Grid::over(0x3800_0000, 0x4800_0000),
    ];
    let mut cases = Vec::new();
    for compute in Compute::ALL {
        let mut state = 4;
        let ranges = [
            (0, 9003),
            (1 << 34, 4095),
            (0, 40_002),
            (0, 4096),
            (1024, 5001),
            (0, 0),
        ];
        let rows = rows(ranges.len(), 0, &mut state);
        let program = statistics(compute, Output::Count);
        let mut case = Case::new(program, rows, &ranges, &KINDS, 5);
        case.grids = grids.into_iter().cycle().take(3 * ranges.len()).collect();
        cases.push((format!("counts in {}", compute.name()), case));
    }
    compare(cases);
}

#[test]
fn an_input_that_must_be_finite_is_named() {
    for end in 0..4 {
        let steps = vec![
            load(0, Float::BF16, Entry::Checked),
            load(1, Float::F16, Entry::Checked),
        ];
        let both = |of: fn(ValueId) -> Output| [0, 1].map(|at| of(ValueId::new(at))).to_vec();
        let outputs = match end {
            0 => vec![Output::Store {
                value: 0.into(),
                float: Float::BF16,
                on_overflow: OnOverflow::Keep,
            }],
            1 => both(Output::Sum),
            2 => both(Output::Max),
            _ => both(Output::Count),
        };
        let program = Program::new(Compute::F32, steps, outputs);
        let mut state = 6;
        let ranges = [(0, 5000), (0, 10), (1 << 33, 6000), (0, 100)];
        let rows = rows(ranges.len(), 0, &mut state);
        let kinds = [
            Elements::Tame,
            Elements::Tiny,
            Elements::Infinite,
            Elements::Wild,
        ];
        let mut case = Case::new(program, rows, &ranges, &kinds, 7);
        case.grids = vec![Grid::over(0, 0x7fff_ffff); if end == 3 { 2 * ranges.len() } else { 0 }];
        let Outcome::Failed(error) = expected(&case) else {
            panic!("an error was expected");
        };
        assert!(error.to_string().contains("of piece 2"), "{error}");
        compare(vec![("a check".into(), case)]);
    }
}

/// A comparison that cannot fail would prove nothing.
#[test]
fn a_perturbation_is_noticed() {
    let compute = Compute::F32;
    let base = case(calling(Formula::Axpy, compute), 8);
    let mut other_row = case(calling(Formula::Axpy, compute), 8);
    other_row.rows[6].scalars[2] ^= 1;
    let other_program = case(calling(Formula::Scale, compute), 8);
    let mut other_stream = case(calling(Formula::Dropout, compute), 8);
    other_stream.rows[8].scalars[2] = u32::MAX / 2;
    let dropout = expected(&other_stream);
    other_stream.rows[8].streams[1].0[0] ^= 1;
    let right = expected(&base);
    for_each_backend(|backend, executor| {
        assert!(other_row.run(executor) != right, "a row on {backend}");
        assert!(
            other_program.run(executor) != right,
            "a Program on {backend}"
        );
        assert!(
            other_stream.run(executor) != dropout,
            "a stream on {backend}"
        );
    });
}

/// Values that are finite everywhere are computed by the GPU itself.
#[cfg(feature = "gpu")]
#[test]
fn only_what_is_not_finite_is_left_to_the_cpu() {
    use crate::support::backends::for_each_gpu;
    let ranges = ranges();
    let kinds = [Elements::Tame, Elements::Tiny];
    // Powers of zeros and of tiny numbers are infinite, and so are quotients by zero; a number
    // below zero has no root.
    let finite = |formula: &&Formula| {
        !crate::kernel::POWERS.contains(formula)
            && !matches!(formula, Formula::Divide | Formula::Root)
    };
    for_each_gpu(|backend, executor| {
        for formula in Formula::ALL.iter().filter(finite) {
            let mut state = 9;
            let rows = rows(ranges.len(), SCALARS, &mut state);
            let program = calling(*formula, Compute::F32);
            let case = Case::new(program, rows, &ranges, &kinds, 10);
            case.run(executor);
            assert_eq!(executor.rescued_pieces(), 0, "{formula:?} on {backend}");
        }
        let wild = case(calling(Formula::Add, Compute::F32), 11);
        wild.run(executor);
        assert!(executor.rescued_pieces() > 0, "on {backend}");
    });
}

/// Executors of one device work at the same time.
#[cfg(feature = "gpu")]
#[test]
fn workers_share_a_device() {
    use crate::support::backends::{SLOT_BYTES, devices};
    use std::sync::Arc;
    use wgmerge::gpu::GpuExecutor;
    for device in devices() {
        let worker = |seed: u64| {
            let mut executor =
                GpuExecutor::new(Arc::clone(device), SLOT_BYTES, SLOT_BYTES, Level::BASELINE)
                    .unwrap_or_else(|error| panic!("{error}"));
            for turn in 0..20 {
                let case = case(calling(Formula::Blend, Compute::F32), seed * 100 + turn);
                assert_same("a worker", &expected(&case), &case.run(&mut executor));
            }
        };
        std::thread::scope(|scope| {
            for seed in 0..4 {
                scope.spawn(move || worker(seed));
            }
        });
    }
}
