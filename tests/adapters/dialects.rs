//! Whole merges of files in the dialects of trainers and libraries.

use wgmerge::adapters::PeftConfig;

use super::file::{cases, folder, open};
use super::merged::{differences, merged};

/// Cases that are not done, and why.
const LEFT_OUT: [(&str, &str); 2] = [
    (
        "flux.bfl_control",
        "the input layer of a control adapter is larger than the base's",
    ),
    (
        "sdxl_clip_g_checkpoint",
        "its files are empty; see `config`",
    ),
];

fn check(topic: &str, has_config: bool) -> usize {
    let folder = folder(topic);
    let mut faults = Vec::new();
    let mut count = 0;
    for case in cases(topic) {
        let name = case["name"].as_str().expect("a name");
        if LEFT_OUT.iter().any(|(left_out, _)| *left_out == name) {
            continue;
        }
        let file = |index: usize| folder.join(case["inputs"][index].as_str().expect("a file"));
        let config = has_config.then(|| {
            let text = std::fs::read_to_string(file(1)).expect("a configuration");
            PeftConfig::parse(&text).expect("a configuration")
        });
        let (base, adapter) = (open(&file(0)), open(&file(if has_config { 2 } else { 1 })));
        let strength = case["multiplier"].as_f64().unwrap_or(1.0);
        let merged = merged(&base, &adapter, config.as_ref(), strength);
        let expected = open(&folder.join(case["output"].as_str().expect("a file")));
        let found = differences(&case, &base, &merged, &expected);
        faults.extend(found.iter().map(|fault| format!("{name}: {fault}")));
        count += 1;
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    count
}

#[test]
fn kohya_diffusers_and_others() {
    assert_eq!(check("dialects", false), 56);
}

#[test]
fn lycoris() {
    assert_eq!(check("lycoris", false), 45);
}

#[test]
fn peft() {
    assert_eq!(check("peft", true), 50);
}
