//! Programs against answers that are obviously right.

mod guard;
mod host;
mod powers;
mod random;

#[cfg(feature = "gpu")]
pub use powers::POWERS;

use crate::support::backends::levels;
use wgmerge::dtype::{Float, codec};
use wgmerge::exec::cpu::CpuExecutor;
use wgmerge::exec::{Batch, Executor, Piece, Results};
use wgmerge::kernel::{
    Compute, Derive, Entry, Expression, Formula, Kept, OnOverflow, Output, Program, Row, Scope,
    StatisticId, Step, TILE, Tally, Ties,
};

fn bytes(x: &[f32]) -> Vec<u8> {
    x.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The guard, in the plainest form.
fn rounded(compute: Compute, x: f32) -> f32 {
    let through = |float, x: f32| {
        f32::from_bits(codec::decode(
            float,
            codec::encode(float, codec::settled(x.to_bits())),
        ))
    };
    let x = match compute {
        Compute::F32 => x,
        Compute::BF16 => through(Float::BF16, x),
        Compute::F16 => through(Float::F16, x),
    };
    f32::from_bits(codec::settled(x.to_bits()))
}

/// A formula on one element, written down again.
fn naive(compute: Compute, formula: Formula, a: &[u32]) -> f32 {
    let rz = |x| rounded(compute, x);
    let f = |i: usize| f32::from_bits(a[i]);
    let agrees =
        |x: f32, e: f32| x != 0.0 && x.is_sign_negative() == (e.is_sign_negative() && e != 0.0);
    let kept = |keep: bool, x: f32| if keep { x } else { 0.0 };
    let trim = |x: f32, i: u32, t: u32, c: u32| {
        let key = x.to_bits() & 0x7fff_ffff;
        kept(key > t || key == t && i < c, x)
    };
    let mean = |mass: f32, total: f32| if total == 0.0 { mass } else { rz(mass / total) };
    match formula {
        Formula::Add => rz(f(0) + f(1)),
        Formula::Sub => rz(f(0) - f(1)),
        Formula::Mul | Formula::Scale => rz(f(0) * f(1)),
        Formula::Axpy => rz(f(0) + rz(f(1) * f(2))),
        Formula::Blend => rz(rz(f(0) * f(2)) + rz(f(1) * f(3))),
        Formula::Magnitude => f(0).abs(),
        Formula::Trim => trim(f(0), a[1], a[2], a[3]),
        Formula::TrimDelta => trim(rz(f(0) - f(1)), a[2], a[3], a[4]),
        Formula::TrimAbove => trim(f(0), 0, a[1] & 0x7fff_ffff, 0),
        Formula::TrimDeltaAbove => trim(rz(f(0) - f(1)), 0, a[2] & 0x7fff_ffff, 0),
        Formula::Dropout => kept(a[1] < a[2], f(0)),
        Formula::DropoutDelta => kept(a[2] < a[3], rz(f(0) - f(1))),
        Formula::ConsensusOfTwo => {
            let elected = rz(f(0) + f(1));
            let [x, y] = [agrees(f(0), elected), agrees(f(1), elected)];
            let mass = rz(kept(x, f(0)) + kept(y, f(1)));
            mean(mass, rz(kept(x, f(2)) + kept(y, f(3))))
        }
        Formula::EvenConsensus => {
            let elected = rz(f(0) + f(1));
            let [x, y] = [agrees(f(0), elected), agrees(f(1), elected)];
            let mass = rz(kept(x, f(0)) + kept(y, f(1)));
            rz(mass * f(if x && y { 3 } else { 2 }))
        }
        Formula::Vote => kept(f(0) != 0.0, 1_f32.copysign(f(0))),
        Formula::Agree => kept(agrees(f(0), f(1)), f(0)),
        Formula::KeepAgreeing => kept(agrees(f(1), f(2)), f(0)),
        Formula::AgreeWeight => kept(agrees(f(0), f(1)), f(2)),
        Formula::Gather => rz(f(0) + kept(agrees(f(1), f(2)), f(1))),
        Formula::GatherWeight => rz(f(0) + kept(agrees(f(1), f(2)), f(3))),
        Formula::Mean | Formula::MeanOf => mean(f(0), f(1)),
        Formula::ElectedEntry | Formula::ElectedCount => {
            let same = f(0).is_sign_negative() == f(1).is_sign_negative();
            let same = same && f(0) != 0.0 && f(1) != 0.0;
            let count = formula == Formula::ElectedCount;
            kept(same, if count { 1.0 } else { f(0) })
        }
        Formula::KeepBelow | Formula::KeepBelowEach => kept(f(1).total_cmp(&f(2)).is_lt(), f(0)),
        Formula::Raise => rz(f(0) + f(1)),
        Formula::AddDifference => rz(f(0) + rz(rz(f(1) - f(2)) * f(3))),
        Formula::AxpyEach => rz(f(0) + rz(f(1) * f(2))),
        Formula::LerpEach => {
            let d = rz(f(1) - f(0));
            match f(2).abs() < 0.5 {
                true => rz(f(0) + rz(d * f(2))),
                false => rz(f(1) - rz(d * rz(1.0 - f(2)))),
            }
        }
        Formula::Enter => rz(f(0)),
        Formula::FiniteOr | Formula::FiniteOrScalar if f(0).is_finite() => f(0),
        Formula::FiniteOr | Formula::FiniteOrScalar => f(1),
        other => naive_shift(compute, other, &f),
    }
}

/// The formulas that move a value and leave it as it is where there is nothing to add.
fn naive_shift(compute: Compute, formula: Formula, f: &dyn Fn(usize) -> f32) -> f32 {
    let rz = |x| rounded(compute, x);
    let shift = |acc: f32, d: f32| if d == 0.0 { acc } else { rz(acc + d) };
    let near = |a: f32, b: f32, w: f32| rz(a + rz(rz(b - a) * w));
    let far = |a: f32, b: f32, w: f32| rz(b + rz(rz(b - a) * w));
    match formula {
        Formula::LerpNear => near(f(0), f(1), f(2)),
        Formula::LerpFar => far(f(0), f(1), f(2)),
        Formula::LerpNearNear => near(near(f(0), f(1), f(2)), f(3), f(4)),
        Formula::LerpNearFar => far(near(f(0), f(1), f(2)), f(3), f(4)),
        Formula::LerpFarNear => near(far(f(0), f(1), f(2)), f(3), f(4)),
        Formula::LerpFarFar => far(far(f(0), f(1), f(2)), f(3), f(4)),
        Formula::Accumulate => {
            let product = rounded(Compute::F32, f(1) * f(2));
            let vector = f(3).to_bits() < f(4).to_bits();
            rz(f(0) + if vector { product } else { rz(product) })
        }
        Formula::ScaleDifference => rz(rz(f(0) - f(1)) * f(2)),
        Formula::Shift => shift(f(0), f(1)),
        Formula::ShiftScaled => shift(f(0), rz(f(1) * f(2))),
        Formula::ShiftDifference => shift(f(0), rz(rz(f(1) - f(2)) * f(3))),
        Formula::ShiftFromScaled => shift(rz(f(0) * f(1)), rz(rz(f(2) - f(3)) * f(4))),
        other => naive_bound(compute, other, f),
    }
}

/// The formulas of bounds, masks and casts.
fn naive_bound(compute: Compute, formula: Formula, f: &dyn Fn(usize) -> f32) -> f32 {
    let rz = |x| rounded(compute, x);
    let below = |a: f32, b: f32| a.total_cmp(&b).is_lt();
    // NaN lies above all numbers, and is kept nevertheless.
    let least = |a: f32, b: f32| match (a.is_nan() || b.is_nan(), below(b, a)) {
        (true, _) => f32::NAN,
        (false, true) => b,
        (false, false) => a,
    };
    let greatest = |a: f32, b: f32| if below(a, b) { b } else { a };
    let ratio = |x: f32, y: f32| {
        if x == 0.0 && y == 0.0 {
            rz(x)
        } else {
            rz(x / y)
        }
    };
    let cast = |float| {
        let bits = codec::decode(float, codec::encode(float, f(0).to_bits()));
        rz(f32::from_bits(bits))
    };
    match formula {
        Formula::Fill => rz(f(0)),
        Formula::Flaw => f32::from(u8::from(!f(0).is_finite())),
        Formula::Choose | Formula::ChooseEach => f(usize::from(f(2) == 0.0)),
        Formula::Least => least(f(0), f(1)),
        Formula::Greatest => greatest(f(0), f(1)),
        Formula::LeastFrom if below(f(1), f(2)) => f(0),
        Formula::LeastFrom => least(f(0), f(1)),
        Formula::GreatestTo if below(f(2), f(1)) => f(0),
        Formula::GreatestTo => greatest(f(0), f(1)),
        Formula::Unit => greatest(least(f(0), 1.0), 0.0),
        Formula::Share => ratio(f(0).abs(), rz(f(0).abs() + f(1).abs())),
        Formula::Accord => {
            let larger = greatest(f(0).abs(), f(1).abs());
            let value = ratio(rz(f(0) * f(1)), rz(larger * larger));
            if value.is_sign_negative() { 0.0 } else { value }
        }
        Formula::Likeness => {
            let larger = f(0).abs().max(f(1).abs());
            let product = rz(rz(f(0) / larger) * rz(f(1) / larger));
            let likeness = match larger == 0.0 {
                true => 1.0,
                false => rz(rz(product + 1.0) * 0.5),
            };
            rz(likeness * f(2))
        }
        Formula::Between => {
            let [index, start, end] = [2, 3, 4].map(|at| f(at).to_bits());
            f(usize::from(!(start..end).contains(&index)))
        }
        Formula::RoundF16 => cast(Float::F16),
        Formula::RoundBf16 => cast(Float::BF16),
        Formula::RoundF8E4m3 => cast(Float::F8E4M3),
        Formula::RoundF8E5m2 => cast(Float::F8E5M2),
        Formula::NearWeight => {
            let near = greatest(f(1), 0.0);
            let most = greatest(greatest(f(0).abs(), f(2)), near);
            if most == 0.0 { near } else { rz(near / most) }
        }
        Formula::KeepChance => {
            let uniform = f32::from_bits(f(1).to_bits() >> 9 | 0x3f80_0000) - 1.0;
            if below(uniform, f(2)) { f(0) } else { 0.0 }
        }
        other => basic(compute, other, &f),
    }
}

/// Those that formulas of method files are made of.
fn basic(compute: Compute, formula: Formula, f: &dyn Fn(usize) -> f32) -> f32 {
    let rz = |x| rounded(compute, x);
    match formula {
        Formula::Divide => rz(f(0) / f(1)),
        Formula::Root => rz(f(0).sqrt()),
        Formula::Opposite => -f(0),
        Formula::IsBelow => f32::from(u8::from(f(0) < f(1))),
        Formula::IsSame => f32::from(u8::from(f(0) == f(1))),
        Formula::WholePart => f(0).trunc(),
        Formula::RoundDown => rz(f(0).floor()),
        Formula::RoundUp => -rz((-f(0)).floor()),
        Formula::RoundEven => rz(f(0).round_ties_even()),
        Formula::Uniform => match rz((f(0).to_bits() >> 8) as f32 / 16_777_216.0) {
            1.0 => 255.0 / 256.0,
            below => below,
        },
        Formula::Sound if f(0).is_finite() && f(1).is_finite() => f(0),
        Formula::Sound => 0.0,
        Formula::Signs => {
            let signed = |x: f32| x.is_finite() && x != 0.0;
            let signed = signed(f(0)) && signed(f(1));
            let same = f(0).is_sign_negative() == f(1).is_sign_negative();
            two(signed && same, signed && !same)
        }
        Formula::Presence => two(f(0) != 0.0, f(1) != 0.0),
        other => panic!("{other:?} is not written down"),
    }
}

/// Two conditions in one number.
fn two(first: bool, second: bool) -> f32 {
    f32::from(u8::from(first)) + 2048.0 * f32::from(u8::from(second))
}

/// Runs a Program at every level and compares what it stores.
fn compare(program: &Program, row: &Row, inputs: &[Vec<f32>], expected: &[f32]) {
    let len = expected.len();
    let stride = (4 * len).next_multiple_of(16);
    let mut arena = vec![0; inputs.len() * stride];
    for (x, part) in inputs.iter().zip(arena.chunks_mut(stride)) {
        part[..4 * len].copy_from_slice(&bytes(x));
    }
    let inputs = (0..inputs.len()).map(|slot| slot * stride).collect();
    let piece = Piece {
        row,
        start: 0,
        len,
        inputs,
        output: 0,
    };
    for level in levels() {
        let mut output = vec![0; 4 * len];
        let batch = Batch {
            program,
            pieces: std::slice::from_ref(&piece),
        };
        CpuExecutor::new(level)
            .run(&batch, &arena, &mut Results::storing(&mut output))
            .expect("the CPU does it");
        for (i, (found, expected)) in output.as_chunks::<4>().0.iter().zip(expected).enumerate() {
            let found = f32::from_le_bytes(*found);
            let same = found.to_bits() == expected.to_bits();
            assert!(
                same,
                "{}: element {i}: {found:e}, not {expected:e}, of {program:?}",
                level.name()
            );
        }
    }
}

#[test]
fn statistics_order_themselves_into_levels() {
    let mut e = Expression::new(Compute::F32);
    let a = e.load(0.into(), Float::F32, Entry::Kept);
    let b = e.load(1.into(), Float::F32, Entry::Kept);
    let d = e.call(Formula::Sub, &[a.into(), b.into()]);
    assert_eq!(
        d,
        e.call(Formula::Sub, &[a.into(), b.into()]),
        "equal nodes are one"
    );
    let t = e.trim(d, Kept::Density(0.5), Ties::Exact, Scope::Tensor);
    let derive = Derive {
        function: |sums, _| sums.to_vec(),
        parameters: Vec::new(),
    };
    let factor = e.sums(&[t], derive, 1)[0];
    let scaled = e.call(Formula::Scale, &[t.into(), factor]);
    let again = e.trim(scaled, Kept::Density(0.5), Ties::Exact, Scope::Tensor);
    assert_eq!(
        e.levels(&[again]),
        [0, 1, 2].map(|at| vec![StatisticId::new(at)])
    );
    assert_eq!(e.levels(&[t]), [vec![StatisticId::new(0)]]);
    assert!(e.levels(&[d]).is_empty());
    assert_eq!(
        e.trim(d, Kept::Density(1.0), Ties::Exact, Scope::Tensor),
        d,
        "a trim that keeps all is none"
    );
    let program = e.program(&[t], |values| {
        vec![Output::Store {
            value: values[0],
            float: Float::F32,
            on_overflow: OnOverflow::Keep,
        }]
    });
    let calls = program
        .steps()
        .iter()
        .filter(|step| matches!(step, Step::Call { .. }))
        .count();
    assert_eq!(calls, 1, "the difference and its trim are fused");
    let counted = e.program(&[d], |values| vec![Output::Count(values[0])]);
    assert_eq!(counted.steps().len(), 3, "only what is needed");
}

#[test]
fn a_tile_is_summed_by_the_tree() {
    let load = Step::Load {
        slot: 0.into(),
        float: Float::F32,
        entry: Entry::Kept,
    };
    let program = Program::new(Compute::BF16, vec![load], vec![Output::Sum(0.into())]);
    for len in [0, 1, 511, 512, 513, TILE - 1, TILE, TILE + 1, 3 * TILE + 5] {
        let x: Vec<f32> = (0..len)
            .map(|i| ((i * 37 % 101) as f32 - 50.0) / 3.0)
            .collect();
        let (row, arena) = (Row::default(), bytes(&x));
        let piece = Piece {
            row: &row,
            start: 0,
            len,
            inputs: vec![0],
            output: 0,
        };
        let batch = Batch {
            program: &program,
            pieces: &[piece],
        };
        let expected: Vec<f32> = x
            .chunks(TILE)
            .map(|tile| {
                let mut sums: Vec<f32> = tile.iter().map(|x| rounded(Compute::BF16, *x)).collect();
                sums.resize(TILE, 0.0);
                while sums.len() > 1 {
                    let half = sums.len() / 2;
                    sums = (0..half)
                        .map(|i| rounded(Compute::F32, sums[i] + sums[i + half]))
                        .collect();
                }
                sums[0]
            })
            .collect();
        for level in levels() {
            let mut found = [Tally::Sums(Vec::new())];
            CpuExecutor::new(level)
                .run(&batch, &arena, &mut Results::asking(&mut found))
                .expect("the CPU does it");
            assert_eq!(found, [Tally::Sums(expected.clone())], "{len} elements");
        }
    }
}
