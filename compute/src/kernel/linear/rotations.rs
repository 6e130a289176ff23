//! The eigenvalues of a matrix of three diagonals, and the rotations that lead to them.

/// Steps that one eigenvalue takes at most. Two are usual.
const STEPS: usize = 50;

/// The length of (a, b). The matrix is scaled, so squares neither overflow nor matter if they
/// vanish.
fn length(a: f64, b: f64) -> f64 {
    (a * a + b * b).sqrt()
}

/// The implicit QL iteration. What stands beside the diagonal vanishes, and on the diagonal are the
/// eigenvalues then. `swept` is given the rotations of each step, the last pair of rows first, and
/// the number of the first row: see [`turn`](super::loops::turn).
///
/// Source: Bowdler, Martin, Reinsch, Wilkinson, "The QR and QL algorithms for symmetric matrices",
/// 1968 (EISPACK's `tql2`).
pub(super) fn diagonalise(
    d: &mut [f64],
    beside: Vec<f64>,
    mut swept: impl FnMut(usize, Vec<(f64, f64)>),
) {
    let n = d.len();
    let mut e = beside;
    e.push(0.0);
    let (mut shift, mut size) = (0.0, 0.0_f64);
    for first in 0..n {
        size = size.max(d[first].abs() + e[first].abs());
        let negligible = |entry: f64| entry.abs() <= f64::EPSILON * size;
        let last = (first..n - 1)
            .find(|at| negligible(e[*at]))
            .unwrap_or(n - 1);
        if last > first {
            for _ in 0..STEPS {
                swept(first, step(d, &mut e, (first, last), &mut shift));
                if negligible(e[first]) {
                    break;
                }
            }
        }
        d[first] += shift;
        e[first] = 0.0;
    }
}

/// One step on the rows `first` to `last`.
fn step(
    d: &mut [f64],
    e: &mut [f64],
    (first, last): (usize, usize),
    shift: &mut f64,
) -> Vec<(f64, f64)> {
    let old = d[first];
    let p = (d[first + 1] - old) / (2.0 * e[first]);
    let r = length(p, 1.0).copysign(p);
    d[first] = e[first] / (p + r);
    d[first + 1] = e[first] * (p + r);
    let (next, moved) = (d[first + 1], old - d[first]);
    d[first + 2..].iter_mut().for_each(|entry| *entry -= moved);
    *shift += moved;
    let beside = e[first + 1];
    let (mut p, mut c, mut s) = (d[last], 1.0, 0.0);
    let (mut before, mut before_that, mut s_before) = (1.0, 1.0, 0.0);
    let mut rotations = Vec::with_capacity(last - first);
    for at in (first..last).rev() {
        (before_that, before, s_before) = (before, c, s);
        let (g, h) = (c * e[at], c * p);
        let r = length(p, e[at]);
        e[at + 1] = s * r;
        // Both are zero where the squares vanish.
        (c, s) = match r > 0.0 {
            true => (p / r, e[at] / r),
            false => (1.0, 0.0),
        };
        p = c * d[at] - s * g;
        d[at + 1] = h + s * (c * g + s * d[at]);
        rotations.push((c, s));
    }
    p = -s * s_before * before_that * beside * e[first] / next;
    // Not a number only where what it stands for vanishes.
    p = if p.is_finite() { p } else { 0.0 };
    e[first] = s * p;
    d[first] = c * p;
    rotations
}
