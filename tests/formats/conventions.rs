//! Checkpoints of codes are told from checkpoints of numbers.

mod codes;
mod read;

use std::path::Path;

use indexmap::IndexMap;
use wgmerge::checkpoint::convention::{ConventionError, LAYERS_FIELD, Layers, Said, recognise};
use wgmerge::checkpoint::{Recognised, Stored, TensorInfo, Tensors, Undecoded};
use wgmerge::dtype::DType;
use wgmerge::keys::config::configs;

use super::bytes::Scratch;
use crate::cli::World;

/// Tensors from lines of name, dtype and shape (`8x4`; nothing for a scalar).
fn tensors(text: &str) -> Tensors {
    let entries = text.split(';').map(|entry| {
        let mut words = entry.split_whitespace();
        let key = words.next().expect("a name").to_owned();
        let dtype = DType::from_name(words.next().expect("a dtype")).expect("a known dtype");
        let shape: Vec<u64> = words
            .next()
            .map(|shape| {
                shape
                    .split('x')
                    .map(|n| n.parse().expect("a size"))
                    .collect()
            })
            .unwrap_or_default();
        (key, info(dtype, &shape))
    });
    entries.collect()
}

fn info(dtype: DType, shape: &[u64]) -> TensorInfo {
    TensorInfo {
        dtype,
        shape: shape.into(),
        file: 0,
        span: 0..shape.iter().product::<u64>() * dtype.bits() / 8,
        strides: None,
        coding: None,
    }
}

/// What is recognised, where every small entry holds a text.
fn recognised(
    tensors: &Tensors,
    metadata: &IndexMap<String, String>,
    quantisation: Option<&str>,
    text: &str,
) -> Stored {
    let layers = metadata.get(LAYERS_FIELD).map(|text| Layers {
        component: None,
        text: text.clone(),
    });
    let said = Said {
        path: Path::new("m"),
        metadata,
        quantisation,
        settings: &[],
        layers: layers.as_slice(),
    };
    let mut read = |_: &TensorInfo| Ok(text.as_bytes().to_vec());
    recognise(tensors, &said, &mut read).expect("a reader that does not fail")
}

fn found(
    tensors: &Tensors,
    metadata: &IndexMap<String, String>,
    quantisation: Option<&str>,
) -> Stored {
    recognised(tensors, metadata, quantisation, "{}")
}

/// What is not read in tensors that are refused.
fn undecoded(stored: Stored) -> Undecoded {
    match stored.map_err(|fault| *fault) {
        Err(ConventionError::Undecoded(undecoded)) => *undecoded,
        other => panic!("not refused as codes that are not read: {other:?}"),
    }
}

fn plain(text: &str) {
    assert_eq!(
        found(&tensors(text), &IndexMap::new(), None),
        Ok(Recognised::default()),
        "{text}"
    );
}

#[test]
fn codes_that_are_not_read_are_named() {
    for &(text, convention, key) in codes::REFUSED {
        let coded = undecoded(found(&tensors(text), &IndexMap::new(), None));
        assert!(coded.convention.contains(convention), "{text}: {coded}");
        assert_eq!(coded.key, key, "{text}: {coded}");
        let message = coded.to_string();
        assert!(message.starts_with(&format!("m: `{key}`")), "{message}");
    }
}

#[test]
fn codes_are_recognised() {
    for read in read::READ {
        let tensors = tensors(read.entries);
        let found = recognised(&tensors, &IndexMap::new(), None, read.text);
        let found = found.unwrap_or_else(|fault| panic!("{}: {fault}", read.entries));
        let names: Vec<&String> = found.tensors.keys().collect();
        assert_eq!(names, [read.name], "{}", read.entries);
        let coded = &found.tensors[read.name];
        assert_eq!(*coded.shape, *read.shape, "{}", read.entries);
        let convention = coded.convention.name();
        assert!(convention.contains(read.convention), "{convention}");
        // Every part is there, with the type and the size that the format gives it.
        let mut shape = coded.shape.to_vec();
        if coded.transposed {
            let last = shape.len() - 1;
            shape.swap(last, last - 1);
        }
        let parts = coded.format.parts(&shape);
        assert_eq!(parts.len(), coded.parts.len(), "{}", read.entries);
        for (part, key) in parts.iter().zip(&coded.parts) {
            let info = &tensors[key];
            let elements: u64 = part.shape.iter().product();
            assert_eq!(
                (part.dtype, elements),
                (info.dtype, info.elements()),
                "{key}"
            );
        }
        for key in &coded.beside {
            assert!(tensors.contains_key(key), "{key}");
        }
    }
}

#[test]
fn half_a_convention_is_refused() {
    for &(entries, text, part) in read::FAULTY {
        let found = recognised(&tensors(entries), &IndexMap::new(), None, text);
        let message = found.expect_err(entries).to_string();
        assert!(message.starts_with("m: `"), "{message}");
        assert!(
            message.contains(part),
            "{entries}: no {part:?} in {message}"
        );
    }
}

/// Scales that a tool left beside weights that are none of codes hold nothing.
#[test]
fn dummy_scales_are_markers() {
    let text = "b.weight F8_E4M3 8x8; b.scale_weight F32; f.weight BF16 8x8; f.scale_weight F32; \
                f.scale_input F32; scaled_fp8 F8_E4M3 0";
    let found = found(&tensors(text), &IndexMap::new(), None).expect("scaled fp8");
    let markers = ["f.scale_weight", "f.scale_input", "scaled_fp8"];
    assert_eq!(found.markers, markers);
}

/// The header counts where an entry says something else.
#[test]
fn headers_override_entries() {
    let told = r#"{"layers":{"b":{"format":"float8_e4m3fn"}}}"#;
    let metadata = IndexMap::from([(LAYERS_FIELD.to_owned(), told.to_owned())]);
    let codes = tensors("b.weight F8_E4M3 8x8; b.weight_scale F32; b.comfy_quant U8 9");
    let found = recognised(&codes, &metadata, None, r#"{"format":"nvfp4"}"#);
    let found = found.expect("fp8, as the header says");
    assert_eq!(found.tensors["b.weight"].beside, ["b.comfy_quant"]);
    // What it says of a layer of numbers is left from another file.
    let numbers = tensors("b.weight BF16 8x8");
    assert_eq!(
        recognised(&numbers, &metadata, None, ""),
        Ok(Recognised::default())
    );
}

/// Every config, as published and with all its floats in fp8, which has no scales.
#[test]
fn models_of_numbers_are_plain() {
    for config in configs() {
        for float8 in [None, Some(DType::F8E4M3), Some(DType::F8E5M2)] {
            let tensors: Tensors = config
                .keys()
                .map(|(name, key)| {
                    let dtype = float8.filter(|_| key.dtype.is_mergeable());
                    (
                        name.to_owned(),
                        info(dtype.unwrap_or(key.dtype), &key.shape),
                    )
                })
                .collect();
            assert_eq!(
                found(&tensors, &IndexMap::new(), None),
                Ok(Recognised::default()),
                "{}",
                config.id()
            );
        }
    }
}

/// Names that look like scales in models of numbers.
#[test]
fn scales_of_networks_are_no_scales_of_codes() {
    plain("logit_scale F32; text.weight F16 8x8");
    plain("b.scale_shift_table F32 6x8; b.weight F8_E4M3 8x8");
    plain("b.norm.scale BF16 8; b.norm.weight F8_E4M3 8; b.lin.weight F8_E4M3 8x8");
    plain("b.query_norm.scale F8_E4M3 8; b.lin.weight F8_E4M3 8x8; b.lin.bias F8_E4M3 8");
    plain("b.ls1.gamma F32 8; b.layer_scale_1 F32 8; b.scales F32 4; b.weight F32 8x8");
    plain("b.weight BF16 8x8; b.scale_weight F32; b.weight_scale F32; b.input_scale F32");
    plain("attn.k_scale F32; attn.v_scale F32; attn.k_proj.weight BF16 8x8");
    plain("m.up_blocks F32 4; m.up_scales F32 4; m.codes F32 4; m.codebooks F32 4");
    plain("position_ids I64 1x77; mask BOOL 8x8; relative_position_index I64 49x49; w F16 2x2");
    plain("emb.indices I64 8; emb.weight F32 8x8; W_q F32 8x8; zero F32 8; B F32 8; s F32 8");
}

/// What is said beside the tensors counts where there are codes, and names the method.
#[test]
fn settings_and_metadata_count_beside_codes() {
    let (none, plain) = (IndexMap::new(), Ok(Recognised::default()));
    let weights = tensors("a.weight BF16 8x8; n.weight F32 8; ids I64 4");
    assert_eq!(found(&weights, &none, Some("gptq")), plain);
    let codes = tensors("a.weight F8_E4M3 8x8; n.weight BF16 8");
    assert_eq!(found(&codes, &none, None), plain);
    let coded = undecoded(found(&codes, &none, Some("fbgemm_fp8")));
    assert!(coded.to_string().contains("method `fbgemm_fp8`"), "{coded}");
    for (field, name) in [
        (LAYERS_FIELD, "no object `layers`"),
        ("tensor_names", "torchao"),
    ] {
        let metadata = IndexMap::from([(field.to_owned(), "{}".to_owned())]);
        assert_eq!(found(&weights, &metadata, None), plain);
        let fault = found(&codes, &metadata, None).expect_err("codes");
        assert!(fault.to_string().contains(name), "{fault}");
        assert!(fault.to_string().contains(field), "{fault}");
    }
}

#[test]
fn settings_of_a_folder_are_read() {
    for (file, text, method) in [
        (
            "config.json",
            r#"{"quantization_config":{"quant_method":"fp8"}}"#,
            Some("fp8"),
        ),
        (
            "config.json",
            r#"{"quantization_config":{}}"#,
            Some("quantization_config"),
        ),
        ("config.json", r#"{"quantization_config":null}"#, None),
        ("config.json", "no JSON", None),
        (
            "hf_quant_config.json",
            r#"{"quantization":{"quant_algo":"NVFP4"}}"#,
            Some("NVFP4"),
        ),
    ] {
        let scratch = Scratch::with(&["m.safetensors"]);
        scratch.put(file, text.as_bytes());
        let checkpoint = scratch.open().expect("a sound folder");
        assert_eq!(checkpoint.quantisation(), method, "{text}");
    }
}

/// A file of one layer of GPTQ.
fn gptq(folder: &Path, name: &str) {
    let json = concat!(
        r#"{"b.qweight":{"dtype":"I32","shape":[1,1],"data_offsets":[0,4]},"#,
        r#""b.g_idx":{"dtype":"I32","shape":[1],"data_offsets":[4,8]}}"#
    );
    let bytes = super::bytes::file(json, 8);
    std::fs::write(folder.join(name), bytes).expect("a writable folder");
}

#[test]
fn every_door_refuses_codes() {
    let world = World::new();
    for name in ["x.safetensors", "y.safetensors"] {
        gptq(world.folder(), name);
    }
    let recipe = "version 0.1.0\nmodel \"x.safetensors\"\nmodel \"y.safetensors\"\n\
                  merge \"weighted_sum\" &0 &1 alpha=0.5\n";
    std::fs::write(world.path("r.mecha"), recipe).expect("a writable folder");
    let cpu = ["--device", "cpu", "-o", "out.safetensors"];
    let doors: [&[&str]; 6] = [
        &["merge", "-M", "linear", "x.safetensors", "y.safetensors"],
        &["plan", "-M", "linear", "x.safetensors", "y.safetensors"],
        &["run", "r.mecha"],
        &["plan", "r.mecha"],
        &["convert", "x.safetensors", "--dtype", "f16"],
        &["convert", "x.safetensors", "--to", "sd1-ldm"],
    ];
    for door in doors {
        let output = world.run(&[door, &cpu].concat());
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{door:?}: {text}");
        for part in ["x.safetensors: `b.qweight`", "GPTQ", "f16 or bf16 model"] {
            assert!(text.contains(part), "{door:?}: no {part:?} in {text}");
        }
        assert!(!world.path("out.safetensors").exists(), "{door:?}");
    }
    let shown = world.run(&["inspect", "x.safetensors"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("is stored as GPTQ"), "{shown}");
}
