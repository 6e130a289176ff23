//! The names of modules, against the tables of those that ComfyUI knows.

use wgmerge::adapters::{Names, Of};

use super::file::{folder, json, open};

const FAMILIES: [&str; 10] = [
    "sd1",
    "sdxl",
    "flux",
    "flux2",
    "sd3",
    "wan",
    "qwen_image",
    "z_image",
    "hunyuan_video",
    "krea2",
];

#[test]
fn every_name_leads_to_the_tensor_that_comfyui_changes() {
    let folder = folder("dialects");
    let mut faults = Vec::new();
    let mut count = 0;
    for family in FAMILIES {
        let base = open(&folder.join(format!("{family}.base.safetensors")));
        let names = Names::of(base.values().map(|tensor| tensor.entry.clone()));
        let table = json(&folder.join(format!("{family}.names.json")));
        for (name, target) in table.as_object().expect("an object") {
            count += 1;
            // What is a tensor's name there is a module's and its bias' here.
            let (module, of) = match name.strip_suffix(".bias") {
                Some(module) => (module, Of::Bias),
                None => (name.as_str(), Of::Weight),
            };
            let key = target["key"].as_str().expect("a tensor");
            let found = match names.places(module, of) {
                Ok(Some(places)) => places,
                Ok(None) => {
                    faults.push(format!("{family}: {name} has no {of:?}"));
                    continue;
                }
                Err(unmatched) => {
                    faults.push(format!("{family}: {unmatched}"));
                    continue;
                }
            };
            let all = base[key].entry.shape.first().copied().unwrap_or(1);
            let rows = match target["rows"].as_array() {
                Some(rows) => rows[0].as_u64().unwrap_or(0)..rows[1].as_u64().unwrap_or(0),
                None => 0..all,
            };
            let is_swapped = target["swap_halves"] == true;
            let half = all / 2;
            let expected = match is_swapped {
                true => vec![(key, 0..half, half), (key, half..all, 0)],
                false => vec![(key, rows, 0)],
            };
            let found: Vec<_> = found
                .iter()
                .map(|place| (place.key.as_str(), place.rows.clone(), place.from))
                .collect();
            if found != expected {
                faults.push(format!(
                    "{family}: {name}: {found:?}, {expected:?} expected"
                ));
            }
        }
    }
    assert!(
        faults.is_empty(),
        "{} of {count}:\n{}",
        faults.len(),
        faults.join("\n")
    );
    assert_eq!(count, 1807);
}
