//! Merges against an oracle that shares nothing with the engine: numbers are f64, each operation is
//! rounded by one function from the definition of a format. Every bit must be the same.

use std::path::{Path, PathBuf};

use wgmerge::dtype::Float;
use wgmerge::kernel::Compute;
use wgmerge::recipe::{OnOverflow, Options, OutputDType};

use crate::laws::folder;
use crate::support::models::{Case, floats, write};
use crate::support::random::random;
use crate::support::tensors::read;

/// A format: digits of the significand, exponent of the least normal number, largest number.
struct Format {
    digits: i32,
    least: i32,
    largest: f64,
    has_infinity: bool,
}

const SINGLE: Format = Format {
    digits: 24,
    least: -126,
    largest: f32::MAX as f64,
    has_infinity: true,
};

fn format(float: Float) -> Format {
    let (digits, least, largest) = match float {
        Float::F64 | Float::F32 => return SINGLE,
        Float::F16 => (11, -14, 65504.0),
        Float::BF16 => (8, -126, f64::from_bits(0x47ef_e000_0000_0000)),
        Float::F8E4M3 => (4, -6, 448.0),
        Float::F8E5M2 => (3, -14, 57344.0),
    };
    let has_infinity = float != Float::F8E4M3;
    Format {
        digits,
        least,
        largest,
        has_infinity,
    }
}

impl Format {
    /// The nearest number of the format, ties to the even one. The sum or product of two f32 loses
    /// nothing in f64 that this could notice.
    fn round(&self, x: f64) -> f64 {
        if x == 0.0 || x.is_nan() {
            return x;
        }
        let exponent = ((x.to_bits() >> 52) & 0x7ff) as i32 - 1023;
        let step = 2_f64.powi(exponent.max(self.least) - (self.digits - 1));
        let rounded = (x / step).round_ties_even() * step;
        match (rounded.abs() <= self.largest, self.has_infinity) {
            (true, _) => rounded,
            (false, true) => f64::INFINITY.copysign(x),
            (false, false) => f64::NAN,
        }
    }
}

/// What is not above the least normal f32 counts as zero.
fn settled(x: f64) -> f64 {
    match x.abs() <= 2_f64.powi(-126) {
        true => 0.0_f64.copysign(x),
        false => x,
    }
}

/// The arithmetic of a working dtype.
struct Arithmetic(Format);

impl Arithmetic {
    fn of(compute: Compute) -> Arithmetic {
        Arithmetic(match compute {
            Compute::F32 => SINGLE,
            Compute::BF16 => format(Float::BF16),
            Compute::F16 => format(Float::F16),
        })
    }

    fn rz(&self, x: f64) -> f64 {
        settled(self.0.round(settled(SINGLE.round(x))))
    }

    fn shift(&self, acc: f64, d: f64) -> f64 {
        if d == 0.0 { acc } else { self.rz(acc + d) }
    }

    /// The mean under weights that add up to one.
    fn mean(&self, values: &[f64], weights: &[f64]) -> f64 {
        let mut anchor = 0;
        for (at, weight) in weights.iter().enumerate() {
            if weight.abs() > weights[anchor].abs() {
                anchor = at;
            }
        }
        let mut moved = None;
        for (at, (value, weight)) in values.iter().zip(weights).enumerate() {
            if at == anchor || *weight == 0.0 {
                continue;
            }
            let difference = self.rz(value - values[anchor]);
            let own = match *weight == 1.0 {
                true => difference,
                false => self.rz(difference * self.rz(*weight)),
            };
            moved = Some(moved.map_or(own, |moved| self.rz(moved + own)));
        }
        moved.map_or(values[anchor], |moved| self.shift(values[anchor], moved))
    }

    /// The sum of values with factors, in order.
    fn sum(&self, values: &[f64], factors: &[f64]) -> f64 {
        let mut sum = None;
        for (value, factor) in values.iter().zip(factors) {
            let own = match *factor == 1.0 {
                true => *value,
                false => self.rz(value * self.rz(*factor)),
            };
            sum = Some(sum.map_or(own, |sum| self.rz(sum + own)));
        }
        sum.expect("a value")
    }
}

fn are_shares(weights: &[f64]) -> bool {
    let size: f64 = weights.iter().map(|weight| weight.abs()).sum();
    (weights.iter().sum::<f64>() - 1.0).abs() <= 1e-9 * size
}

/// What a method makes of the models' values, the base first.
fn expected(method: &str, of: &Arithmetic, x: &[f64], weights: &[f64], lambda: f64) -> f64 {
    let total: f64 = weights.iter().sum();
    match method {
        "linear" => {
            let weights: Vec<f64> = weights.iter().map(|weight| weight / total).collect();
            of.mean(&x[1..], &weights)
        }
        "linear raw" if are_shares(weights) => of.mean(&x[1..], weights),
        "linear raw" => of.sum(&x[1..], weights),
        "n_average" => {
            let share = 1.0 / weights.len() as f64;
            of.mean(&x[1..], &vec![share; weights.len()])
        }
        "task_arithmetic" => {
            let factors: Vec<f64> = weights.iter().map(|weight| weight * lambda).collect();
            if are_shares(&factors) {
                return of.mean(&x[1..], &factors);
            }
            let deltas: Vec<f64> = x[1..].iter().map(|x_i| of.rz(x_i - x[0])).collect();
            of.shift(x[0], of.sum(&deltas, &factors))
        }
        other => panic!("{other}"),
    }
}

/// A number of a type: of any size, often near others, sometimes at an edge.
fn draw(float: Float, near: Option<f64>, state: &mut u64) -> f64 {
    let format = format(float);
    let word = random(state);
    let unit = (word >> 11) as f64 / (1_u64 << 53) as f64 - 0.5;
    let exponent = (word % 160) as i32 - 100;
    let x = match (word >> 3) % 8 {
        0 => format.largest * (1.0 + unit / 8.0).min(1.0),
        1 => 0.0_f64.copysign(unit),
        2 => unit * 2_f64.powi(exponent),
        3..6 => near.unwrap_or(unit) * (1.0 + unit / 64.0),
        _ => unit,
    };
    let x = format.round(x.clamp(-format.largest, format.largest));
    // An element that is read is settled first; here it is drawn so.
    settled(x)
}

/// A merge that is compared, drawn at random.
struct Work {
    method: &'static str,
    compute: Compute,
    /// The base's type and those of the models.
    types: Vec<Float>,
    stored: Float,
    weights: Vec<f64>,
    lambda: f64,
    /// The base's values and those of the models.
    models: Vec<Vec<f64>>,
}

impl Work {
    /// None where the weights drawn cannot be normalized.
    fn draw(state: &mut u64) -> Option<Work> {
        let mut pick = |n: usize| random(state) as usize % n;
        let method = ["linear", "linear raw", "n_average", "task_arithmetic"][pick(4)];
        let compute = Compute::ALL[pick(3)];
        let (count, len) = (1 + pick(4), 1 + pick(70));
        let types: Vec<Float> = (0..=count).map(|_| Float::ALL[pick(6)]).collect();
        let stored = Float::ALL[pick(6)];
        let weights: Vec<f64> = match pick(3) {
            0 => vec![1.0 / count as f64; count],
            _ => (0..count).map(|_| pick(200) as f64 / 64.0 - 0.5).collect(),
        };
        let total: f64 = weights.iter().sum();
        let lambda = [1.0, 0.7, 1.0 / total][pick(3)];
        let size: f64 = weights.iter().map(|weight| weight.abs()).sum();
        if total.abs() <= 1e-6 * size || weights.contains(&0.0) {
            return None;
        }
        let mut models: Vec<Vec<f64>> = Vec::new();
        for float in &types {
            let near = |at: usize| models.first().map(|first| first[at]);
            let values = (0..len).map(|at| draw(*float, near(at), state));
            models.push(values.collect());
        }
        Some(Work {
            method,
            compute,
            types,
            stored,
            weights,
            lambda,
            models,
        })
    }

    fn parameters(&self) -> Vec<String> {
        let list: Vec<String> = self.weights.iter().map(f64::to_string).collect();
        let weights = format!("weight={}", list.join(","));
        match self.method {
            "linear" => vec![weights],
            "linear raw" => vec![weights, "normalize=false".to_owned()],
            "n_average" => Vec::new(),
            _ => vec![weights, format!("lambda={}", self.lambda)],
        }
    }

    /// What wgmerge makes of it, as f32.
    fn found(&self, folder: &Path) -> Vec<f32> {
        let models = self.models.iter().zip(&self.types).enumerate();
        let paths: Vec<PathBuf> = models
            .map(|(number, (model, float))| {
                let path = folder.join(format!("{number}.safetensors"));
                let values: Vec<f32> = model.iter().map(|x| *x as f32).collect();
                write(
                    &path,
                    &[floats("w", *float, &[values.len() as u64], &values)],
                );
                path
            })
            .collect();
        let base = (self.method == "task_arithmetic").then(|| &paths[0]);
        let options = Options {
            compute: self.compute,
            dtype: OutputDType::Float(self.stored),
            on_overflow: OnOverflow::Keep,
            ..Options::default()
        };
        let parameters = self.parameters();
        let parameters: Vec<&str> = parameters.iter().map(String::as_str).collect();
        let name = self.method.split(' ').next().expect("a name");
        let case = Case {
            parameters: &parameters,
            options,
            ..Case::new(name, base, &paths[1..])
        };
        let merged = case.run(&folder.join("out.safetensors"), None);
        let (bytes, _) = merged.unwrap_or_else(|fault| panic!("{self}: {fault}"));
        read(&bytes, "w")
    }
}

impl std::fmt::Display for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (method, compute, stored) = (self.method, self.compute.name(), self.stored);
        let (parameters, types) = (self.parameters(), &self.types);
        write!(
            f,
            "{method} {parameters:?} of {types:?} in {compute} to {stored}"
        )
    }
}

#[test]
fn every_bit_is_that_of_the_oracle() {
    let folder = folder();
    let mut state = 2026;
    let works = std::iter::repeat_with(|| Work::draw(&mut state)).flatten();
    for work in works.take(150) {
        let of = Arithmetic::of(work.compute);
        for (at, found) in work.found(folder.path()).into_iter().enumerate() {
            let x: Vec<f64> = work.models.iter().map(|model| of.rz(model[at])).collect();
            let exact = expected(work.method, &of, &x, &work.weights, work.lambda);
            let exact = format(work.stored).round(exact) as f32;
            let same = exact.to_bits() == found.to_bits() || (exact.is_nan() && found.is_nan());
            assert!(
                same,
                "{work}, element {at} of {x:?}: {found:e}, not {exact:e}"
            );
        }
    }
}
