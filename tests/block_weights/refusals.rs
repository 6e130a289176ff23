//! What is refused, and that the message says where and what to do.

use super::{places, refusal};

const SD1: [&str; 1] = ["model.diffusion_model.input_blocks.0.0.weight"];
const LLAMA: [&str; 2] = ["model.layers.0.mlp.up_proj.weight", "model.norm.weight"];

#[track_caller]
fn says(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    let first = message.chars().next().expect("a message");
    assert!(
        !first.is_uppercase() && !message.ends_with('.'),
        "{message}"
    );
}

/// Texts that are wrong whatever the checkpoint.
#[test]
fn texts_that_are_wrong_by_themselves() {
    let cases: &[(&str, &[&str])] = &[
        ("", &["are empty"]),
        (" ;\n", &["are empty"]),
        ("0,,1", &["entry 2", "is empty"]),
        ("0,1,0.5x", &["entry 3", "`0.5x`", "NAME=WEIGHT"]),
        (
            "GRAD_VV",
            &["entry 1", "`GRAD_VV`", "did you mean `GRAD_V`?"],
        ),
        ("a:b:c:1", &["entry 1", "`a:b:c:1`"]),
        ("0,inf", &["entry 2", "`inf`", "finite"]),
        ("BASE=x", &["entry 1", "`BASE=x`", "`x`"]),
        ("IN00:attn:", &["entry 1", "`IN00:attn:`", "finite"]),
        ("x: 0.1..y", &["entry 1", "`y`"]),
        ("0.1,x@depth", &["entry 2", "`x`"]),
        (r"h\.(\d+): [0, x]", &["entry 1", "`x`", "finite"]),
        (r"h\.(\d+): []", &["entry 1", "finite"]),
        (
            r"h\.(\d+): 0, 0.5, 1",
            &["entry 2", "`0.5`", "list", "in brackets", "[0, 0.5, 1]"],
        ),
        (
            "BASE=1, base=2",
            &["entry 2", "`base`", "weight 2", "has 1"],
        ),
        ("*=1;*=2", &["entry 2", "`*`"]),
        ("NOT:attn:1", &["entry 1", "`NOT:attn:1`", "without a name"]),
        (
            r"layers\.\d+: 0..1",
            &["entry 1", "captures none", "in parentheses"],
        ),
        (
            "'lay(ers': 1",
            &["entry 1", "`lay(ers`", "regular expression"],
        ),
        (
            "0.1,0.9",
            &["have 2 numbers", "26", "20", "21", "61", "BASE", "@depth"],
        ),
    ];
    for (text, words) in cases {
        says(&refusal(text, &SD1, Some("sd1-ldm")), words);
    }
    for count in [19, 25, 60, 110] {
        let given = format!("have {count} numbers");
        says(
            &refusal(&places(count), &SD1, Some("sd1-ldm")),
            &[&given, "BASE is always given"],
        );
    }
}

#[test]
fn forms_that_do_not_stand_together() {
    let cases: &[(&str, &[&str])] = &[
        (
            "0.1, IN00=1",
            &[
                "entry 2",
                "`IN00=1`",
                "by the name",
                "after a number per block",
            ],
        ),
        (
            "IN00::1, 0.5",
            &["entry 2", "`0.5`", "after an elemental rule"],
        ),
        (
            "GRAD_V, GRAD_A",
            &["entry 2", "`GRAD_A`", "a preset", "after a preset"],
        ),
        ("GRAD_V, 0..1", &["entry 2", "a gradient along the depth"]),
        (
            "0..1, IN00::1",
            &["entry 2", "an elemental rule", "after a gradient"],
        ),
        ("x: 1, IN00::1", &["entry 2", "after a regular expression"]),
        (
            "IN00::1, x: 1",
            &["entry 2", "a regular expression", "after an elemental rule"],
        ),
        ("BASE=1, x: 1", &["entry 2", "after a weight by the name"]),
        ("0,1@depth, 2", &["entry 3", "`2`", "after a gradient"]),
        ("GRAD_V, *=0.5", &["`*=0.5`", "a preset"]),
    ];
    for (text, words) in cases {
        says(&refusal(text, &SD1, Some("sd1-ldm")), words);
    }
}

#[test]
fn counts_that_do_not_fit_the_family() {
    let cases: &[(usize, &str, &[&str])] = &[
        (
            20,
            "sd1-ldm",
            &["a list of 20 numbers", "SD1/2, which takes 26"],
        ),
        (
            61,
            "sdxl-sgm",
            &["a list of 61 numbers", "SDXL, which takes 20", "21", "26"],
        ),
        (
            26,
            "flux-flux",
            &["a list of 26 numbers", "Flux, which takes 61", "D00-D18"],
        ),
    ];
    for (count, family, words) in cases {
        says(&refusal(&places(*count), &SD1, Some(family)), words);
    }
    let preset = refusal("cosine", &SD1, Some("flux-flux"));
    says(&preset, &["the preset COSINE of 26 numbers", "61"]);
}

#[test]
fn families_whose_blocks_have_no_names() {
    let words = [
        "sd1-ldm, sdxl-sgm or flux-flux",
        "0.2..0.8",
        r"'layers\.(\d+)\.'",
    ];
    for (text, what) in [
        (places(26).as_str(), "a list of 26 numbers"),
        ("GRAD_V", "the preset GRAD_V"),
        ("BASE=1,*=0", "by the name of a block"),
        ("IN00:attn:1", "entry 1, `IN00:attn:1`"),
    ] {
        for (family, label) in [(None, "unknown"), (Some("sd3-comfyui"), "sd3-comfyui")] {
            let message = refusal(text, &LLAMA, family);
            says(&message, &words);
            says(&message, &[what, label]);
        }
    }
}

#[test]
fn blocks_that_the_family_does_not_have() {
    let message = refusal("IN99=1,*=0", &SD1, Some("sd1-ldm"));
    says(
        &message,
        &[
            "SD1/2",
            "`IN99`",
            "did you mean `IN0",
            "BASE, IN00, IN01",
            "OUT11",
        ],
    );
    let message = refusal("IN09=1,*=0", &SD1, Some("sdxl-sgm"));
    says(&message, &["SDXL", "`IN09`", "OUT08, VAE"]);
    let message = refusal("IN00-INXX::1", &SD1, Some("sd1-ldm"));
    says(&message, &["`INXX`", "BASE, IN00"]);
    let message = refusal("BASE=1,IN00=0", &SD1, Some("sd1-ldm"));
    says(&message, &["SD1/2", "IN01, IN02", "OUT11", "`*=WEIGHT`"]);
}

#[test]
fn tensors_outside_the_blocks_of_the_family() {
    let key = "model.diffusion_model.output_blocks.9.0.weight";
    says(
        &refusal(&places(20), &[key], Some("sdxl-sgm")),
        &[key, "20 blocks of SDXL"],
    );
    let keys = [
        "double_blocks.18.img_attn.qkv.weight",
        "double_blocks.19.img_attn.qkv.weight",
    ];
    says(
        &refusal(&places(61), &keys, None),
        &["checkpoint's is unknown"],
    );
    let key = keys[1];
    says(
        &refusal(&places(61), &[key], Some("flux-flux")),
        &[key, "61 blocks of Flux"],
    );
}

#[test]
fn gradients_that_reach_no_tensor_or_not_all() {
    let message = refusal("0..1", &LLAMA, None);
    says(
        &message,
        &["1 tensor ", "`model.norm.weight`", "`*=WEIGHT`"],
    );
    says(
        &refusal("0..1", &["a.weight"], None),
        &["no name among 1 tensor has a number"],
    );
    let message = refusal(r"mlp: 1; layer\.(\d+): 0..1", &LLAMA, None);
    says(
        &message,
        &["entry 2", "no name among 2 tensors", "`wgmerge inspect`"],
    );
    let message = refusal(r"model\.(\w+): 0..1", &LLAMA, None);
    says(
        &message,
        &["entry 1", "`layers`", "model.layers.0", "whole number"],
    );
}
