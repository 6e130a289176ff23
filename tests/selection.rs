//! Exact selections against sorting.

use crate::support::backends::levels;
use proptest::prelude::*;
use wgmerge::dtype::Float;
use wgmerge::exec::cpu::{CpuExecutor, Level};
use wgmerge::kernel::reduce::{Extent, Found};
use wgmerge::kernel::{
    BINS, Compute, Entry, Kept, Largest, Output, Program, Reduce, Selection, Step, TILE, Threshold,
    Ties,
};

use crate::support::reduce::settle;

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
    Program::new(Compute::F32, vec![load], vec![Output::Count(0.into())])
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

/// Finds the threshold as whoever reads in chunks does, within so much memory.
fn by_passes(level: Level, x: &[f32], k: usize, ties: Ties, (room, collects): (usize, bool)) {
    let n = x.len() as u64;
    // A density whose product with n is k, whatever rounds.
    let kept = match k {
        0 => Kept::Density(0.5 / x.len() as f64),
        k => Kept::Density((k as f64 + 0.25) / x.len() as f64),
    };
    assert_eq!(kept.count(n), (k as u64).min(n));
    let extent = Extent {
        values: 1,
        tiles: n.div_ceil(TILE as u64),
        elements: n,
        among: n,
        room,
        collects,
    };
    let mut reductions = [Largest { kept, ties }.begin(extent)];
    let passes = settle(
        &mut CpuExecutor::new(level),
        &counting(),
        x,
        2,
        &mut reductions,
    );
    assert!(passes <= 8, "{passes} passes");
    let Found::Threshold(Threshold { key, cutoff }) = reductions[0].found() else {
        panic!("a threshold was sought");
    };
    check(x, k, ties, key, cutoff);
}

fn select_everywhere(x: &[f32], k: usize) {
    let grid = 8 * (BINS + 1);
    let rooms = [0, 40, 800, 2 * grid, 40 * grid, usize::MAX / 16];
    for ties in [Ties::Exact, Ties::Keep] {
        for level in levels() {
            for room in rooms {
                for collects in [false, true] {
                    by_passes(level, x, k, ties, (room, collects));
                }
            }
        }
    }
}

/// However wrong a guess is, it costs passes and no more.
#[test]
fn a_guess_changes_nothing() {
    let x: Vec<f32> = (0..5000)
        .map(|i| ((i * 7919) % 4999) as f32 - 2500.0)
        .collect();
    let mut keys: Vec<u32> = x.iter().map(|x| x.to_bits() & 0x7fff_ffff).collect();
    keys.sort_unstable();
    for k in [1, 77, 2500, 4999] {
        for mut guess in [vec![0, 1, 2], vec![0x7f00_0000; 9], keys.clone()] {
            let mut selection = Selection::new(5000, k, Ties::Exact);
            selection.guess(&mut guess, 5000);
            let mut passes = 0;
            while let Some(grid) = selection.grid() {
                let mut bins = vec![0; BINS + 1];
                for bin in keys.iter().filter_map(|key| grid.bin(*key)) {
                    bins[bin] += 1;
                }
                selection.feed(&bins).expect("the same entries every time");
                passes += 1;
                assert!(passes <= 4, "a selection must end");
            }
            assert_eq!(selection.threshold(), keys[5000 - k as usize]);
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
