//! The regression mean against numpy's solution of its equations.

use std::path::Path;

use wgmerge::checkpoint::Checkpoint;

use super::{refuses, succeeds};
use crate::golden::data;
use crate::support::tensors::tensor;

fn text(instructions: &str) -> String {
    let names = ["m0", "g0", "m1", "g1"].into_iter();
    let model = |name| {
        format!(
            "model \"{}\"\n",
            data(&format!("regmean/{name}.safetensors")).display()
        )
    };
    let models: String = names.map(model).collect();
    format!("version 0.1.0\n{models}{instructions}\n")
}

fn written(folder: &Path, instructions: &str, options: &[&str]) -> Checkpoint {
    std::fs::write(folder.join("r.mecha"), text(instructions)).expect("a writable folder");
    let arguments = ["run", "r.mecha", "-o", "o.safetensors", "--force", "-q"];
    succeeds(folder, &[&arguments, options].concat());
    Checkpoint::open(&folder.join("o.safetensors")).expect("sound")
}

#[test]
fn linear_layers_are_what_numpy_solves() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (scale, given) in [("0.9", ""), ("0.5", " scale=0.5")] {
        let mean = "merge \"n_average\" &0 &2\nmerge \"fallback\" &4 &5";
        let instructions = format!("merge \"regmean\" &0 &1 &2 &3{given}\n{mean}");
        let found = written(folder.path(), &instructions, &[]);
        let expected = data(&format!("regmean/scale{scale}.safetensors"));
        let expected = Checkpoint::open(&expected).expect("sound");
        for name in expected.tensors().keys() {
            let pairs = tensor(&found, name)
                .into_iter()
                .zip(tensor(&expected, name));
            for (at, (own, wanted)) in pairs.enumerate() {
                assert!(
                    (own - wanted).abs() <= 2e-6,
                    "{name} {at}: {own}, not {wanted}"
                );
            }
        }
        let first = Checkpoint::open(&data("regmean/m0.safetensors")).expect("sound");
        let second = Checkpoint::open(&data("regmean/m1.safetensors")).expect("sound");
        let biases = tensor(&first, "small.bias")
            .into_iter()
            .zip(tensor(&second, "small.bias"));
        let means: Vec<f32> = biases.map(|(a, b)| a + 0.5 * (b - a)).collect();
        assert_eq!(tensor(&found, "small.bias"), means);
        let one = std::fs::read(folder.path().join("o.safetensors")).expect("the output");
        written(
            folder.path(),
            &instructions,
            &["--threads", "3", "--memory", "24MiB"],
        );
        let three = std::fs::read(folder.path().join("o.safetensors")).expect("the output");
        assert!(one == three);
    }
}

#[test]
fn regressions_that_cannot_be_solved_are_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (instructions, wanted) in [
        (
            "merge \"regmean\" &0 &1 &2",
            "pairs of a model and its statistics, not 3 inputs",
        ),
        ("merge \"regmean\" &0 &1 &2 &3", "small.bias"),
        ("merge \"regmean\" &0 &2 &2 &0", "have no statistics of"),
        (
            "merge \"regmean\" &0 &1 &2 &3 scale=2",
            "a number from 0 to 1",
        ),
    ] {
        std::fs::write(folder.path().join("r.mecha"), text(instructions)).expect("written");
        let found = refuses(folder.path(), &["run", "r.mecha", "-o", "o.safetensors"]);
        assert!(found.contains(wanted), "{instructions}: {found}");
    }
}
