//! The Karcher mean: the point of the sphere from which the directions of all models lie evenly.
//!
//! All that the iteration meets is a sum of the models' directions with factors, so it needs no
//! more of them than their products.

use super::mecha::number;
use super::peer::mergekit;
use super::woven::Products;
use super::{Base, Domain, Group, Input, Lowering, Method, Range};
use crate::kernel::{Derive, Node};

/// The Karcher mean of each tensor.
pub(super) static KARCHER: Method = Method {
    id: "karcher",
    summary: "the mean of directions on the sphere, with the mean of norms",
    formula: "u Σ |mᵢ| / n, u ← exp_u(Σ log_u(mᵢ / |mᵢ|) / n) until the step is below tol",
    source: "Karcher, Comm. Pure Appl. Math. 30 (1977)",
    group: Group::Geometry,
    peers: &[mergekit("karcher")],
    base: Base::None,
    models_min: 1,
    models_max: usize::MAX,
    inputs: &[Input::same("models")],
    result: Domain::Same,
    parameters: &[
        number("max_iter", "iterations at most", 10.0, Range::Whole),
        number(
            "tol",
            "angles and norms up to this count as none, and a shorter step ends the iteration",
            1e-5,
            Range::NotNegative,
        ),
    ],
    ratio: None,
    lower: &karcher,
};

fn karcher(l: &mut Lowering<'_>) -> Node {
    let values = l.values();
    if let [value] = values.as_slice() {
        return *value;
    }
    let numbers = ["max_iter", "tol"].map(|name| l.parameters.number(name, 0));
    let derive = Derive {
        function: factors,
        parameters: vec![values.len() as f64, numbers[0], numbers[1]],
    };
    let factors = l.factors(&values, derive);
    l.weave(&values, &factors)
}

/// Directions by their cosines, of which a point of their span is a sum with factors.
struct Directions {
    cosines: Vec<Vec<f64>>,
}

impl Directions {
    fn count(&self) -> usize {
        self.cosines.len()
    }

    /// The products of a point with all of them.
    fn products(&self, point: &[f64]) -> Vec<f64> {
        let product = |row: &Vec<f64>| row.iter().zip(point).map(|(c, p)| c * p).sum();
        self.cosines.iter().map(product).collect()
    }

    fn norm(&self, point: &[f64]) -> f64 {
        let products = self.products(point).into_iter();
        let square: f64 = products.zip(point).map(|(product, p)| product * p).sum();
        square.max(0.0).sqrt()
    }

    /// The step from a point of the sphere towards the mean, along the sphere.
    fn tangent(&self, point: &[f64], tol: f64) -> Vec<f64> {
        let share = 1.0 / self.count() as f64;
        let mut tangent = vec![0.0; point.len()];
        for (number, product) in self.products(point).into_iter().enumerate() {
            let cosine = product.clamp(-1.0, 1.0);
            let angle = cosine.acos();
            // An angle whose sine is zero has no side to which it turns.
            if angle < tol || angle.sin() == 0.0 {
                continue;
            }
            let factor = share * angle / angle.sin();
            tangent[number] += factor;
            for (own, p) in tangent.iter_mut().zip(point) {
                *own -= factor * cosine * p;
            }
        }
        tangent
    }

    /// The mean, in at most so many steps.
    fn mean(&self, steps: u64, tol: f64) -> Vec<f64> {
        let mut point = vec![1.0 / self.count() as f64; self.count()];
        let norm = self.norm(&point);
        if norm < tol || norm == 0.0 {
            point = (0..self.count()).map(|k| f64::from(k == 0)).collect();
        } else {
            point.iter_mut().for_each(|p| *p /= norm);
        }
        for _ in 0..steps {
            let tangent = self.tangent(&point, tol);
            let length = self.norm(&tangent);
            if length < tol || length == 0.0 {
                break;
            }
            let (along, turn) = (length.cos(), length.sin() / length);
            for (p, t) in point.iter_mut().zip(&tangent) {
                *p = along * *p + turn * t;
            }
            let norm = self.norm(&point);
            if norm > tol {
                point.iter_mut().for_each(|p| *p /= norm);
            }
        }
        point
    }
}

/// The models' factors from their products.
fn factors(sums: &[f64], parameters: &[f64]) -> Vec<f64> {
    let &[count, steps, tol] = parameters else {
        return Vec::new();
    };
    let products = Products::new(sums, count as usize);
    let norms: Vec<f64> = (0..products.count).map(|one| products.norm(one)).collect();
    let directed: Vec<usize> = (0..norms.len()).filter(|&one| norms[one] > tol).collect();
    let mut factors = vec![0.0; norms.len()];
    if directed.is_empty() {
        return factors;
    }
    let cosine = |one: usize, other: usize| products.of(one, other) / (norms[one] * norms[other]);
    let row = |&one: &usize| directed.iter().map(|&other| cosine(one, other)).collect();
    let directions = Directions {
        cosines: directed.iter().map(row).collect(),
    };
    let scale = norms.iter().sum::<f64>() / count;
    for (&one, p) in directed
        .iter()
        .zip(directions.mean(steps.max(0.0) as u64, tol))
    {
        factors[one] = scale * p / norms[one];
    }
    factors
}
