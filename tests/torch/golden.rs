//! Every element type, layout and format: bit for bit what torch.load gives.

use super::{Tensor, data, tensors, wgmerge};

/// Files, each with what it holds.
const FILES: [(&str, &str); 21] = [
    ("dtypes.pt", "dtypes"),
    ("layouts.pth", "layouts"),
    ("legacy.bin", "legacy"),
    ("small.pt", "small"),
    ("protocol1.pt", "small"),
    ("protocol3.pt", "small"),
    ("protocol4.pt", "small"),
    ("protocol5.pt", "small"),
    ("legacy1.pt", "small"),
    ("legacy3.pt", "small"),
    ("legacy4.pt", "small"),
    ("legacy5.pt", "small"),
    ("parameters.pt", "parameters"),
    ("lightning.ckpt", "state"),
    ("model.pt", "state"),
    ("params.pth", "state"),
    ("only_ema.pth", "average"),
    ("module.pt", "state"),
    ("one_dict.pt", "state"),
    ("two_dicts.pt", "two_dicts"),
    ("shards", "shards"),
];

#[test]
fn what_is_read_is_what_torch_loads() {
    for (name, expected) in FILES.into_iter().chain([("opaque.pt", "opaque")]) {
        let expected = tensors(&data(&format!("{expected}.safetensors")));
        assert_eq!(tensors(&data(name)), expected, "{name}");
    }
}

#[test]
fn converted_files_are_what_torch_loads() {
    let folder = tempfile::tempdir().expect("scratch");
    for (name, expected) in FILES {
        let out = folder.path().join(format!("{name}.safetensors"));
        let path = out.to_str().expect("UTF-8");
        let output = wgmerge(&["convert", "-q", name, "-o", path]);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{name}: {errors}");
        let expected = tensors(&data(&format!("{expected}.safetensors")));
        assert_eq!(tensors(&out), expected, "{name}");
    }
}

/// Merges a model with itself and reads the result.
fn merged(model: &str, more: &[&str]) -> Vec<Tensor> {
    let folder = tempfile::tempdir().expect("scratch");
    let out = folder.path().join("out.safetensors");
    let path = out.to_str().expect("UTF-8");
    let merge = ["merge", "-q", "-M", "linear", model, model, "-o", path];
    let output = wgmerge(&[&merge, more].concat());
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{model}: {errors}");
    tensors(&out)
}

#[test]
fn merges_are_those_of_safetensors() {
    let cpu = ["--device", "cpu"];
    let small = ["--device", "cpu", "--memory", "64M"];
    for stem in ["layouts", "legacy"] {
        let expected = merged(&format!("{stem}.safetensors"), &cpu);
        let name = data(stem).with_extension(if stem == "legacy" { "bin" } else { "pth" });
        let name = name.to_str().expect("UTF-8");
        for more in [&cpu[..], &small] {
            assert_eq!(merged(name, more), expected, "{name} {more:?}");
        }
    }
}

#[test]
fn statistics_are_those_of_safetensors() {
    let rows = |name: &str| {
        let output = wgmerge(&["inspect", "--stats", "--json", name]);
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let json: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let tensors = json["tensors"].as_array().expect("a list").iter();
        let mut rows: Vec<String> = tensors
            .map(|tensor| {
                format!(
                    "{} {} {}",
                    tensor["key"], tensor["bytes"], tensor["statistics"]
                )
            })
            .collect();
        rows.sort();
        rows
    };
    assert_eq!(rows("layouts.pth"), rows("layouts.safetensors"));
}
