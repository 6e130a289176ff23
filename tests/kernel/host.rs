//! Operations on whole tensors, against their definitions.

use std::f64::consts::PI;

use wgmerge::exec::cpu::Level;
use wgmerge::kernel::HostOp;
use wgmerge::kernel::host::{CentredRank, Crossover, Exchange, Region};

use crate::support::models::values;

/// The indices of an element in every dimension.
fn indices(shape: &[u64], mut element: u64) -> Vec<u64> {
    let mut found: Vec<u64> = Vec::new();
    for len in shape.iter().rev() {
        found.push(element % len);
        element /= len;
    }
    found.reverse();
    found
}

/// How large a frequency is in one dimension, as sd-mecha's `crossover` has it.
fn size(k: u64, len: u64, last: bool) -> f64 {
    let near = k.min(len - k) as f64;
    match (len, last) {
        (1, _) => 0.0,
        // From 0 to 1 over the half that a real transform has.
        _ => near / (len / 2) as f64,
    }
}

/// The share of b at a frequency.
fn share(alpha: f64, tilt: f64, m: f64) -> f64 {
    let cot = 1.0 / (PI * tilt / 2.0).tan();
    match tilt {
        0.0 => f64::from(m > 1.0 - alpha),
        2.0 => f64::from(m < 1.0 - alpha),
        t if t <= 1.0 => (m * cot + alpha * cot + alpha - cot).clamp(0.0, 1.0),
        t if t < 2.0 => (m * cot - alpha * cot + alpha).clamp(0.0, 1.0),
        t => 1.0 - share(1.0 - alpha, t, m).clamp(0.0, 1.0),
    }
}

/// The share where the filter is turned over.
fn turned(alpha: f64, tilt: f64, m: f64) -> f64 {
    if tilt <= 2.0 {
        return share(alpha, tilt, m);
    }
    let (alpha, cot) = (1.0 - alpha, 1.0 / (PI * tilt / 2.0).tan());
    let line = match tilt <= 3.0 {
        true => m * cot + alpha * cot + alpha - cot,
        false => m * cot - alpha * cot + alpha,
    };
    1.0 - line.clamp(0.0, 1.0)
}

/// The mixture by the definition of the transform, in f64.
fn mixed(shape: &[u64], a: &[f32], b: &[f32], alpha: f64, tilt: f64) -> Vec<f64> {
    let n = a.len() as u64;
    let phase = |x: &[u64], k: &[u64]| {
        let turns = x.iter().zip(k).zip(shape);
        let turns = turns.map(|((x, k), len)| (x * k % len) as f64 / *len as f64);
        2.0 * PI * turns.sum::<f64>()
    };
    let all: Vec<Vec<u64>> = (0..n).map(|element| indices(shape, element)).collect();
    let spectrum = all.iter().map(|k| {
        let sizes = k.iter().zip(shape).enumerate();
        let sizes = sizes.map(|(axis, (k, len))| size(*k, *len, axis + 1 == shape.len()));
        let m = (sizes.map(|size| size * size).sum::<f64>() / shape.len() as f64).sqrt();
        let f = turned(alpha, tilt, m);
        let terms = all.iter().zip(a.iter().zip(b)).map(|(x, (a, b))| {
            let value = (1.0 - f) * f64::from(*a) + f * f64::from(*b);
            let angle = phase(x, k);
            (value * angle.cos(), -value * angle.sin())
        });
        terms.fold((0.0, 0.0), |sum, term| (sum.0 + term.0, sum.1 + term.1))
    });
    let spectrum: Vec<(f64, f64)> = spectrum.collect();
    let back = all.iter().map(|x| {
        let terms = all.iter().zip(&spectrum).map(|(k, (re, im))| {
            let angle = phase(x, k);
            re * angle.cos() - im * angle.sin()
        });
        terms.sum::<f64>() / n as f64
    });
    back.collect()
}

#[test]
fn crossovers_are_mixtures_in_the_frequencies() {
    let shapes: [&[u64]; 8] = [
        &[7],
        &[8],
        &[6, 8],
        &[5, 7],
        &[1, 5],
        &[5, 1],
        &[4, 3, 3, 3],
        &[20, 2],
    ];
    for shape in shapes {
        let n: u64 = shape.iter().product();
        let (a, b) = (values(n as usize, 1, 0), values(n as usize, 2, 0));
        for (alpha, tilt) in [
            (0.5, 0.0),
            (0.3, 0.5),
            (0.3, 1.5),
            (0.3, 2.0),
            (0.3, 2.5),
            (0.7, 3.5),
        ] {
            let op = Crossover { alpha, tilt };
            let found = op.run(&Level::BASELINE, shape, vec![a.clone(), b.clone()]);
            let wanted = mixed(shape, &a, &b, alpha, tilt);
            for (found, wanted) in found.iter().zip(&wanted) {
                let apart = (f64::from(*found) - wanted).abs();
                assert!(
                    apart < 1e-6 * (1.0 + wanted.abs()),
                    "{shape:?} {op:?}: {found} {wanted}"
                );
            }
        }
    }
}

#[test]
fn equal_and_empty_values_are_not_transformed() {
    let op = Crossover {
        alpha: 0.5,
        tilt: 0.0,
    };
    let a = values(48, 3, 0);
    assert_eq!(
        op.run(&Level::BASELINE, &[6, 8], vec![a.clone(), a.clone()]),
        a
    );
    assert_eq!(
        op.run(&Level::BASELINE, &[], vec![vec![2.0], vec![4.0]]),
        [3.0]
    );
    assert!(
        op.run(&Level::BASELINE, &[0, 4], vec![vec![], vec![]])
            .is_empty()
    );
}

#[test]
fn entries_are_exchanged_by_their_ranks() {
    for (n, width, offset) in [
        (7, 1.0, 0.0),
        (48, 0.5, 0.0),
        (48, 0.5, 0.75),
        (50, 0.3, -0.2),
        (50, -0.3, 0.2),
        (1, 0.5, 0.0),
        (9, 0.0, 0.0),
    ] {
        let (mut a, mut b) = (values(n, 4, 0), values(n, 5, 0));
        // Ties, and zeros of both signs.
        if n > 8 {
            (a[3], a[5], b[2], b[7]) = (a[1], -a[1], 0.0, -0.0);
        }
        let found = Exchange { width, offset }.run(
            &Level::BASELINE,
            &[n as u64],
            vec![a.clone(), b.clone()],
        );
        let region = Region::of(width, offset, n as u64);
        let mut s = a.clone();
        s.sort_by(|x, y| x.partial_cmp(y).expect("numbers"));
        let mut sizes: Vec<f32> = a.iter().map(|x| x.abs()).collect();
        sizes.sort_by(f32::total_cmp);
        let at = |rank: u64| match rank {
            0 => -1.0,
            _ => sizes[rank as usize - 1],
        };
        for i in 0..n {
            let rank = (0..n)
                .filter(|&j| b[j] < b[i] || (b[j] == b[i] && j < i))
                .count();
            let size = s[rank].abs();
            let inside = at(region.start) <= size && size <= at(region.end);
            let wanted = if inside != region.inverted {
                s[rank]
            } else {
                a[i]
            };
            assert_eq!(
                found[i], wanted,
                "element {i} of {n}, width {width}, offset {offset}"
            );
        }
    }
}

#[test]
fn regions_wrap_and_round_to_even() {
    let of = |width, offset, n| {
        let Region {
            start,
            end,
            inverted,
        } = Region::of(width, offset, n);
        (start, end, inverted)
    };
    assert_eq!(of(0.5, 0.0, 5), (0, 2, false));
    assert_eq!(of(0.5, 0.0, 7), (0, 4, false));
    assert_eq!(of(0.5, 0.75, 8), (2, 6, true));
    assert_eq!(of(-0.25, 0.5, 8), (2, 4, false));
    assert_eq!(of(3.0, 0.0, 8), (0, 8, false));
    assert_eq!(of(0.25, -0.25, 8), (6, 8, false));
}

#[test]
fn ranks_are_those_of_sorting() {
    let mut x = values(1000, 6, 0);
    (x[10], x[20], x[30]) = (x[1], -x[1], 0.0);
    let found = CentredRank.run(&Level::BASELINE, &[1000], vec![x.clone()]);
    for (i, found) in found.iter().enumerate() {
        let before = |j: &usize| {
            let (own, other) = (x[i].abs(), x[*j].abs());
            other < own || (other == own && *j <= i)
        };
        let rank = (0..x.len()).filter(before).count() as f64;
        assert_eq!(*found, (rank / 1000.0 - 1001.0 / 2000.0) as f32);
    }
}
