//! An adapter, applied to a base as a merge does it.

use std::collections::BTreeMap;

use serde_json::Value;
use wgmerge::adapters::{Names, PeftConfig, Reading};
use wgmerge_compute::level::Level;

use super::file::File;

/// What an adapter changes, and what is said about the rest.
#[derive(Debug, Default)]
pub struct Merged {
    /// The changed tensors.
    pub made: BTreeMap<String, Vec<f32>>,
    /// What does not fit, or is not understood.
    pub faults: Vec<String>,
}

/// Applies an adapter.
pub fn merged(base: &File, adapter: &File, config: Option<&PeftConfig>, strength: f64) -> Merged {
    let entries = |file: &File| {
        file.values()
            .map(|tensor| tensor.entry.clone())
            .collect::<Vec<_>>()
    };
    let names = Names::of(entries(base).into_iter());
    let reading = Reading::of(entries(adapter).into_iter(), config);
    let mut merged = Merged::default();
    merged.faults.extend(
        reading
            .unknown
            .iter()
            .map(|name| format!("{name} is unknown")),
    );
    merged.faults.extend(reading.incomplete.iter().cloned());
    for adapted in &reading.adapted {
        for effect in &adapted.effects {
            let places = match names.places(&adapted.target, effect.of) {
                Ok(Some(places)) => places,
                Ok(None) if effect.is_optional => continue,
                Ok(None) => {
                    merged
                        .faults
                        .push(format!("{} has no {:?}", adapted.target, effect.of));
                    continue;
                }
                Err(unmatched) => {
                    merged.faults.push(unmatched.to_string());
                    continue;
                }
            };
            for place in places {
                let outputs = place.shape.first().copied().unwrap_or(1);
                let factor = |role| {
                    let entry = adapted.parts.get(&role)?;
                    Some(adapter[&entry.name].factor())
                };
                let change = adapted.change(effect, outputs, strength, &factor);
                let change = change.expect("all parts are there");
                if let Err(fault) = change.check(&place.shape) {
                    merged.faults.push(format!("{}: {fault}", adapted.target));
                    continue;
                }
                let weight = merged.made.entry(place.key.clone());
                let weight = weight.or_insert_with(|| base[&place.key].values.clone());
                let columns = weight.len() / base[&place.key].rows();
                let rows = place.rows.start as usize * columns..place.rows.end as usize * columns;
                let part = weight[rows.clone()].to_vec();
                let from = place.from..place.from + (place.rows.end - place.rows.start);
                let level = Level::detect();
                change.apply(level, &place.shape, from, &part, &mut weight[rows]);
            }
        }
    }
    merged
}

/// What differs from the expected tensors by more than a case allows; what should not have been
/// changed, and what should.
pub fn differences(case: &Value, base: &File, merged: &Merged, expected: &File) -> Vec<String> {
    let tolerance = case["tolerance"].as_object().expect("a tolerance");
    let (what, most) = tolerance.iter().next().expect("a tolerance");
    let most = most.as_f64().expect("a number");
    let mut faults = merged.faults.clone();
    let names = case["changed"].as_array().expect("a list");
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    for (name, made) in &merged.made {
        if !names.contains(&name.as_str()) && *made != base[name].values {
            faults.push(format!("{name} is changed"));
        }
    }
    for name in names {
        let Some(made) = merged.made.get(name) else {
            faults.push(format!("{name} is not changed"));
            continue;
        };
        let expected = &expected[name].values;
        let amax = expected
            .iter()
            .fold(0.0_f32, |most, value| most.max(value.abs()));
        // A step of bf16 is 2^-7 of a number, and numbers are not rounded here.
        let (most, of) = match what.as_str() {
            "bf16_ulp" => (most / 128.0, None),
            _ => (most, Some(amax)),
        };
        let pairs = made.iter().zip(expected);
        let far = pairs.filter(|(made, expected)| {
            let of = of.unwrap_or(expected.abs().max(f32::MIN_POSITIVE));
            let difference = f64::from((*made - *expected).abs());
            difference.is_nan() || difference > most * f64::from(of)
        });
        let count = far.count();
        if count > 0 || made.len() != expected.len() {
            faults.push(format!("{name}: {count} numbers differ"));
        }
    }
    faults
}
