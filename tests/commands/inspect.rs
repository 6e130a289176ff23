//! `wgmerge inspect`: lists, statistics and refusals.

use super::{BASE, json, refuses, succeeds, write_safetensors};

#[test]
fn inspect_lists_a_checkpoint() {
    let expected = "\
tests/data/digits/base.safetensors  340.47 kB in 1 file

file              tensors      bytes
base.safetensors        6  340.47 kB

no known model config: the tensors keep their own names

metadata
format    pt

dtype  tensors  elements      bytes
F32          6     85002  340.01 kB

tensor    dtype  shape           bytes
0.bias    F32    [256]         1.02 kB
0.weight  F32    [256, 64]    65.54 kB
2.bias    F32    [256]         1.02 kB
2.weight  F32    [256, 256]  262.14 kB
4.bias    F32    [10]             40 B
4.weight  F32    [10, 256]    10.24 kB
";
    assert_eq!(succeeds(&["inspect", BASE]), expected);
}

#[test]
fn inspect_filters_and_computes_statistics() {
    let args = [
        "inspect",
        "tests/data/digits/eval.safetensors",
        "--stats",
        "--filter",
        "^(labels|clean)$",
    ];
    let text = succeeds(&args);
    assert!(text.contains("all          2     38805"), "{text}");
    let row = text.lines().find(|line| line.starts_with("labels"));
    let cells: Vec<&str> = row.expect("labels").split_whitespace().collect();
    assert_eq!(cells[..2], ["labels", "I64"]);
    assert_eq!(cells[7..], ["0", "9", "0", "0"], "min, max, NaN, infinite");
    let value = json(&[&args[..], &["--json"]].concat());
    assert_eq!(value["tensors"].as_array().map(Vec::len), Some(2));
    let pixels = &value["tensors"][1]["statistics"];
    assert_eq!((&pixels["min"], &pixels["max"]), (&0.0.into(), &1.0.into()));
}

/// One tensor of every type with statistics: 1, -2 and, where the type has them, NaN and infinity.
#[test]
fn inspect_reads_every_type_of_numbers() {
    let cases: &[(&str, usize, &[u64], u64, u64)] = &[
        (
            "F64",
            8,
            &[
                1f64.to_bits(),
                (-2f64).to_bits(),
                0x7ff8 << 48,
                0x7ff0 << 48,
            ],
            1,
            1,
        ),
        (
            "F32",
            4,
            &[0x3f80_0000, 0xc000_0000, 0x7fc0_0000, 0xff80_0000],
            1,
            1,
        ),
        ("F16", 2, &[0x3c00, 0xc000, 0x7e00, 0x7c00], 1, 1),
        ("BF16", 2, &[0x3f80, 0xc000, 0x7fc0, 0xff80], 1, 1),
        ("F8_E4M3", 1, &[0x38, 0xc0, 0x7f, 0xff], 2, 0),
        ("F8_E5M2", 1, &[0x3c, 0xc0, 0x7f, 0x7c], 1, 1),
        ("I8", 1, &[1, 0xfe], 0, 0),
        ("I16", 2, &[1, 0xfffe], 0, 0),
        ("I32", 4, &[1, 0xffff_fffe], 0, 0),
        ("I64", 8, &[1, u64::MAX - 1], 0, 0),
    ];
    let folder = tempfile::tempdir().expect("scratch");
    for (name, width, words, nan, inf) in cases {
        let path = folder.path().join(format!("{name}.safetensors"));
        let bytes: Vec<u8> = words
            .iter()
            .flat_map(|word| word.to_le_bytes()[..*width].to_vec())
            .collect();
        let entry = serde_json::json!({
            "dtype": name, "shape": [words.len()], "data_offsets": [0, bytes.len()],
        });
        write_safetensors(&path, &serde_json::json!({ "x": entry }), &bytes);
        let value = json(&[
            "inspect",
            "--stats",
            "--json",
            path.to_str().expect("UTF-8"),
        ]);
        let found = &value["tensors"][0]["statistics"];
        assert_eq!(found["min"], -2.0, "{name}");
        assert_eq!(found["max"], 1.0, "{name}");
        assert_eq!(found["mean"], -0.5, "{name}");
        assert_eq!(found["norm"], 5f64.sqrt(), "{name}");
        assert_eq!(found["nan"], *nan, "{name}");
        assert_eq!(found["inf"], *inf, "{name}");
    }
}

/// Statistics do not depend on the pieces in which a tensor is read.
#[test]
fn inspect_reads_tensors_larger_than_a_piece() {
    let folder = tempfile::tempdir().expect("scratch");
    let path = folder.path().join("large.safetensors");
    let count = (4 << 20) + 3;
    let mut bytes = vec![1; count];
    bytes[count - 1] = 251;
    let entry = serde_json::json!({ "dtype": "U8", "shape": [count], "data_offsets": [0, count] });
    write_safetensors(&path, &serde_json::json!({ "x": entry }), &bytes);
    let value = json(&[
        "inspect",
        "--stats",
        "--json",
        path.to_str().expect("UTF-8"),
    ]);
    let found = &value["tensors"][0]["statistics"];
    assert_eq!(found["max"], 251.0);
    assert_eq!(found["mean"], (count + 250) as f64 / count as f64);
}

#[test]
fn inspect_refuses_what_it_cannot_show() {
    let missing = refuses(&["inspect", "tests/data/digits/none.safetensors"]);
    assert!(
        missing.starts_with("error: tests/data/digits/none.safetensors"),
        "{missing}"
    );
    let filter = refuses(&["inspect", BASE, "--filter", "conv"]);
    assert!(
        filter.contains("--filter `conv` matches no name among 6 tensors"),
        "{filter}"
    );
    let syntax = refuses(&["inspect", BASE, "--filter", "("]);
    assert!(syntax.contains("--filter"), "{syntax}");
}
