//! Weights of a base, changed and compared.

use std::collections::BTreeMap;

use serde_json::Value;
use wgmerge_compute::adapter::Change;
use wgmerge_compute::level::Level;

use crate::file::{Entry, File};

/// Applies a change at each level and in parts, which must give the same bits; returns the result.
pub fn changed(name: &str, base: &Entry, change: &Change<'_>) -> Entry {
    let check = change.check(&base.shape);
    assert_eq!(check, Ok(()), "{name}: {:?}", base.shape);
    let change = change.prepared();
    assert_eq!(change.check(&base.shape), Ok(()), "{name}, prepared");
    let rows = base.shape.first().copied().unwrap_or(1);
    let columns = base.values.len() / rows.max(1) as usize;
    let apply = |level: Level, step: u64| {
        let mut out = vec![0.0; base.values.len()];
        for start in (0..rows).step_by(step as usize) {
            let end = (start + step).min(rows);
            let part = start as usize * columns..end as usize * columns;
            let given = match change.needs_whole() {
                true => &base.values,
                false => &base.values[part.clone()],
            };
            change.apply(level, &base.shape, start..end, given, &mut out[part]);
        }
        out
    };
    let values = apply(Level::BASELINE, rows.max(1));
    let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
    for level in Level::available() {
        for step in [1, 3, rows.max(1)] {
            let parts = apply(level, step);
            assert_eq!(
                bits(&parts),
                bits(&values),
                "{name}: {level:?} in {step} rows"
            );
        }
    }
    Entry {
        shape: base.shape.clone(),
        values,
    }
}

/// What differs from the expected tensors by more than a case allows; what should not have been
/// changed, and what should.
pub fn differences(case: &Value, made: &BTreeMap<String, Entry>, expected: &File) -> Vec<String> {
    let tolerance = case["tolerance"].as_object().expect("a tolerance");
    let (what, most) = tolerance.iter().next().expect("a tolerance");
    let most = most.as_f64().expect("a number");
    let mut faults = Vec::new();
    let names = case["changed"].as_array().expect("a list");
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    for name in made.keys().filter(|name| !names.contains(&name.as_str())) {
        faults.push(format!("{name} is changed"));
    }
    for name in names {
        let Some(made) = made.get(name) else {
            faults.push(format!("{name} is not changed"));
            continue;
        };
        let expected = &expected[name];
        let amax = expected
            .values
            .iter()
            .fold(0.0_f32, |most, v| most.max(v.abs()));
        let worst = made
            .values
            .iter()
            .zip(&expected.values)
            .map(|(made, expected)| match what.as_str() {
                "bf16_ulp" => steps(*made, *expected),
                _ => f64::from((made - expected).abs()) / f64::from(amax),
            });
        let worst = worst.fold(
            0.0,
            |a: f64, b| if b.is_nan() { f64::NAN } else { a.max(b) },
        );
        if worst.is_nan() || worst > most {
            faults.push(format!("{name}: {what} {worst:e}, {most:e} at most"));
        }
    }
    faults
}

/// How many steps of bf16 lie between a number that is still to be rounded and one that is.
fn steps(made: f32, expected: f32) -> f64 {
    let place = |value: f32| {
        let bits = value.to_bits();
        let rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
        let magnitude = i64::from(rounded & 0x7FFF);
        if rounded & 0x8000 == 0 {
            magnitude
        } else {
            -magnitude
        }
    };
    (place(made) - place(expected)).abs() as f64
}
