//! Files in the names of trainers, on bases in those of diffusers, against what diffusers' own
//! conversions of the files give.

use std::collections::BTreeMap;

use serde_json::Value;
use wgmerge::adapters::{Entry, Reading, Role};
use wgmerge::dtype::DType;

use super::file::{File, Tensor, folder, json, open};
use super::merged::merged;

/// Conversions that are not compared: they keep alphas beside the file.
const LEFT_OUT: [&str; 2] = ["sd_kohya", "sd_kohya_dora"];

/// A base with a weight for each module of a file, and made-up numbers in it.
fn base(adapter: &File) -> File {
    let entries = adapter.values().map(|tensor| tensor.entry.clone());
    let reading = Reading::of(entries, None);
    let mut base = File::new();
    for adapted in reading.adapted {
        let (up, down) = (&adapted.parts[&Role::Up], &adapted.parts[&Role::Down]);
        let shape = vec![up.shape[0], down.shape[1]];
        let module = adapted.target.trim_start_matches("transformer.");
        let name = format!("{module}.weight");
        let values = (0..shape[0] * shape[1]).map(|n| (n % 13) as f32 / 8.0);
        let values: Vec<f32> = values.collect();
        let entry = Entry {
            name: name.clone(),
            dtype: DType::from_name("F32").expect("a type"),
            shape,
        };
        base.insert(name, Tensor { entry, values });
    }
    base
}

fn amax(values: &[f32]) -> f32 {
    values.iter().fold(0.0, |most, value| most.max(value.abs()))
}

fn differences(
    one: &BTreeMap<String, Vec<f32>>,
    other: &BTreeMap<String, Vec<f32>>,
) -> Vec<String> {
    let mut faults = Vec::new();
    if !one.keys().eq(other.keys()) {
        faults.push(format!("{:?} and {:?}", one.keys(), other.keys()));
        return faults;
    }
    for ((name, one), other) in one.iter().zip(other.values()) {
        let most = 4e-6 * amax(other);
        let far = one
            .iter()
            .zip(other)
            .filter(|(a, b)| (**a - **b).abs() > most);
        let count = far.count();
        if count > 0 {
            faults.push(format!("{name}: {count} numbers differ"));
        }
    }
    faults
}

#[test]
fn bases_of_diffusers_take_what_trainers_write() {
    let folder = folder("diffusers_convert");
    let cases = json(&folder.join("cases.json"));
    let mut faults = Vec::new();
    let mut count = 0;
    for case in cases["cases"].as_array().expect("a list") {
        let name = case["name"].as_str().expect("a name");
        if case["op"] != "convert_names" || LEFT_OUT.contains(&name) {
            continue;
        }
        let file = |value: &Value| open(&folder.join(value.as_str().expect("a file")));
        let (from, to) = (file(&case["inputs"][0]), file(&case["output"]));
        let base = base(&to);
        let expected = merged(&base, &to, None, 1.0);
        let made = merged(&base, &from, None, 1.0);
        let all = expected.faults.iter().chain(&made.faults).cloned();
        let found = all.chain(differences(&made.made, &expected.made));
        faults.extend(found.map(|fault| format!("{name}: {fault}")));
        count += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(count, 12);
}
