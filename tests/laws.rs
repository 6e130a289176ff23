//! What must hold whatever the models: the same bytes however the work is cut, and the algebra of
//! the methods.

use crate::support::backends::levels;
use std::path::{Path, PathBuf};

use wgmerge::dtype::{Float, codec};
use wgmerge::exec::Executor;
use wgmerge::exec::cpu::{CpuExecutor, Level};
use wgmerge::merge::Device;
use wgmerge::plan::DeviceLimits;

use crate::support::models::{Case, family, floats, values, write};
use crate::support::tensors::read;

/// More than three chunks of the CPU's reading.
const LARGE: [u64; 2] = [211, 1024];

pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A base and fine-tunes with one large and one small tensor.
fn large(folder: &Path, float: Float, count: u64) -> Vec<PathBuf> {
    let n = LARGE.iter().product::<u64>() as usize;
    (0..count)
        .map(|model| {
            let path = folder.join(format!("large-{float}-{model}.safetensors"));
            let tensors = [
                floats("big.weight", float, &LARGE, &values(n, 7, model)),
                floats("norm.weight", float, &[77], &values(77, 8, model)),
            ];
            write(&path, &tensors);
            path
        })
        .collect()
}

const WORKS: &[(&str, bool, &[&str])] = &[
    ("linear", false, &["weight=0.2,0.3,0.5"]),
    ("ties", true, &["density=0.3"]),
    ("ties", true, &["density=0.3", "scope=model"]),
    (
        "ties",
        true,
        &[
            "density=0.5",
            "ties=keep",
            "elect=frequency",
            "divisor=none",
        ],
    ),
    ("dare_linear", true, &["drop=0.7", "rescale=l1"]),
    ("dare_then_ties", true, &["drop=0.5", "trim=0.3"]),
    ("peft_ties", true, &["density=0.3", "weight=1,0.5,2"]),
    ("paper_ties", true, &["density=0.3", "merge=max"]),
    ("consensus_ta", true, &["tasks=2"]),
    ("assembly_of_experts", true, &["threshold=0.01"]),
    ("add_noise", false, &["alpha=0.1"]),
    ("add_orthogonal_difference", false, &["alpha=0.6"]),
    ("slerp", false, &["t=0.3"]),
    ("breadcrumbs", true, &["density=0.4", "gamma=0.05"]),
    ("model_stock", true, &[]),
    ("model_stock", true, &["filter_wise=true"]),
    ("nearswap", true, &["t=0.01"]),
    ("nuslerp", true, &["weight=0.3,0.5"]),
    ("nuslerp", false, &["weight=0.3,0.5", "angles=row"]),
    ("multislerp", true, &["weight=0.2,0.3,0.7"]),
    ("karcher", false, &[]),
    ("sce", true, &["select_topk=0.3"]),
    ("ramplus_tl", true, &["epsilon=0.01"]),
];

/// Methods that hold whole tensors.
const WHOLE: &[(&str, bool, &[&str])] = &[
    ("nuslerp", true, &["weight=0.3,0.5", "angles=column"]),
    ("arcee_fusion", true, &[]),
    ("della", true, &["density=0.5"]),
    ("cabs", true, &["n=1,2,1"]),
    ("pcb", true, &["density=0.3"]),
    ("ablate", false, &["keep_norms=true"]),
];

fn work<'a>(
    models: &[PathBuf],
    (method, base, parameters): (&'a str, bool, &'a [&'a str]),
) -> Case<'a> {
    let count = wgmerge::method::find(method).map_or(3, |own| own.models_max.min(3));
    let base = base.then(|| &models[0]);
    Case {
        parameters,
        ..Case::new(method, base, &models[1..=count])
    }
}

#[test]
fn threads_memory_and_instructions_do_not_change_a_byte() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    for float in [Float::BF16, Float::F32] {
        let models = large(folder.path(), float, 4);
        for &row in WORKS {
            let case = work(&models, row);
            let (expected, _) = case.run(&output, None).expect("a merge");
            let cut = [
                (5, 22 << 20, Level::detect()),
                (1, 21 << 20, Level::BASELINE),
            ];
            let uncut = levels().map(|level| (2, 4 << 30, level));
            for (threads, memory, level) in uncut.chain(cut) {
                let case = Case {
                    threads,
                    memory,
                    level,
                    ..work(&models, row)
                };
                let (found, _) = case.run(&output, None).expect("a merge");
                assert!(
                    expected == found,
                    "{row:?} {threads} {memory} {level:?}: other bytes"
                );
            }
        }
    }
}

#[test]
fn whole_tensors_do_not_depend_on_threads_or_memory() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let models = large(folder.path(), Float::BF16, 4);
    for &row in WHOLE {
        let (expected, _) = work(&models, row).run(&output, None).expect("a merge");
        for (threads, memory) in [(5, 100 << 20), (1, 48 << 20)] {
            let case = Case {
                threads,
                memory,
                ..work(&models, row)
            };
            let (found, _) = case.run(&output, None).expect("a merge");
            assert!(expected == found, "{row:?} {threads} {memory}: other bytes");
        }
    }
}

#[test]
fn tensors_cut_for_a_device_give_the_same_bytes() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let models = large(folder.path(), Float::F16, 4);
    for &row in WORKS {
        let case = work(&models, row);
        let (expected, _) = case.run(&output, None).expect("a merge");
        for binding_bytes in [48 << 10, 512 << 10, 64 << 20] {
            let slot = |_, _, _| {
                Ok(Box::new(CpuExecutor::new(Level::BASELINE)) as Box<dyn Executor + Send>)
            };
            let limits = DeviceLimits { binding_bytes };
            let device = Device::new("small".to_owned(), limits, Box::new(slot));
            let (found, _) = case.run(&output, Some(device)).expect("a merge");
            assert!(
                expected == found,
                "{row:?} in {binding_bytes} bytes: other bytes"
            );
        }
    }
}

#[test]
fn copies_of_a_model_merge_to_the_model() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    for &float in Float::ALL {
        let model = family(folder.path(), float, 0);
        let expected = values(33410, 9, 0);
        let stored = |x: &f32| {
            let bits = codec::settled(x.to_bits());
            f32::from_bits(codec::decode(float, codec::encode(float, bits)))
        };
        let expected: Vec<f32> = expected.iter().map(stored).collect();
        let four = vec![model.clone(); 4];
        for (method, base, parameters) in [
            ("linear", false, &["weight=0.25,0.25,0.25,0.25"][..]),
            ("n_average", false, &[]),
            ("task_arithmetic", true, &["weight=0.7"]),
            ("ties", true, &["density=0.4", "lambda=1.5"]),
            ("dare_linear", true, &["drop=0.5"]),
            ("dare_ties", true, &[]),
            ("breadcrumbs", true, &["density=0.5", "gamma=0.1"]),
            ("breadcrumbs_ties", true, &["density=0.5"]),
            ("model_stock", true, &[]),
            ("multislerp", true, &[]),
            ("karcher", false, &[]),
            ("sce", true, &["select_topk=0.5"]),
            ("ram", true, &[]),
            ("ramplus_tl", true, &[]),
            ("della_linear", true, &["density=0.5"]),
        ] {
            let base = base.then_some(&model);
            let case = Case {
                parameters,
                ..Case::new(method, base, &four)
            };
            let (found, _) = case.run(&output, None).expect("a merge");
            // As numbers: -0 plus a delta of +0 is +0.
            assert!(
                expected == read(&found, "layer.8.weight"),
                "{method} of copies in {float}"
            );
        }
    }
}

/// The bytes of the tensor `w`, which ends the file.
fn data(path: &Path, len: usize) -> Vec<u8> {
    let bytes = std::fs::read(path).expect("a file");
    bytes[bytes.len() - len..].to_vec()
}

/// Merges of one model, `m`, that give it back, whatever another, `o`, is: the method, the base,
/// the models, the parameters.
type Equal = (
    &'static str,
    Option<&'static str>,
    &'static str,
    &'static [&'static str],
);

const EQUAL: &[Equal] = &[
    ("linear", None, "mm", &["weight=0.3,0.7"]),
    ("linear", None, "mmm", &["weight=0.1,0.7,3"]),
    (
        "linear",
        None,
        "mmm",
        &["weight=1.7,-0.5,-0.2", "normalize=false"],
    ),
    ("n_average", None, "mmmmmmm", &[]),
    ("slerp", None, "mm", &["t=0.35"]),
    ("slerp", None, "mm", &["t=0.8", "norm=interpolate"]),
    ("add_difference", None, "moo", &["alpha=0.7"]),
    ("task_arithmetic", Some("m"), "mm", &["lambda=0.7"]),
    ("task_arithmetic", Some("o"), "m", &[]),
    (
        "task_arithmetic",
        Some("o"),
        "mmm",
        &["normalize=true", "weight=1,2,3"],
    ),
    ("ties", Some("m"), "mmm", &["density=0.4", "lambda=1.5"]),
    (
        "dare_linear",
        Some("m"),
        "mm",
        &["drop=0.5", "weight=0.4,-1"],
    ),
    ("dare_linear", Some("o"), "mm", &["normalize=true"]),
    ("dare_ties", Some("m"), "mm", &["drop=0.3"]),
    ("dare_then_ties", Some("m"), "mm", &["drop=0.3", "trim=0.5"]),
    (
        "breadcrumbs",
        Some("m"),
        "mm",
        &["density=0.3", "lambda=1.5"],
    ),
    ("breadcrumbs_ties", Some("m"), "mm", &["density=0.3"]),
    ("model_stock", Some("m"), "mmm", &[]),
    ("peft_ties", Some("m"), "mm", &["density=0.3"]),
    ("paper_ties", Some("m"), "mm", &["density=0.3"]),
    ("darex_q", Some("m"), "mm", &["drop=0.3", "q=0.5"]),
    ("consensus_ta", Some("m"), "mm", &[]),
    ("pcb", Some("m"), "mmm", &[]),
    ("cabs", Some("m"), "mm", &[]),
    ("assembly_of_experts", Some("o"), "mm", &[]),
    ("fisher", None, "mmmm", &[]),
    ("fisher", None, "momo", &["weight=1,2,3,4"]),
    ("nearswap", Some("m"), "m", &["t=0.01"]),
    ("nuslerp", None, "mm", &["weight=0.3,0.7"]),
    ("nuslerp", Some("m"), "mm", &["weight=0.3,0.7"]),
    ("sce", Some("m"), "mmm", &["select_topk=0.5"]),
    ("ram", Some("m"), "mm", &[]),
    ("arcee_fusion", Some("m"), "m", &[]),
    ("ramplus_tl", Some("m"), "mm", &[]),
    ("della", Some("m"), "mm", &["density=0.5"]),
    ("della_linear", Some("m"), "mm", &["density=0.5"]),
];

#[test]
fn equal_models_are_their_own_mean_bit_for_bit() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let mut x = values(4000, 3, 1);
    x[..6].copy_from_slice(&[41.0, -0.0, 0.0, 1e-30, -300.0, 7e-9]);
    let y = values(4000, 5, 2);
    for &float in Float::ALL {
        let [model, other] =
            ["model", "other"].map(|name| folder.path().join(format!("{name}.safetensors")));
        write(&model, &[floats("w", float, &[4000], &x)]);
        write(&other, &[floats("w", float, &[4000], &y)]);
        let wanted = data(&model, 4000 * float.bytes());
        for &(method, base, models, parameters) in EQUAL {
            let path = |name: char| if name == 'm' { &model } else { &other };
            let models: Vec<PathBuf> = models.chars().map(path).cloned().collect();
            let base = base.and_then(|base| base.chars().next()).map(path);
            let case = Case {
                parameters,
                ..Case::new(method, base, &models)
            };
            case.run(&output, None).expect("a merge");
            let found = data(&output, wanted.len());
            assert!(
                wanted == found,
                "{method} {parameters:?} of copies in {float}"
            );
        }
    }
}

#[test]
fn nothing_added_is_the_base() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let models = large(folder.path(), Float::F32, 3);
    let base = values((LARGE[0] * LARGE[1]) as usize, 7, 0);
    for (method, parameters) in [
        ("task_arithmetic", &["lambda=0"][..]),
        ("task_arithmetic", &["weight=0"]),
        ("ties", &["lambda=0", "density=0.5"]),
        ("ties", &["weight=0", "density=0.5"]),
        ("dare_linear", &["weight=0", "drop=0.5"]),
    ] {
        let case = Case {
            parameters,
            ..Case::new(method, Some(&models[0]), &models[1..])
        };
        let (found, report) = case.run(&output, None).expect("a merge");
        assert!(
            read(&found, "big.weight") == base,
            "{method} {parameters:?}"
        );
        let one = std::fs::metadata(&models[0]).expect("a file").len();
        assert!(
            report.bytes_read <= one,
            "{method} {parameters:?} reads what it does not use"
        );
    }
}

#[test]
fn trimming_nothing_is_no_trimming_and_order_hardly_matters() {
    let folder = folder();
    let output = folder.path().join("out.safetensors");
    let models = large(folder.path(), Float::F32, 4);
    let run = |models: &[PathBuf], parameters: &[&str]| {
        let case = Case {
            parameters,
            ..Case::new("ties", Some(&models[0]), &models[1..])
        };
        read(&case.run(&output, None).expect("a merge").0, "big.weight")
    };
    let all = run(&models, &["density=1"]);
    assert!(all == run(&models, &["density=1", "scope=model"]));
    let sparse = run(&models, &["density=0.4"]);
    let mut turned = models.clone();
    turned[1..].reverse();
    let other = run(&turned, &["density=0.4"]);
    let far = sparse
        .iter()
        .zip(&other)
        .filter(|(a, b)| (*a - *b).abs() > 1e-6)
        .count();
    // An elected sum near zero may change sign with the order of its terms.
    assert!(far <= 3, "{far} elements depend on the order of the models");
}
