//! `--lora`.

use super::additions::{merge, models};
use super::{close, keys, read, refused, succeeds};
use crate::cli::World;
use crate::support::models::{Tensor, floats, write};
use wgmerge::dtype::Float;
use wgmerge::recipe::Lora;

/// A LoRA of two tensors, with the rank 2 and the alpha 1; the up and down of each.
fn lora(world: &World, stems: [(&str, [u64; 2]); 2]) -> Vec<(Vec<f32>, Vec<f32>)> {
    let mut tensors = Vec::new();
    let mut factors = Vec::new();
    for (number, (stem, [rows, columns])) in (0..).zip(stems) {
        let up: Vec<f32> = (0..rows * 2).map(|i| (i + number) as f32 * 0.25).collect();
        let down: Vec<f32> = (0..columns * 2).map(|i| 1.0 - i as f32 * 0.5).collect();
        let f32s = |suffix: &str, shape: &[u64], values: &[f32]| -> Tensor {
            floats(&format!("{stem}.{suffix}"), Float::F32, shape, values)
        };
        tensors.push(f32s("lora_up.weight", &[rows, 2], &up));
        tensors.push(f32s("lora_down.weight", &[2, columns], &down));
        tensors.push(f32s("alpha", &[], &[1.0]));
        factors.push((up, down));
    }
    write(&world.path("lora.safetensors"), &tensors);
    factors
}

/// up · down · alpha / rank · strength, added.
fn with_delta(model: &[f32], (up, down): &(Vec<f32>, Vec<f32>), strength: f32) -> Vec<f32> {
    let columns = down.len() / 2;
    let element = |(at, x): (usize, &f32)| {
        let (row, column) = (at / columns, at % columns);
        let product = up[row * 2] * down[column] + up[row * 2 + 1] * down[columns + column];
        x + strength * product * 0.5
    };
    model.iter().enumerate().map(element).collect()
}

#[track_caller]
fn adds_a_lora(config: &str, stems: [&str; 2], names: [&str; 2]) {
    let world = World::new();
    models(&world, config);
    let all = keys(config);
    let shape = |name: &str| {
        let key = all.iter().find(|key| key.name == name).expect("a tensor");
        [key.shape[0], key.shape[1]]
    };
    let factors = lora(&world, [0, 1].map(|n| (stems[n], shape(names[n]))));
    for (arguments, strength) in [
        (vec!["--lora", "lora.safetensors"], 1.0),
        (vec!["--lora", "lora.safetensors:0.8"], 0.8),
        (
            vec![
                "--lora",
                "lora.safetensors:0.5",
                "--lora",
                "lora.safetensors:-0.25",
            ],
            0.25,
        ),
    ] {
        succeeds(&world, &merge(&arguments));
        let [model, out] =
            ["a", "out"].map(|name| read(&world.path(&format!("{name}.safetensors"))));
        assert!(out.keys().eq(model.keys()));
        for (name, values) in &out {
            let wanted = match names.iter().position(|known| known == name) {
                Some(number) => with_delta(&model[name], &factors[number], strength),
                None => model[name].clone(),
            };
            close(values, &wanted, name);
        }
    }
    let bytes = std::fs::read(world.path("out.safetensors")).expect("the output");
    let head = String::from_utf8_lossy(&bytes[..1 << 16]).into_owned();
    assert!(
        head.contains("lora_to_base") || head.contains("_lora'_to_base"),
        "the record"
    );
    let baked = [
        &[
            "convert",
            "a.safetensors",
            "-o",
            "baked.safetensors",
            "--lora",
        ][..],
        &["lora.safetensors:0.8"],
    ];
    succeeds(&world, &baked.concat());
    let [model, out] = ["a", "baked"].map(|name| read(&world.path(&format!("{name}.safetensors"))));
    close(
        &out[names[0]],
        &with_delta(&model[names[0]], &factors[0], 0.8),
        names[0],
    );
}

#[test]
fn a_lora_is_added_to_sd1() {
    adds_a_lora(
        "sd1-ldm",
        [
            "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q",
            "lora_te_text_model_encoder_layers_3_mlp_fc1",
        ],
        [
            "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn1.to_q.weight",
            "cond_stage_model.transformer.text_model.encoder.layers.3.mlp.fc1.weight",
        ],
    );
}

#[test]
fn a_lora_is_added_to_sdxl() {
    adds_a_lora(
        "sdxl-sgm",
        [
            "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
            "lora_te1_text_model_encoder_layers_3_mlp_fc1",
        ],
        [
            "model.diffusion_model.input_blocks.4.1.transformer_blocks.0.attn1.to_q.weight",
            "conditioner.embedders.0.transformer.text_model.encoder.layers.3.mlp.fc1.weight",
        ],
    );
}

#[test]
fn an_adapter_of_another_family_is_refused() {
    let world = World::new();
    models(&world, "sd1-ldm");
    lora(
        &world,
        [
            (
                "lora_unet_input_blocks_4_1_transformer_blocks_0_attn1_to_q",
                [2, 2],
            ),
            ("lora_te2_text_model_encoder_layers_3_mlp_fc1", [2, 2]),
        ],
    );
    let text = refused(&world, &merge(&["--lora", "lora.safetensors"]));
    assert!(
        text.contains("is of sdxl-kohya_kohya_lora, and the result is sd1-ldm"),
        "{text}"
    );
}

#[test]
fn what_is_no_adapter_that_is_read_is_named() {
    let world = World::new();
    models(&world, "sd1-ldm");
    let one = |file: &str, names: [&str; 2]| {
        let tensors = names.map(|name| floats(name, Float::F32, &[2, 2], &[1.0; 4]));
        write(&world.path(file), &tensors);
        refused(&world, &merge(&["--lora", file]))
    };
    let layer = "base_model.model.model.layers.0.self_attn.q_proj";
    let peft = [
        format!("{layer}.lora_A.weight"),
        format!("{layer}.lora_B.weight"),
    ];
    let text = one("peft.safetensors", peft.each_ref().map(String::as_str));
    for part in [
        "an adapter (LoRA in the names of PEFT",
        "of kohya and LyCORIS",
        "bake others into their base",
    ] {
        assert!(text.contains(part), "{text}");
    }
    let text = one("model.safetensors", ["x.weight", "y.weight"]);
    assert!(text.contains("model.safetensors is no adapter"), "{text}");
    // An adapter is no autoencoder either.
    lora(
        &world,
        [
            (
                "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q",
                [2, 2],
            ),
            ("lora_te_text_model_encoder_layers_3_mlp_fc1", [2, 2]),
        ],
    );
    let text = refused(&world, &merge(&["--vae", "lora.safetensors"]));
    assert!(
        text.contains("holds no VAE that sd1-ldm can have"),
        "{text}"
    );
    let text = refused(&world, &merge(&["--lora", "lora.safetensors:0,8"]));
    assert!(text.contains("the strength `0,8` is no number"), "{text}");
}

#[test]
fn a_strength_is_a_number_behind_the_last_colon() {
    for (text, path, strength) in [
        ("a.safetensors", "a.safetensors", 1.0),
        ("a.safetensors:0.8", "a.safetensors", 0.8),
        ("a.safetensors:-1", "a.safetensors", -1.0),
        (r"C:\x\a.safetensors", r"C:\x\a.safetensors", 1.0),
        (r"C:\x\a.safetensors:.5", r"C:\x\a.safetensors", 0.5),
        ("a:b.safetensors", "a:b.safetensors", 1.0),
    ] {
        let lora: Lora = text.parse().expect("an adapter");
        assert_eq!((lora.path.to_str(), lora.strength), (Some(path), strength));
    }
    for text in ["a.safetensors:inf", ":0.5"] {
        assert!(text.parse::<Lora>().is_err(), "{text}");
    }
}
