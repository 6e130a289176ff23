//! Codes that are damaged, incomplete or half described: a message that names them, nothing
//! written, and never a panic.

use wgmerge::dtype::DType;

use super::golden::cases;
use super::models::{FIRST, File, Models, f32s, numbers, save};
use crate::support::fuzz::damage;
use crate::support::random::Rng;
use crate::support::tensors::Stored;

const CONVERT: [&str; 4] = ["convert", "x.safetensors", "--format", "bf16"];
const MERGE: [&str; 5] = ["merge", "-M", "linear", "x.safetensors", "b.safetensors"];

/// What a file is without one of its first layer's entries.
fn without(models: &Models, format: &str, entry: &str) -> File {
    let mut file = models.stored(&models.coded("a", format));
    let key = format!("{FIRST}.{entry}");
    assert!(file.remove(&key).is_some(), "{format} has no {key}");
    file
}

/// What a file is with another tensor for one of its first layer's entries.
fn with(models: &Models, format: &str, entry: &str, tensor: Stored) -> File {
    let mut file = models.stored(&models.coded("a", format));
    let old = file.insert(format!("{FIRST}.{entry}"), tensor);
    assert!(old.is_some(), "{format} has no {entry}");
    file
}

fn text(text: &str) -> Stored {
    Stored {
        dtype: DType::U8,
        shape: vec![text.len() as u64],
        bytes: text.as_bytes().to_vec(),
    }
}

/// Both commands refuse a file; what they say names the file, the layer and the convention.
#[track_caller]
fn refused(models: &Models, file: &File, parts: &[&str]) -> String {
    save(&models.path("x.safetensors"), file, &[]);
    let [told, merging] = [&CONVERT[..], &MERGE].map(|command| models.refuses(command));
    assert_eq!(told, merging);
    for part in ["error: x.safetensors: ", FIRST].iter().chain(parts) {
        assert!(told.contains(part), "no {part:?} in {told}");
    }
    told
}

/// An entry that codes cannot do without is missed by its name.
#[test]
fn entries_that_are_missing() {
    let models = Models::new();
    for (format, entry, convention) in [
        ("comfy-int8", "weight_scale", "ComfyUI"),
        ("comfy-nvfp4", "weight_scale_2", "ComfyUI"),
        ("comfy-nvfp4", "weight_scale", "ComfyUI"),
        ("comfy-mxfp8", "weight_scale", "ComfyUI"),
        ("comfy-fp8", "weight", "ComfyUI"),
        ("ct-int4", "weight_scale", "compressed-tensors"),
        ("ct-int4", "weight_shape", "compressed-tensors"),
        ("mxfp4", "weight_scale", "compressed-tensors"),
        ("ct-nvfp4", "weight_global_scale", ""),
        ("modelopt-nvfp4", "weight_scale_2", ""),
    ] {
        let file = without(&models, format, entry);
        refused(&models, &file, &[convention]);
    }
    let told = refused(
        &models,
        &without(&models, "comfy-int8", "weight_scale"),
        &[],
    );
    let whole = "error: x.safetensors: `model.layers.0.self_attn.q_proj.comfy_quant` shows codes \
        of ComfyUI (`comfy_quant`), and `model.layers.0.self_attn.q_proj.weight_scale`, which \
        belongs to it, is not there; the file is incomplete: download it again, or take the f16 \
        or bf16 model that it was made from\n";
    assert_eq!(told, whole);
}

/// Scales whose number or type is not that of the codes.
#[test]
fn scales_that_do_not_fit() {
    let models = Models::new();
    let three = f32s(&[3], &[1.0; 3]);
    let nine = f32s(&[3, 3], &[1.0; 9]);
    let wide = Stored {
        dtype: DType::F64,
        shape: Vec::new(),
        bytes: 1.0_f64.to_le_bytes().to_vec(),
    };
    let half = Stored {
        dtype: DType::F8E4M3,
        shape: vec![64, 16],
        bytes: vec![0x38; 1024],
    };
    for (format, entry, tensor, convention) in [
        ("comfy-fp8", "weight_scale", wide, "ComfyUI"),
        ("comfy-fp8", "weight_scale", three.clone(), "ComfyUI"),
        ("comfy-int8", "weight_scale", three.clone(), "ComfyUI"),
        ("comfy-nvfp4", "weight_scale", half, "ComfyUI"),
        ("block-fp8", "weight_scale_inv", nine, "block fp8"),
        ("scaled-fp8", "scale_weight", three, "scaled fp8"),
    ] {
        let file = with(&models, format, entry, tensor);
        refused(&models, &file, &[convention, entry]);
    }
    let file = with(&models, "comfy-fp8", "weight_scale", f32s(&[3], &[1.0; 3]));
    let whole = "error: x.safetensors: `model.layers.0.self_attn.q_proj.weight_scale` is F32 [3], \
        and codes of ComfyUI (`comfy_quant`) must have F32, one for the tensor or for each expert, \
        row or block, for `float8_e4m3fn` there, as `model.layers.0.self_attn.q_proj.weight` is \
        F8_E4M3 [128, 256]; the file is damaged, or its settings and markers are of another file: \
        download it again, or take the f16 or bf16 model that it was made from\n";
    assert_eq!(refused(&models, &file, &[]), whole);
}

/// Descriptions that are none, or of something else.
#[test]
fn markers_that_do_not_fit() {
    let models = Models::new();
    for (description, part) in [
        (r#"{"for"#, "it is no JSON"),
        (r#"{"format":"int3xx"}"#, "the format `int3xx`"),
        (r#"{"format":"nvfp4"}"#, "must have U8 for `nvfp4`"),
        (r#"{"format":"float8_e5m2"}"#, "must have F8_E5M2"),
    ] {
        let file = with(&models, "comfy-fp8", "comfy_quant", text(description));
        refused(&models, &file, &[part, "comfy_quant"]);
    }
    // The shape of all the codes, of which none is there.
    let huge = Stored {
        dtype: DType::I64,
        shape: vec![2],
        bytes: [1_i64 << 40; 2]
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect(),
    };
    let file = with(&models, "ct-int4", "weight_shape", huge);
    refused(&models, &file, &["compressed-tensors", "1099511627776"]);
}

/// Scales in tiles mean nothing where no marker says so.
#[test]
fn tiles_without_markers() {
    let models = Models::new();
    for format in ["comfy-nvfp4", "comfy-mxfp8"] {
        let mut file = models.stored(&models.coded("a", format));
        file.retain(|key, _| !key.ends_with(".comfy_quant"));
        save(&models.path("x.safetensors"), &file, &[]);
        let told = models.refuses(&CONVERT);
        for part in ["x.safetensors", "weight_scale", "mlp.down_proj.weight"] {
            assert!(told.contains(part), "{format}: no {part} in {told}");
        }
    }
}

/// A scale may be any number; one that is none makes numbers that are none, which merges refuse.
#[test]
fn scales_that_are_odd() {
    let models = Models::new();
    let coded = models.coded("a", "comfy-fp8");
    let key = format!("{FIRST}.weight");
    let first = |name: &str| numbers(&models.stored(name)[&key]);
    let scale = numbers(&models.stored(&coded)[&format!("{FIRST}.weight_scale")])[0];
    let usual = first(&models.decoded(&coded));
    let of = |scale: f32| {
        let file = with(&models, "comfy-fp8", "weight_scale", f32s(&[], &[scale]));
        save(&models.path("x.safetensors"), &file, &[]);
        first(&models.decoded("x.safetensors"))
    };
    let negative: Vec<f64> = of(-scale as f32).iter().map(|number| -number).collect();
    assert_eq!(usual, negative);
    assert!(of(0.0).iter().all(|number| *number == 0.0));
    // What is zero in the base is not so in the merge: its scale is found anew.
    let merged = models.linear("x.safetensors", "b.safetensors");
    let found = first(&models.decoded(&merged));
    assert!(found.iter().any(|number| number.abs() > 0.1), "all lost");
    for scale in [f32::NAN, f32::INFINITY] {
        assert!(
            of(scale)
                .iter()
                .all(|number| *number == 0.0 || !number.is_finite())
        );
        let told = models.refuses(&MERGE);
        for part in ["x.safetensors: ", key.as_str(), "not finite", "--on-nan"] {
            assert!(told.contains(part), "no {part} in {told}");
        }
    }
}

/// Codes of fp8 that have no scale are numbers as they are, for ComfyUI too.
#[test]
fn no_scale_is_one() {
    let models = Models::new();
    let key = format!("{FIRST}.weight");
    for (format, entry) in [
        ("comfy-fp8", "weight_scale"),
        ("scaled-fp8", "scale_weight"),
    ] {
        let file = without(&models, format, entry);
        save(&models.path("x.safetensors"), &file, &[]);
        let decoded = models.stored(&models.decoded("x.safetensors"));
        assert_eq!(numbers(&decoded[&key]), numbers(&file[&key]), "{format}");
    }
}

/// The bytes of a file in GGUF.
fn gguf() -> Vec<u8> {
    let cases = cases("gguf");
    let case = cases.iter().find(|case| case.name == "q4_0.decode");
    std::fs::read(&case.expect("the case").inputs[0]).expect("the file")
}

#[track_caller]
fn gguf_refused(models: &Models, bytes: &[u8]) -> String {
    std::fs::write(models.path("x.gguf"), bytes).expect("a writable folder");
    let told = models.refuses(&["convert", "x.gguf", "--dtype", "f32"]);
    assert!(told.starts_with("error: x.gguf: "), "{told}");
    told
}

#[test]
fn a_truncated_gguf() {
    let models = Models::new();
    let whole = gguf();
    for length in (0..320).chain([whole.len() / 2, whole.len() - 1]) {
        let told = gguf_refused(&models, &whole[..length]);
        assert!(told.contains("truncated"), "{length}: {told}");
    }
    let told = gguf_refused(&models, &whole[..whole.len() - 1]);
    let expected = "error: x.gguf: tensor `blk.1.w` (Q4_0 [3, 2, 512]) at offset 576 behind byte \
        224 ends behind the end of the file, which has 2527 bytes; it is truncated, download it \
        again\n";
    assert_eq!(told, expected);
}

#[test]
fn absurd_counts_in_gguf() {
    let models = Models::new();
    let sound = gguf();
    for (at, number, part) in [
        (8, 1_u64 << 60, "has 1152921504606846976 tensors"),
        (8, 400_000, "the header counts 400000 tensors"),
        (16, 1 << 60, "the header counts 1152921504606846976 fields"),
        (
            16,
            u64::MAX,
            "the header counts 18446744073709551615 fields",
        ),
        (24, 1 << 62, "has 4611686018427387904 bytes"),
        (4, 99 | (2 << 32), "version 99"),
    ] {
        let mut bytes = sound.clone();
        bytes[at..at + 8].copy_from_slice(&number.to_le_bytes());
        let told = gguf_refused(&models, &bytes);
        assert!(told.contains(part), "no {part} in {told}");
    }
}

/// Whatever a header says, the command ends by itself, with success or a message.
#[test]
fn damaged_gguf_is_never_a_panic() {
    let models = Models::new();
    let sound = gguf();
    let pieces = [&[0xff; 8][..], &[0; 8], &[0xff, 0xff, 0xff, 0x7f], &[0x80]];
    for seed in 0..60 {
        let mut rng = Rng::new(seed);
        let mut head = sound[..224].to_vec();
        damage(&mut rng, &mut head, &pieces);
        let bytes = [&head, &sound[224..]].concat();
        std::fs::write(models.path("x.gguf"), bytes).expect("a writable folder");
        let line = [
            "convert",
            "x.gguf",
            "--dtype",
            "f32",
            "-o",
            "y.safetensors",
            "--force",
        ];
        let output = crate::support::command::run(models.folder(), &line);
        let told = crate::support::command::said(&output);
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 2)), "seed {seed}: {code:?}: {told}");
    }
}
