//! Merges of codes with numbers, and with codes of other formats.

use super::models::{FIRST, FORMATS, File, LAYER, Models};
use crate::support::tensors::Stored;

/// The formats whose codes depend on the numbers alone. The others round scales to the type that
/// the numbers had.
fn plain_formats() -> impl Iterator<Item = &'static &'static str> {
    let rounding = ["ct-fp8", "ct-int8", "ct-int4"];
    FORMATS
        .iter()
        .filter(move |format| !rounding.contains(format))
}

/// What belongs to codes; the numbers beside them were rounded once more on the other way.
fn codes(file: &File) -> Vec<(&String, &Stored)> {
    let names = ["q_proj", "down_proj", "up_proj"];
    let is_code = |key: &str, tensor: &Stored| {
        let is_weight = key.ends_with(".weight");
        names.iter().any(|name| key.contains(name)) && (!is_weight || tensor.dtype.bits() == 8)
    };
    let entries = file.iter();
    entries
        .filter(|(key, tensor)| is_code(key, tensor))
        .collect()
}

/// A merge of codes is the merge of their numbers, in the format of the base: the same bytes as
/// when they are decoded, merged and encoded one after the other.
#[test]
fn codes_are_merged_as_their_numbers() {
    let models = Models::new();
    let methods: [&[&str]; 3] = [
        &["-M", "linear", "-p", "weight=0.3,0.7"],
        &["-M", "ties", "-p", "density=0.4", "--base"],
        &["-M", "slerp", "-p", "t=0.25"],
    ];
    for format in plain_formats() {
        let coded = models.coded("a", format);
        let decoded = models.decoded(&coded);
        for method in methods {
            let merge = [&["merge"][..], method].concat();
            let own = [coded.as_str(), "b.safetensors", "-o", "own.safetensors"];
            models.runs(&[&merge[..], &own].concat());
            let long = [
                decoded.as_str(),
                "b.safetensors",
                "--dtype",
                "f32",
                "-o",
                "long.safetensors",
            ];
            models.runs(&[&merge[..], &long].concat());
            let encode = [
                "convert",
                "long.safetensors",
                "--format",
                format,
                "-o",
                "way.safetensors",
            ];
            models.runs(&encode);
            let [own, way] = ["own.safetensors", "way.safetensors"].map(|name| models.stored(name));
            assert!(own.keys().eq(way.keys()), "{format}: {method:?}");
            let pairs = codes(&own).into_iter().zip(codes(&way));
            for ((key, own), (_, way)) in pairs {
                assert!(own == way, "{format}: {method:?}: {key}");
            }
            assert!(codes(&own).len() >= 4, "{format}: too little is compared");
        }
    }
}

/// Fine-tunes in formats of their own, over a base of numbers.
#[test]
fn fine_tunes_of_codes_over_a_base_of_numbers() {
    let models = Models::new();
    let [first, second] = [("b", "comfy-int8"), ("a", "ct-int4")].map(|(m, f)| models.coded(m, f));
    let [one, two] = [&first, &second].map(|name| models.decoded(name));
    let merge = [
        "merge",
        "-M",
        "task_arithmetic",
        "-p",
        "weight=0.5",
        "--base",
        "a.safetensors",
    ];
    models.runs(
        &[
            &merge[..],
            &[first.as_str(), &second, "-o", "codes.safetensors"],
        ]
        .concat(),
    );
    models.runs(
        &[
            &merge[..],
            &[one.as_str(), &two, "-o", "numbers.safetensors"],
        ]
        .concat(),
    );
    let [codes, numbers] = ["codes.safetensors", "numbers.safetensors"].map(|f| models.stored(f));
    let base = models.stored("a.safetensors");
    assert!(codes.keys().eq(base.keys()), "{:?}", codes.keys());
    for (key, tensor) in &codes {
        assert!(*tensor == numbers[key], "{key}");
        assert_eq!(tensor.dtype, base[key].dtype, "{key}");
    }
    let key = format!("{FIRST}.weight");
    assert!(codes[&key] != base[&key], "nothing was merged");
}

/// Each of two formats may be the base; the output is in that one's.
#[test]
fn two_formats_make_that_of_the_base() {
    let models = Models::new();
    let [a, b] = [("a", "comfy-int8"), ("b", "comfy-nvfp4")].map(|(m, f)| models.coded(m, f));
    for (base, other, format) in [(&a, &b, "comfy-int8"), (&b, &a, "comfy-nvfp4")] {
        let mixed = models.stored(&models.linear(base, other));
        models.runs(&[
            "merge",
            "-M",
            "linear",
            &models.decoded(base),
            &models.decoded(other),
            "-o",
            "n.safetensors",
        ]);
        models.runs(&[
            "convert",
            "n.safetensors",
            "--format",
            format,
            "-o",
            "way.safetensors",
        ]);
        let way = models.stored("way.safetensors");
        assert!(mixed.keys().eq(way.keys()), "{format}");
        for ((key, mixed), (_, way)) in codes(&mixed).into_iter().zip(codes(&way)) {
            assert!(mixed == way, "{format}: {key}");
        }
    }
}

/// Layers that a merge leaves out are copied, codes and scales and markers.
#[test]
fn layers_that_are_left_out_are_copied() {
    let models = Models::new();
    for format in FORMATS {
        let coded = models.coded("a", format);
        let before = models.stored(&coded);
        let pattern = format!("^{FIRST}");
        let cases = [("--include", true), ("--exclude", false)];
        for (option, is_merged) in cases {
            let line = [
                "merge",
                "-M",
                "linear",
                &coded,
                "b.safetensors",
                option,
                &pattern,
            ];
            models.runs(&[&line[..], &["-o", "out.safetensors"]].concat());
            let after = models.stored("out.safetensors");
            assert!(before.keys().eq(after.keys()), "{format}: {option}");
            for (key, tensor) in &before {
                if key.starts_with(FIRST) != is_merged {
                    assert!(*tensor == after[key], "{format}: {option}: {key}");
                }
            }
            let changed = before.keys().filter(|key| before[*key] != after[*key]);
            assert!(
                changed.count() > 0,
                "{format}: {option}: nothing was merged"
            );
        }
    }
}

/// The outputs of a sweep are those of merges one by one.
#[test]
fn a_sweep_over_a_base_of_codes() {
    let models = Models::new();
    for format in ["comfy-fp8", "comfy-nvfp4", "ct-int4"] {
        let coded = models.coded("a", format);
        let merge = ["merge", "-M", "weighted_sum", &coded, "b.safetensors"];
        models.runs(
            &[
                &merge[..],
                &["--sweep", "alpha=0:1:0.5", "-o", "swept.safetensors"],
            ]
            .concat(),
        );
        let mut all = Vec::new();
        for alpha in ["0", "0.5", "1"] {
            let value = format!("alpha={alpha}");
            models.runs(&[&merge[..], &["-p", &value, "-o", "single.safetensors"]].concat());
            let single = models.stored("single.safetensors");
            let swept = models.stored(&format!("swept-alpha-{alpha}.safetensors"));
            assert!(single == swept, "{format}: {alpha}");
            all.push(single);
        }
        // At 0 nothing is b's.
        assert!(all[0] == models.stored(&coded), "{format}");
        let mut keys = all[0].keys().filter(|key| key.starts_with(LAYER));
        assert!(keys.any(|key| all[0][key] != all[2][key]), "{format}");
    }
}
