//! Exact selections against sorting.

use crate::support::backends::levels;
use proptest::prelude::*;
use wgmerge::dtype::Float;
use wgmerge::exec::cpu::candidates::Candidates;
use wgmerge::exec::cpu::{CpuExecutor, Level, Tie};
use wgmerge::exec::{Batch, Executor, Piece};
use wgmerge::kernel::{BINS, Compute, End, Entry, Program, Row, Selection, Step, TILE, Ties};

/// Which entries are kept, by sorting.
fn kept_by_sorting(x: &[f32], k: usize, ties: Ties) -> Vec<bool> {
    let key = |i: usize| x[i].to_bits() & 0x7fff_ffff;
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by_key(|&i| (std::cmp::Reverse(key(i)), i));
    let mut kept = vec![false; x.len()];
    order[..k].iter().for_each(|&i| kept[i] = true);
    if ties == Ties::Keep && k > 0 {
        let least = key(order[k - 1]);
        (0..x.len()).for_each(|i| kept[i] = key(i) >= least);
    }
    kept
}

/// A Program that counts the magnitudes of its input.
fn counting() -> Program {
    let load = Step::Load {
        slot: 0.into(),
        float: Float::F32,
        entry: Entry::Checked,
    };
    Program::new(Compute::F32, vec![load], End::Count(vec![0.into()]))
}

fn bytes(x: &[f32]) -> Vec<u8> {
    x.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Whether the threshold and index limit keep what sorting keeps; dropped zeros do not count.
fn check(x: &[f32], k: usize, ties: Ties, key: u32, limit: u64) {
    let expected = kept_by_sorting(x, k, ties);
    for (i, x) in x.iter().enumerate() {
        let own = x.to_bits() & 0x7fff_ffff;
        let kept = own > key || (own == key && (i as u64) < limit);
        assert!(
            kept == expected[i] || own == 0,
            "element {i} of {} at k = {k}",
            expected.len()
        );
    }
}

fn by_counting(level: Level, x: &[f32], k: usize, ties: Ties, guess: Option<&mut [u32]>) {
    let (program, row, arena) = (counting(), Row::default(), bytes(x));
    let piece = Piece {
        row: &row,
        start: 0,
        len: x.len(),
        inputs: vec![0],
        output: 0,
    };
    let batch = Batch {
        program: &program,
        pieces: &[piece],
    };
    let mut cpu = CpuExecutor::new(level);
    let mut selection = Selection::new(x.len() as u64, k as u64, ties);
    if let Some(sample) = guess {
        selection.guess(sample, x.len() as u64);
    }
    let mut passes = 0;
    while let Some(window) = selection.window() {
        let counts = cpu.count(&batch, &[window], &arena).expect("finite values");
        assert_eq!(counts.len(), BINS + 1);
        selection
            .feed(&counts)
            .expect("the same entries every time");
        passes += 1;
        assert!(passes <= 4, "a selection must end");
    }
    let limit = match selection.kept_ties() {
        None => u64::MAX,
        Some(rank) => {
            let mut tie = [Tie::new(0, selection.threshold(), rank)];
            cpu.locate(&batch, &arena, &mut tie);
            tie[0].found.unwrap_or(u64::MAX)
        }
    };
    check(x, k, ties, selection.threshold(), limit);
}

fn by_collecting(level: Level, x: &[f32], k: usize, ties: Ties, sample: &mut [u32]) {
    let (program, row, arena) = (counting(), Row::default(), bytes(x));
    let mut selection = Selection::new(x.len() as u64, k as u64, ties);
    selection.guess(sample, x.len() as u64);
    let mut candidates = Candidates::new(&[selection], x.len() as u64, usize::MAX);
    let mut cpu = CpuExecutor::new(level);
    let whole = Piece {
        row: &row,
        start: 0,
        len: x.len(),
        inputs: vec![0],
        output: 0,
    };
    // Two chunks, as a lane would read them.
    let half = (x.len() / 2).next_multiple_of(TILE).min(x.len());
    for (start, len) in [(0, half), (half, x.len() - half)] {
        let piece = Piece {
            start: start as u64,
            len,
            inputs: vec![4 * start],
            ..whole.clone()
        };
        let batch = Batch {
            program: &program,
            pieces: &[piece],
        };
        cpu.collect(&batch, &mut candidates, &arena)
            .expect("finite values");
    }
    // A guess that is missed is found by counting.
    let Some(found) = candidates.finish()[0] else {
        return;
    };
    let limit = found.end.map_or(u64::MAX, |end| {
        let start = end.tile as usize * TILE;
        let len = TILE.min(x.len() - start);
        let piece = Piece {
            start: start as u64,
            len,
            inputs: vec![4 * start],
            ..whole.clone()
        };
        let batch = Batch {
            program: &program,
            pieces: &[piece],
        };
        let mut tie = [Tie::new(0, found.key, end.rank)];
        cpu.locate(&batch, &arena, &mut tie);
        tie[0].found.expect("the entry")
    });
    check(x, k, ties, found.key, limit);
}

fn select_everywhere(x: &[f32], k: usize) {
    let keys = |step: usize| -> Vec<u32> {
        x.iter()
            .step_by(step)
            .map(|x| x.to_bits() & 0x7fff_ffff)
            .collect()
    };
    for ties in [Ties::Exact, Ties::Keep] {
        for level in levels() {
            by_counting(level, x, k, ties, None);
            by_counting(level, x, k, ties, Some(&mut keys(7)));
            by_counting(level, x, k, ties, Some(&mut [0, 1, 2]));
            by_counting(level, x, k, ties, Some(&mut [0x7f00_0000; 9]));
            by_collecting(level, x, k, ties, &mut keys(1));
            by_collecting(level, x, k, ties, &mut keys(7));
        }
    }
}

#[test]
fn selections_of_constant_tied_and_zero_heavy_values() {
    let constant = vec![0.5; 3000];
    let zeros: Vec<f32> = (0..3000)
        .map(|i| if i % 10 == 0 { i as f32 } else { -0.0 })
        .collect();
    let tied: Vec<f32> = (0..5000)
        .map(|i| ((i * 7919) % 11) as f32 * 0.25 - 1.0)
        .collect();
    for x in [&constant, &zeros, &tied] {
        for k in [0, 1, 2, 299, 300, 301, 1500, x.len() - 1, x.len()] {
            select_everywhere(x, k);
        }
    }
    select_everywhere(&[1.0], 0);
    select_everywhere(&[1.0], 1);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(40)
    })]

    #[test]
    fn selections_of_random_values(
        x in proptest::collection::vec(-1e3f32..1e3, 1..4000),
        coarse in any::<bool>(),
        share in 0.0..=1.0f64,
    ) {
        let tied = |x: f32| if coarse { (x / 50.0).round() } else { x };
        let x: Vec<f32> = x.into_iter().map(tied).collect();
        select_everywhere(&x, (share * x.len() as f64) as usize);
    }
}
