//! Linear algebra of the host against its definitions, on matrices of all kinds.

use wgmerge::exec::cpu::Level;
use wgmerge::kernel::linear::{Eigen, Loops, Matrix, Triangle, View, gram, polar, product, rank};

use crate::support::models::values;

const BASELINE: &dyn Loops = &Level::BASELINE;

fn random(rows: usize, columns: usize, seed: u64) -> Matrix {
    let x = values(rows * columns, seed, 3);
    Matrix::from_fn(rows, columns, |row, column| {
        f64::from(x[row * columns + column])
    })
}

/// A product, entry by entry.
fn naive(a: View<'_, f64>, b: View<'_, f64>, (m, k, n): (usize, usize, usize)) -> Matrix {
    Matrix::from_fn(m, n, |row, column| {
        (0..k).map(|at| a.at(row, at) * b.at(at, column)).sum()
    })
}

#[track_caller]
fn close(found: &Matrix, expected: &Matrix, most: f64) {
    let shape = |of: &Matrix| (of.rows(), of.columns());
    assert_eq!(shape(found), shape(expected));
    let pairs = found.data().iter().zip(expected.data());
    let off = pairs.map(|(a, b)| (a - b).abs());
    // A maximum would pass over NaN.
    let off = off.fold(0.0, |most: f64, off| if off <= most { most } else { off });
    assert!(off <= most, "{off:e} off");
}

/// Square matrices on which decompositions may stumble.
fn squares(n: usize) -> Vec<(&'static str, Matrix)> {
    let random = random(n, n, 7);
    let thin = random.view().part(0..n, 0..n.div_ceil(3));
    vec![
        ("zero", Matrix::zeros(n, n)),
        ("identity", Matrix::identity(n, n)),
        ("one of equal entries", Matrix::from_fn(n, n, |_, _| 3.0)),
        (
            "one of few directions",
            product(BASELINE, thin, thin.turned()),
        ),
        (
            "a graded one",
            Matrix::from_fn(n, n, |i, j| random.row(i)[j] * 10.0_f64.powi(-(j as i32))),
        ),
        (
            "tiny entries",
            Matrix::from_fn(n, n, |i, j| random.row(i)[j] * 1e-40),
        ),
        (
            "large entries",
            Matrix::from_fn(n, n, |i, j| random.row(i)[j] * 1e38),
        ),
        (
            "an exchange",
            Matrix::from_fn(n, n, |i, j| f64::from(u8::from(i + j + 1 == n))),
        ),
        ("random", random),
    ]
}

const SIZES: [usize; 9] = [1, 2, 3, 5, 31, 32, 33, 70, 150];

#[test]
fn products_are_sums_of_products() {
    for (m, k, n) in [
        (1, 1, 1),
        (3, 0, 2),
        (5, 7, 9),
        (131, 300, 77),
        (140, 513, 530),
    ] {
        let (a, b) = (random(m, k, 1), random(k, n, 2));
        let expected = naive(a.view(), b.view(), (m, k, n));
        close(&product(BASELINE, a.view(), b.view()), &expected, 1e-12);
        let turned = product(BASELINE, b.turned(), a.turned());
        close(&turned.turned().matrix(), &expected, 1e-12);
        let expected = naive(a.view(), a.turned(), (m, k, m));
        close(&gram(BASELINE, a.view()), &expected, 1e-12);
    }
}

#[test]
fn eigenvectors_are_orthonormal_and_make_the_matrix() {
    for n in SIZES {
        for (kind, own) in squares(n) {
            let mut a = own.clone();
            a.add(&own.turned().matrix(), 1.0);
            let size = a.squares().sqrt();
            let Eigen { values, vectors } = Eigen::of(BASELINE, a.clone());
            println!("{kind} of {n} rows");
            assert!(values.is_sorted_by(|a, b| a >= b), "{values:?}");
            close(
                &gram(BASELINE, vectors.view()),
                &Matrix::identity(n, n),
                1e-12,
            );
            let scaled = Matrix::from_fn(n, n, |i, j| values[i] * vectors.row(i)[j]);
            let again = product(BASELINE, vectors.turned(), scaled.view());
            close(&again, &a, 1e-13 * size);
        }
    }
}

/// The eigenvalues that numpy 2.4.6 finds of sin(i j + i + j), 6 rows.
#[test]
fn eigenvalues_of_another_library() {
    let a = Matrix::from_fn(6, 6, |i, j| ((i * j + i + j) as f64).sin());
    let expected = [
        2.486774359036717,
        2.3352252709364185,
        0.3465102853831922,
        -0.3151131276029419,
        -1.9155943311934815,
        -2.490797393222315,
    ];
    for (found, expected) in Eigen::of(BASELINE, a).values.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-14, "{found} and {expected}");
    }
}

#[test]
fn a_triangle_times_orthonormal_rows_makes_the_matrix() {
    for n in SIZES {
        for (kind, own) in squares(n) {
            for rows in [1, n.div_ceil(2), n] {
                println!("{kind} of {rows} rows and {n} columns");
                let a = own.clone().keep_rows(0..rows);
                let triangle = Triangle::of(BASELINE, a.clone());
                let q = triangle.rows(BASELINE);
                close(
                    &gram(BASELINE, q.view()),
                    &Matrix::identity(rows, rows),
                    1e-13,
                );
                let again = product(BASELINE, triangle.lower.view(), q.view());
                close(&again, &a, 1e-13 * a.squares().sqrt());
                for i in 0..rows {
                    assert!(triangle.lower.row(i)[i + 1..].iter().all(|x| *x == 0.0));
                }
            }
        }
    }
    let sign = |entries: [f64; 4]| {
        let a = Matrix::from_fn(2, 2, |i, j| entries[2 * i + j]);
        Triangle::of(BASELINE, a).sign()
    };
    assert_eq!(sign([1.0, 0.0, 0.0, 1.0]), 1.0);
    assert_eq!(sign([0.0, 1.0, 1.0, 0.0]), -1.0);
    assert_eq!(sign([2.0, 3.0, 1.0, 4.0]), 1.0);
    assert_eq!(sign([-2.0, 3.0, 1.0, 4.0]), -1.0);
}

#[test]
fn a_polar_factor_is_orthonormal_and_leaves_a_positive_one() {
    for n in SIZES {
        for rows in [1, n.div_ceil(2), n, 2 * n + 1] {
            let a = random(rows, n, 5);
            let factor = polar(BASELINE, &a);
            let small = match rows <= n {
                true => gram(BASELINE, factor.view()),
                false => gram(BASELINE, factor.turned()),
            };
            let least = rows.min(n);
            close(&small, &Matrix::identity(least, least), 1e-12);
            // The other factor is symmetric and has no negative eigenvalue.
            let other = product(BASELINE, factor.turned(), a.view());
            let size = a.squares().sqrt();
            close(&other, &other.turned().matrix(), 1e-12 * size);
            let Eigen { values, .. } = Eigen::of(BASELINE, other);
            assert!(
                values.iter().all(|value| *value >= -1e-12 * size),
                "{values:?}"
            );
        }
        for (kind, a) in squares(n) {
            let factor = polar(BASELINE, &a);
            println!("{kind} of {n} rows: {}", rank(&factor));
            assert!(factor.data().iter().all(|x| x.is_finite()));
            assert!(rank(&factor) <= n as f64 + 1e-9);
            let expected = match kind {
                "zero" => 0.0,
                "one of equal entries" => 1.0,
                "one of few directions" => n.div_ceil(3) as f64,
                "a graded one" => continue,
                _ => n as f64,
            };
            assert!((rank(&factor) - expected).abs() < 1e-6, "{}", rank(&factor));
        }
    }
}
