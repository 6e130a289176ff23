//! LyCORIS: every algorithm, with kohya's names.

use std::collections::BTreeMap;

use wgmerge_compute::adapter::{
    Axis, Change, Delta, Dialect, Factor, Glora, Kind, Magnitude, Matrix, Multiplied, Product,
    Rotation,
};

use crate::file::{Entry, File, cases, folder, json, open};
use crate::weights::{changed, differences};

/// The parts of one module by suffix.
pub type Parts<'a> = BTreeMap<&'a str, &'a Entry>;

fn product<'a>(up: Factor<'a>, down: Factor<'a>) -> Matrix<'a> {
    Matrix::Product(Product {
        up,
        down,
        values: None,
        is_flipped: false,
    })
}

fn tucker<'a>(core: Factor<'a>, up: Factor<'a>, down: Factor<'a>, rows_first: bool) -> Matrix<'a> {
    Matrix::Tucker {
        core,
        up,
        down,
        rows_first,
    }
}

/// The difference that factors make, and their rank where that is divided by.
pub fn delta<'a>(parts: &Parts<'a>) -> Option<(Delta<'a>, Option<u64>)> {
    let part = |name: &str| parts.get(name).map(|entry| entry.factor());
    if let (Some(up), Some(down)) = (part("lora_up.weight"), part("lora_down.weight")) {
        let rank = down.shape[0];
        let matrix = match part("lora_mid.weight") {
            Some(core) => tucker(core, up, down, true),
            None => product(up, down),
        };
        return Some((Delta::One(matrix), Some(rank)));
    }
    if let Some(down) = part("hada_w1_b") {
        let side = |up: &str, down: &str, core: &str| {
            let (up, down) = (part(up)?, part(down)?);
            Some(match part(core) {
                Some(core) => tucker(core, up, down, false),
                None => product(up, down),
            })
        };
        let first = side("hada_w1_a", "hada_w1_b", "hada_t1")?;
        let second = side("hada_w2_a", "hada_w2_b", "hada_t2")?;
        return Some((Delta::Hadamard(first, second), Some(down.shape[0])));
    }
    let first = match part("lokr_w1") {
        Some(whole) => Matrix::Whole(whole),
        None => product(part("lokr_w1_a")?, part("lokr_w1_b")?),
    };
    let second = match (part("lokr_w2"), part("lokr_t2")) {
        (Some(whole), _) => Matrix::Whole(whole),
        (None, Some(core)) => tucker(core, part("lokr_w2_a")?, part("lokr_w2_b")?, false),
        (None, None) => product(part("lokr_w2_a")?, part("lokr_w2_b")?),
    };
    let rank = part("lokr_w2_b").or_else(|| part("lokr_w1_b"));
    let rank = rank.map(|factor| factor.shape[0]);
    Some((Delta::Kronecker(first, second), rank))
}

fn added(delta: Delta<'_>) -> Kind<'_> {
    Kind::Added {
        delta,
        magnitude: None,
    }
}

/// What is done to the weight of a module.
fn weight<'a>(parts: &Parts<'a>, outputs: u64) -> Option<(Kind<'a>, f64)> {
    let part = |name: &str| parts.get(name).map(|entry| entry.factor());
    let alpha = part("alpha").map(|alpha| f64::from(alpha.values[0]));
    let alpha = alpha.filter(|alpha| *alpha != 0.0);
    let scale = |rank: u64| alpha.map_or(1.0, |alpha| alpha / rank as f64);
    if let Some((delta, rank)) = delta(parts) {
        let magnitude = part("dora_scale").map(|values| Magnitude {
            values,
            axis: match values.shape[0] {
                1 => Axis::Columns,
                _ => Axis::Rows,
            },
            dialect: Dialect::Lycoris,
        });
        return Some((Kind::Added { delta, magnitude }, rank.map_or(1.0, scale)));
    }
    if let Some(whole) = part("diff").or_else(|| part("w_norm")) {
        return Some((added(Delta::One(Matrix::Whole(whole))), 1.0));
    }
    if let Some(a1) = part("a1.weight") {
        let glora = Glora {
            a1,
            a2: part("a2.weight")?,
            b1: part("b1.weight")?,
            b2: part("b2.weight")?,
        };
        return Some((Kind::Glora(glora), scale(glora.b2.shape[0])));
    }
    if let Some(by) = part("weight") {
        let axis = match part("on_input")?.values[0] {
            0.0 => Axis::Rows,
            _ => Axis::Columns,
        };
        let multiplied = Multiplied {
            by,
            axis,
            is_step: true,
        };
        return Some((Kind::Multiplied(multiplied), 1.0));
    }
    let rotation = Rotation::Outputs {
        blocks: part("oft_blocks")?,
        rescale: part("rescale"),
        most: alpha.map(|alpha| alpha as f32 * outputs as f32),
    };
    Some((Kind::Rotated(rotation), 1.0))
}

/// The changed tensors of a base.
fn merged(base: &File, adapter: &File, strength: f64) -> BTreeMap<String, Entry> {
    let names = json(&folder("lycoris/names.json"));
    let mut modules: BTreeMap<&str, Parts<'_>> = BTreeMap::new();
    for (name, entry) in adapter {
        let (module, part) = name.split_once('.').expect("a part");
        modules.entry(module).or_default().insert(part, entry);
    }
    let mut made = BTreeMap::new();
    let mut put = |name: String, kind: Kind<'_>, scale: f64| {
        let change = Change {
            kind,
            scale,
            strength,
        };
        let entry = changed(&name, &base[&name], &change);
        made.insert(name, entry);
    };
    for (module, parts) in modules {
        let key = names[module].as_str().expect("a known module").to_owned();
        if let Some(bias) = parts.get("diff_b").or_else(|| parts.get("b_norm")) {
            let delta = Delta::One(Matrix::Whole(bias.factor()));
            let name = key.replace(".weight", ".bias");
            put(name, added(delta), 1.0);
        }
        let outputs = base[&key].shape[0];
        let (kind, scale) = weight(&parts, outputs).expect("a known kind");
        put(key, kind, scale);
    }
    made
}

#[test]
fn every_algorithm_of_lycoris() {
    let folder = folder("lycoris");
    let mut faults = Vec::new();
    let mut count = 0;
    for case in cases("lycoris") {
        let file = |index: usize| folder.join(case["inputs"][index].as_str().expect("a file"));
        let (base, adapter) = (open(&file(0)), open(&file(1)));
        let strength = case["multiplier"].as_f64().expect("a strength");
        let made = merged(&base, &adapter, strength);
        let expected = open(&folder.join(case["output"].as_str().expect("a file")));
        let found = differences(&case, &made, &expected);
        faults.extend(
            found
                .iter()
                .map(|fault| format!("{}: {fault}", case["name"])),
        );
        count += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert_eq!(count, 45);
}
