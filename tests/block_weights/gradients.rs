//! Gradients along the depth and along captured numbers.

use super::resolve;

/// The weights of some tensors, rounded to the digits that the test writes.
#[track_caller]
fn weights<const N: usize>(text: &str, keys: [&str; N]) -> [f64; N] {
    let resolved = resolve(text, &keys, None);
    keys.map(|key| {
        let weight = resolved.weights.get(key).copied().unwrap_or(-1.0);
        (weight * 1e9).round() / 1e9
    })
}

const LLAMA: [&str; 5] = [
    "lm_head.weight",
    "model.layers.0.mlp.up_proj.weight",
    "model.layers.10.mlp.up_proj.weight",
    "model.layers.2.mlp.up_proj.weight",
    "model.norm.weight",
];

#[test]
fn layers_are_ordered_by_their_numbers() {
    assert_eq!(weights("0.2..0.8; *=0.9", LLAMA), [0.9, 0.2, 0.8, 0.5, 0.9]);
    let note = "a gradient along 3 layers: model.layers.0-10";
    assert_eq!(resolve("0..1;*=0", &LLAMA, None).notes, [note]);
}

#[test]
fn points_lie_at_equal_distances() {
    let names: Vec<String> = (0..9).map(|n| format!("h.{n}.attn.weight")).collect();
    let keys: [&str; 9] = std::array::from_fn(|at| names[at].as_str());
    let expected = [0.0, 0.25, 0.5, 0.75, 1.0, 0.9, 0.8, 0.7, 0.6];
    assert_eq!(weights("0,1,0.6@depth", keys), expected);
    assert_eq!(weights("0.3@depth", keys), [0.3; 9]);
    let line = [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0];
    assert_eq!(weights("0,1@depth", keys), line);
    assert_eq!(weights("0..1", keys), line);
}

#[test]
fn a_single_layer_is_the_first() {
    assert_eq!(weights("0.2..0.8", ["blocks.4.weight"]), [0.2]);
}

#[test]
fn stacks_follow_each_other() {
    let flux = [
        "single_blocks.0.linear1.weight",
        "single_blocks.1.linear1.weight",
        "double_blocks.0.img_attn.qkv.weight",
        "double_blocks.1.img_attn.qkv.weight",
        "final_layer.adaLN_modulation.1.weight",
    ];
    assert_eq!(weights("0..3;*=9", flux), [2.0, 3.0, 0.0, 1.0, 9.0]);
    let diffusers = [
        "single_transformer_blocks.0.proj_out.weight",
        "transformer_blocks.0.attn.to_q.weight",
    ];
    assert_eq!(weights("0..1", diffusers), [1.0, 0.0]);
    let unet = [
        "model.diffusion_model.input_blocks.0.0.weight",
        "model.diffusion_model.input_blocks.11.0.out_layers.0.weight",
        "model.diffusion_model.middle_block.1.norm.weight",
        "model.diffusion_model.out.0.weight",
        "model.diffusion_model.output_blocks.3.0.in_layers.0.weight",
        "model.diffusion_model.time_embed.0.weight",
    ];
    assert_eq!(weights("0..3;*=9", unet), [0.0, 1.0, 2.0, 9.0, 3.0, 9.0]);
    // Stacks of unknown order lie as their names come.
    let other = ["noise.layers.5.w", "context.layers.7.w", "noise.layers.6.w"];
    assert_eq!(weights("0..2", other), [0.0, 2.0, 1.0]);
}

#[test]
fn text_encoders_and_the_vae_are_no_part_of_the_depth() {
    let keys = [
        "cond_stage_model.transformer.text_model.encoder.layers.3.mlp.fc1.weight",
        "first_stage_model.decoder.up.0.block.0.conv1.weight",
        "model.diffusion_model.input_blocks.1.0.in_layers.0.weight",
        "model.diffusion_model.output_blocks.1.0.in_layers.0.weight",
    ];
    assert_eq!(weights("0..1;*=0.5", keys), [0.5, 0.5, 0.0, 1.0]);
    // Alone, a text encoder is the network.
    let alone = [
        "text_encoders.t5xxl.transformer.encoder.block.0.layer.0.SelfAttention.q.weight",
        "text_encoders.t5xxl.transformer.encoder.block.23.layer.1.layer_norm.weight",
    ];
    assert_eq!(weights("0..1", alone), [0.0, 1.0]);
}

#[test]
fn numbers_behind_unknown_names_are_layers_where_there_are_no_others() {
    assert_eq!(
        weights("0..1", ["0.weight", "2.weight", "4.weight"]),
        [0.0, 0.5, 1.0]
    );
    assert_eq!(weights("0..1", ["stages.0.w", "stages.4.w"]), [0.0, 1.0]);
}

const DOUBLES: [&str; 5] = [
    "double_blocks.2.img_mlp.0.weight",
    "double_blocks.4.img_mlp.0.weight",
    "double_blocks.10.img_mod.lin.weight",
    "single_blocks.7.linear1.weight",
    "img_in.weight",
];

#[test]
fn a_captured_number_runs_from_the_smallest_to_the_largest() {
    for rule in [
        r"'double_blocks\.(\d+)\.': 0.2..0.8",
        r"double_blocks\.(\d+)\.: 0.2 .. 0.8",
        r#""double_blocks\.(\d{1,2})\." : 0.2..0.8"#,
        r"(?:double)_blocks\.(\d+)\.:0.2..0.8",
    ] {
        let expected = [0.2, 0.35, 0.8, -1.0, -1.0];
        assert_eq!(weights(rule, DOUBLES), expected, "{rule}");
        let expected = [0.2, 0.35, 0.8, 0.5, 0.5];
        assert_eq!(weights(&format!("{rule}; *: 0.5"), DOUBLES), expected);
    }
    let single = r"single_blocks\.(\d+)\.: 0.2..0.8";
    assert_eq!(weights(single, DOUBLES), [-1.0, -1.0, -1.0, 0.2, -1.0]);
}

#[test]
fn a_list_behind_an_expression_runs_over_its_points() {
    let names: Vec<String> = (3..10).map(|n| format!("h.{n}.attn.weight")).collect();
    let keys: [&str; 7] = std::array::from_fn(|at| names[at].as_str());
    let expected = [0.0, 0.25, 0.5, 0.4, 0.3, 0.65, 1.0];
    assert_eq!(weights(r"'h\.(\d+)\.': [0, 0.5, .3, 1]", keys), expected);
    assert_eq!(weights(r"h\.(\d+)\.: [ 0.4 ]; *: 1", keys), [0.4; 7]);
}

#[test]
fn later_rules_win() {
    let rules = "blocks: 0.1\nmlp: 0.2\n'img_mod|img_in': 0.3";
    assert_eq!(weights(rules, DOUBLES), [0.2, 0.2, 0.3, 0.1, 0.3]);
    let rules = "*: 0.5; mlp: 0.2; blocks: 0.1";
    assert_eq!(weights(rules, DOUBLES), [0.1, 0.1, 0.1, 0.1, 0.5]);
}

#[test]
fn quotes_hold_separators() {
    let rules = "'mlp;|,lin:|img_mod': 0.25, img_in: 0.5";
    assert_eq!(weights(rules, DOUBLES), [-1.0, -1.0, 0.25, -1.0, 0.5]);
}
