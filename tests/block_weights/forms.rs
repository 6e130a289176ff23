//! What each form means, and which form a text is.

use wgmerge::keys::blocks::{Form, parse};

use super::{places, resolve};

const SD1: Option<&str> = Some("sd1-ldm");

const BASE: &str = "cond_stage_model.transformer.text_model.final_layer_norm.bias";
const IN00: &str = "model.diffusion_model.input_blocks.0.0.weight";
const IN04: &str = "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight";
const IN05: &str = "model.diffusion_model.input_blocks.5.1.transformer_blocks.0.attn2.to_q.weight";
const M00: &str = "model.diffusion_model.middle_block.1.transformer_blocks.0.attn2.to_k.weight";
const OUT06: &str =
    "model.diffusion_model.output_blocks.6.1.transformer_blocks.0.attn2.to_k.weight";
const OUT11: &str = "model.diffusion_model.out.2.weight";
const KEYS: [&str; 7] = [BASE, IN00, IN04, IN05, M00, OUT06, OUT11];

/// The weights of `KEYS`, -1 for those without one.
#[track_caller]
fn weights(text: &str) -> [f64; 7] {
    let resolved = resolve(text, &KEYS, SD1);
    let without = KEYS
        .iter()
        .filter(|key| !resolved.weights.contains_key(**key));
    assert!(without.eq(resolved.unweighted.iter()), "{text}");
    KEYS.map(|key| resolved.weights.get(key).copied().unwrap_or(-1.0))
}

#[test]
fn one_parser_tells_the_forms() {
    let cases = [
        (places(26), Form::Numbers),
        (format!("{}\nIN00::1", places(20)), Form::Numbers),
        ("GRAD_V".to_owned(), Form::Preset),
        ("BASE=0.2, *=1".to_owned(), Form::Named),
        ("*=1".to_owned(), Form::Flat),
        ("OUT06:attn:0.5".to_owned(), Form::Elemental),
        ("0.2..0.8; *=0".to_owned(), Form::Depth),
        ("0.1,0.5,0.3@depth".to_owned(), Form::Depth),
        (r"layers\.(\d+)\.: 0.2..0.8".to_owned(), Form::Patterns),
    ];
    for (text, form) in cases {
        assert_eq!(parse(&text).expect("weights").form(), form, "{text}");
    }
}

#[test]
fn numbers_may_be_written_over_lines() {
    let list = places(26);
    let (head, tail) = list.split_at(list.find("13").expect("a number"));
    let text = format!("\n {head}\n\n  {tail}, \n");
    assert_eq!(weights(&text), [0.0, 1.0, 5.0, 6.0, 13.0, 20.0, 25.0]);
    assert_eq!(weights(&text), weights(&list));
    assert_eq!(
        resolve(&list, &KEYS, SD1).notes,
        ["26 values read as SD1/2 blocks"]
    );
}

#[test]
fn presets_are_their_numbers() {
    let cases = [
        (
            "grad_v",
            [0.0, 1.0, 0.6666666667, 0.5833333333, 0.0, 0.5833333333, 1.0],
        ),
        ("RING08_Soft", [0.0, 0.0, 0.0, 0.5, 0.0, 0.5, 0.0]),
        (
            "reverse_smoothstep",
            [
                0.0,
                1.0,
                0.925925925925926,
                0.887876157407407,
                0.5,
                0.112123842592592,
                0.0,
            ],
        ),
        (
            "SMOOTHSTEP*3",
            [
                0.0,
                0.0,
                0.222222222222222,
                0.336371527777778,
                0.5,
                0.663628472222223,
                1.0,
            ],
        ),
        ("ALL_B", [1.0; 7]),
    ];
    for (name, expected) in cases {
        assert_eq!(weights(name), expected, "{name}");
    }
}

#[test]
fn every_preset_has_a_number_for_every_block() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/keys/blocks/presets.tsv");
    let text = std::fs::read_to_string(path).expect("the presets");
    assert_eq!(text.lines().count(), 38);
    for line in text.lines() {
        let (name, numbers) = line.split_once('\t').expect("a name and numbers");
        let list = resolve(numbers, &KEYS, SD1);
        let preset = resolve(name, &KEYS, SD1);
        assert_eq!(preset.weights, list.weights, "{name}");
        assert_eq!(preset.notes, ["26 values read as SD1/2 blocks"]);
    }
}

#[test]
fn named_blocks_and_a_default() {
    let text = "base=0.1, IN04=0.4; M00=0.9\n* = 0.5";
    assert_eq!(weights(text), [0.1, 0.5, 0.4, 0.5, 0.9, 0.5, 0.5]);
    assert_eq!(weights("*=0.3"), [0.3; 7]);
    assert_eq!(weights("*: 0.3"), [0.3; 7]);
}

#[test]
fn elemental_rules_override_what_they_follow() {
    let base = places(26);
    let cases = [
        ("IN04-M00::0.5", [0.0, 1.0, 0.5, 0.5, 0.5, 20.0, 25.0]),
        ("M00-IN04::0.5", [0.0, 1.0, 0.5, 0.5, 0.5, 20.0, 25.0]),
        ("IN05 out06:attn:0.5", [0.0, 1.0, 5.0, 0.5, 13.0, 0.5, 25.0]),
        (
            ":attn2.to_k attn1:0.5",
            [0.0, 1.0, 0.5, 6.0, 0.5, 0.5, 25.0],
        ),
        ("::0.5", [0.5; 7]),
        (
            "NOT IN04-OUT11::0.5",
            [0.5, 0.5, 5.0, 6.0, 13.0, 20.0, 25.0],
        ),
        (
            "NOT M00:NOT attn1 attn2:0.5",
            [0.5, 0.5, 5.0, 6.0, 13.0, 20.0, 0.5],
        ),
        (":NOT attn:0.5", [0.5, 0.5, 5.0, 6.0, 13.0, 20.0, 0.5]),
        // Later rules win.
        (
            "OUT06:attn:0.5,OUT06:attn2.to_k:0.2",
            [0.0, 1.0, 5.0, 6.0, 13.0, 0.2, 25.0],
        ),
        (
            "OUT06:attn2.to_k:0.2\nOUT06:attn:0.5",
            [0.0, 1.0, 5.0, 6.0, 13.0, 0.5, 25.0],
        ),
    ];
    for (rules, expected) in cases {
        assert_eq!(weights(&format!("{base}\n{rules}")), expected, "{rules}");
    }
    assert_eq!(weights("ALL_A;M00::1"), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
    assert_eq!(
        weights("*=0.2,BASE=0;M00::1"),
        [0.0, 0.2, 0.2, 0.2, 1.0, 0.2, 0.2]
    );
}

#[test]
fn elemental_rules_alone_leave_the_rest_to_the_merge() {
    assert_eq!(
        weights("IN04-IN05:attn1:0.5"),
        [-1.0, -1.0, 0.5, -1.0, -1.0, -1.0, -1.0]
    );
    assert_eq!(
        weights("IN04-IN05:attn1:0.5,*=1"),
        [1.0, 1.0, 0.5, 1.0, 1.0, 1.0, 1.0]
    );
    let resolved = resolve("IN00:attn1:0.5", &KEYS, SD1);
    assert_eq!(
        resolved.notes,
        ["entry 1, `IN00:attn1:0.5`, matches no tensor"]
    );
    // Without blocks they serve any architecture.
    let keys = ["model.layers.0.mlp.up_proj.weight", "model.norm.weight"];
    let resolved = resolve(":mlp:0.25", &keys, None);
    assert_eq!(resolved.weights[keys[0]], 0.25);
    assert_eq!(resolved.unweighted, [keys[1]]);
}

#[test]
fn the_two_dialects_differ_in_the_embeddings_and_the_vae() {
    let time = "model.diffusion_model.time_embed.0.weight";
    let label = "model.diffusion_model.label_emb.0.0.weight";
    let vae = "first_stage_model.decoder.conv_in.weight";
    let keys = [time, label, vae];
    let of = |text: &str| {
        let resolved = resolve(text, &keys, Some("sdxl-sgm"));
        keys.map(|key| resolved.weights[key])
    };
    assert_eq!(of(&places(20)), [1.0, 1.0, 0.0]);
    assert_eq!(of(&places(21)), [1.0, 1.0, 20.0]);
    assert_eq!(of("BASE=0,IN00=1,VAE=20,*=5"), [0.0, 0.0, 20.0]);
    assert_eq!(of("BASE::0,IN00::1"), [1.0, 1.0, 0.0]);
}
