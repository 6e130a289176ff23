//! Codes by chance: their mean is the number, and numbers that have a code keep it.

use wgmerge_compute::dtype::Float;
use wgmerge_compute::format::{
    Code, Encoding, Format, Rounding, Rule, Scales, Stretch, Table, TableScale,
};
use wgmerge_compute::level::Level;

use crate::golden::encode_stretch;
use crate::layouts::{encoding, tensor};

fn drawn(code: Code) -> Encoding {
    Encoding {
        rounding: Rounding::Stochastic { key: [1, 2] },
        scales: Scales::Kept,
        ..encoding(Rule::ComfyKitchen, tensor(code))
    }
}

/// What numbers become under a scale of 1.
fn run(encoding: &Encoding, values: &[f32]) -> Vec<f32> {
    let shape = [values.len() as u64];
    let one = 1f32.to_le_bytes();
    let ones = one.repeat(values.len().div_ceil(64));
    let kept: [&[u8]; 2] = match encoding.format {
        Format::Scaled(_) => [&[], &one],
        _ => [&[], &ones],
    };
    let stretch = Stretch {
        shape: &shape,
        start: 0,
        values,
        largest: &[],
        kept: &kept,
    };
    let level = Level::detect();
    let parts = encode_stretch(encoding, level, stretch);
    let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    let mut numbers = vec![0.0; values.len()];
    encoding
        .format
        .decode(level, &shape, 0..shape[0], &parts, &mut numbers);
    numbers
}

#[track_caller]
fn check(encoding: &Encoding, numbers: &[f32], step: impl Fn(f32) -> f64) {
    const COUNT: usize = 40_000;
    for &number in numbers {
        let found = run(encoding, &vec![number; COUNT]);
        let mean = found.iter().map(|x| f64::from(*x)).sum::<f64>() / COUNT as f64;
        // Five times the largest deviation that a mean of so many coins has.
        let bound = 5.0 * step(number) * 0.5 / (COUNT as f64).sqrt();
        let off = (mean - f64::from(number)).abs();
        assert!(off <= bound, "{number} became {mean} {encoding:?}");
    }
}

#[test]
fn means_are_the_numbers() {
    let numbers = [0.3, -0.7, 1.05, -2.3, 5.1, 0.01, 0.0003];
    check(&drawn(Code::I8), &numbers, |_| 1.0);
    let e4m3 = |x: f32| f64::from(x.abs().max(0.015_625)) / 8.0;
    check(&drawn(Code::E4M3), &numbers, e4m3);
    check(&drawn(Code::E5M2), &numbers, |x| f64::from(x.abs()) / 4.0);
    let table = Encoding {
        format: Format::Table(Table {
            block: 64,
            scale: TableScale::Plain,
            rounded: Float::F32,
        }),
        rule: Rule::BitsAndBytes,
        ..drawn(Code::I8)
    };
    check(&table, &[0.3, -0.7, 0.01, -0.05, 0.9], |_| 0.31);
}

#[test]
fn codes_stay() {
    for code in [Code::I8, Code::E4M3, Code::E5M2] {
        let numbers = [0.0, 1.0, -2.0, 3.0, 7.0, 96.0, -112.0];
        assert_eq!(run(&drawn(code), &numbers), numbers);
    }
    let numbers = [0.001_953_125, 448.0, -448.0, 0.0625];
    assert_eq!(run(&drawn(Code::E4M3), &numbers), numbers);
}
