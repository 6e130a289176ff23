//! Methods in bf16, in which mergekit rounds every step.

use super::compare::Weights;
use super::scratch::Scratch;
use crate::golden::data;

/// The methods, by the names of their YAML files and results, and of how many of a thousand
/// elements the bits may differ. Of equal magnitudes torch's sort takes any; and the iteration of
/// `karcher` is rounded once here, where in bf16 most of its angles are none.
const METHODS: [(&str, u32); 12] = [
    ("breadcrumbs", 10),
    ("breadcrumbs_ties", 10),
    ("karcher", 500),
    ("model_stock", 4),
    ("model_stock_filter_wise", 4),
    ("multislerp", 4),
    ("nearswap", 4),
    ("nuslerp", 4),
    ("nuslerp_base_rows", 4),
    ("ram", 4),
    ("ramplus_tl", 4),
    ("sce", 20),
];

#[test]
fn every_step_is_rounded() {
    let mut faults = Vec::new();
    for (name, allowed) in METHODS {
        let folder = data("mergekit/steps");
        let yaml = std::fs::read_to_string(folder.join(format!("{name}.yaml"))).expect("a recipe");
        let own = Scratch::new(&yaml);
        for model in ["base", "a", "b", "c"] {
            let from = data("mergekit/models/f32").join(model);
            std::fs::create_dir(own.path().join(model)).expect("a folder");
            for file in ["config.json", "model.safetensors"] {
                std::fs::copy(from.join(file), own.path().join(model).join(file)).expect("copied");
            }
        }
        own.run(&["--device", "cpu"]);
        let found = own.weights("OUT");
        let expected = Weights::open(&folder.join(format!("{name}.safetensors")));
        let (mut off, mut far, mut all) = (0, 0, 0);
        for key in expected.names() {
            let pairs = found.values(&key).into_iter().zip(expected.values(&key));
            for (found, expected) in pairs {
                off += u32::from(found != expected);
                // No more than a step or two of bf16, but for the methods above.
                let step = expected.abs().max(0.001) / 64.0;
                far += u32::from((found - expected).abs() > step);
                all += 1;
            }
        }
        let loose = name.starts_with("breadcrumbs") || ["sce", "karcher"].contains(&name);
        if 1000 * off > allowed * all || far > 0 && !loose {
            faults.push(format!("{name}: {off} of {all}, {far} by far"));
        }
    }
    assert!(faults.is_empty(), "{faults:?}");
}
