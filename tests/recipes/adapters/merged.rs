//! Adapters are told from models, and their factors are not merged one by one.

use std::path::Path;

use super::factor;
use crate::cli::World;
use crate::support::models::{Tensor, write};
use wgmerge::keys::adapter::Adapter;
use wgmerge::keys::config::configs;

const QUERY: &str = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";

/// Names as trainers and libraries write them, with the kind and whose names they are.
const NAMES: &[(&str, &str, &str)] = &[
    (
        "lora_unet_x.lora_up.weight lora_unet_x.lora_down.weight",
        "LoRA",
        "kohya",
    ),
    (
        "lora_te1_x.alpha lora_te1_x.lora_down.weight",
        "LoRA",
        "kohya",
    ),
    (
        "lora_unet_x.lora_down.weight lora_unet_x.dora_scale",
        "DoRA",
        "kohya",
    ),
    (
        "lora_unet_x.hada_w1_a lora_unet_x.hada_w1_b lora_unet_x.alpha",
        "LoHa",
        "kohya",
    ),
    ("lora_unet_x.lokr_w1 lora_unet_x.lokr_w2", "LoKr", "kohya"),
    (
        "lora_unet_x.oft_blocks lora_unet_x.alpha",
        "OFT or BOFT",
        "kohya",
    ),
    ("oft_unet_x.oft_blocks", "OFT or BOFT", "kohya"),
    ("lora_te_x.on_input lora_te_x.weight", "IA3", "kohya"),
    ("lora_te_x.a1.weight lora_te_x.b2.weight", "GLoRA", "kohya"),
    (
        "lora_unet_x.diff lora_unet_x.diff_b",
        "differences",
        "kohya",
    ),
    (
        "lycoris_x.lora_up.weight lycoris_x.lora_down.weight",
        "LoRA",
        "LyCORIS",
    ),
    ("lora_transformer_x.lora_down.weight", "LoRA", "OneTrainer"),
    (
        "lora_unet_double_blocks_0_img_attn_qkv.lora_up.weight",
        "LoRA",
        "kohya",
    ),
    (
        "base_model.model.model.layers.0.q.lora_A.weight",
        "LoRA",
        "PEFT",
    ),
    (
        "base_model.model.model.layers.0.q.lora_magnitude_vector",
        "DoRA",
        "PEFT",
    ),
    ("base_model.model.model.layers.0.q.ia3_l", "IA3", "PEFT"),
    ("base_model.model.model.layers.0.q.boft_R", "BOFT", "PEFT"),
    ("base_model.model.model.layers.0.q.hra_u", "HRA", "PEFT"),
    ("base_model.model.conv.lora_embedding_A", "LoRA", "PEFT"),
    (
        "transformer.transformer_blocks.0.attn.to_q.lora_A.weight",
        "LoRA",
        "diffusers",
    ),
    (
        "transformer_blocks.0.attn.to_q.lora_B.default.weight",
        "LoRA",
        "diffusers",
    ),
    (
        "unet.down_blocks.0.attn1.processor.to_q_lora.up.weight",
        "LoRA",
        "diffusers",
    ),
    (
        "text_encoder.q_proj.lora_linear_layer.up.weight",
        "LoRA",
        "diffusers",
    ),
    (
        "diffusion_model.blocks.0.q.lora_A.weight",
        "LoRA",
        "ComfyUI and ai-toolkit",
    ),
    (
        "double_blocks.0.img_attn.qkv.lora_B.weight",
        "LoRA",
        "its model",
    ),
];

#[test]
fn adapters_are_recognised() {
    for &(names, kind, dialect) in NAMES {
        let adapter = Adapter::of(names.split(' ')).expect(names);
        assert_eq!((adapter.kind, adapter.dialect), (kind, dialect), "{names}");
        assert_eq!(adapter.factors, names.split(' ').count(), "{names}");
        let shown = adapter.to_string();
        assert!(
            shown.starts_with(&format!("an adapter ({kind} in the names of {dialect}")),
            "{shown}"
        );
    }
}

#[test]
fn models_are_no_adapters() {
    for config in configs() {
        let adapter = Adapter::of(config.keys().map(|(name, _)| name));
        assert_eq!(
            adapter.is_some(),
            config.is_adapter(),
            "{}: {adapter:?}",
            config.id()
        );
    }
    for names in [
        "model.layers.0.attn.w_lora.lora.0.weight model.layers.0.attn.w_lora.lora.2.bias",
        "snake.alpha up.weight down.weight lora.weight a1.weight b1.weight",
        "lora_unet_down_blocks_0_resnets_0_conv1 lora_te_text_model_encoder_layers_0_mlp_fc1",
        "base_model.model.model.norm.weight transformer.h.0.attn.weight",
        "layers.0.self_attn.q_a_proj.weight encoder.diff.weight",
    ] {
        assert_eq!(Adapter::of(names.split(' ')), None, "{names}");
    }
}

fn kohya(seed: u64) -> Vec<Tensor> {
    [("lora_up.weight", [4, 2]), ("lora_down.weight", [2, 4])]
        .iter()
        .map(|(suffix, shape)| factor(&format!("{QUERY}.{suffix}"), shape, seed).0)
        .collect()
}

fn peft(seed: u64) -> Vec<Tensor> {
    let stem = "base_model.model.model.layers.0.self_attn.q_proj";
    [("lora_B.weight", [4, 2]), ("lora_A.weight", [2, 4])]
        .iter()
        .map(|(suffix, shape)| factor(&format!("{stem}.{suffix}"), shape, seed).0)
        .collect()
}

fn two(world: &World, make: fn(u64) -> Vec<Tensor>) {
    write(&world.path("x.safetensors"), &make(1));
    write(&world.path("y.safetensors"), &make(2));
}

fn recipe(world: &World, lines: &[&str]) {
    let text = format!("version 0.1.0\n{}\n", lines.join("\n"));
    std::fs::write(world.path("r.mecha"), text).expect("a writable folder");
}

fn refuses(world: &World, arguments: &[&str], parts: &[&str]) {
    let output = world.run(&[arguments, &["-o", "out.safetensors"]].concat());
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
    for part in parts {
        assert!(text.contains(part), "{arguments:?}: no {part:?} in {text}");
    }
    assert!(!Path::new(&world.path("out.safetensors")).exists());
}

const XY: [&str; 2] = ["x.safetensors", "y.safetensors"];

#[test]
fn two_adapters_are_not_averaged() {
    let world = World::new();
    two(&world, kohya);
    let merge = [&["merge", "-M", "linear"], XY.as_slice()].concat();
    let parts = [
        "x.safetensors is an adapter (LoRA in the names of kohya",
        "one by one",
        "merge the deltas",
    ];
    refuses(&world, &merge, &parts);
    let models = ["model \"x.safetensors\"", "model \"y.safetensors\""];
    for line in [
        "merge \"weighted_sum\" &0 &1 alpha=0.5",
        "merge \"fallback\" &0 &1",
        "merge \"stack\" &0 &1",
    ] {
        recipe(&world, &[models[0], models[1], line]);
        let parts = ["line 4", "convert_'sd1-kohya_kohya_lora'_to_base"];
        refuses(&world, &["run", "r.mecha"], &parts);
    }
    let cast = [
        "merge \"cast\" &0 dtype=\"float16\"",
        "merge \"weighted_sum\" &2 &1 alpha=0.5",
    ];
    recipe(&world, &[models[0], models[1], cast[0], cast[1]]);
    refuses(&world, &["run", "r.mecha"], &["line 5", "one by one"]);
    two(&world, peft);
    refuses(
        &world,
        &merge,
        &[
            "an adapter (LoRA in the names of PEFT",
            "tool that made them",
        ],
    );
}

#[test]
fn an_adapter_is_no_model_to_merge() {
    let world = World::new();
    two(&world, peft);
    let parts = ["x.safetensors is an adapter (LoRA in the names of PEFT"];
    refuses(
        &world,
        &["merge", "-M", "linear", "a.safetensors", "x.safetensors"],
        &parts,
    );
    let to = ["convert", "x.safetensors", "--to", "sdxl-sgm"];
    refuses(
        &world,
        &to,
        &["is an adapter (LoRA in the names of PEFT", "does not read"],
    );
    let shown = world.run(&["inspect", "x.safetensors"]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("an adapter (LoRA in the names of PEFT"),
        "{shown}"
    );
}

/// One adapter may be stored in another type; nothing is merged.
#[test]
fn an_adapter_can_be_cast() {
    let world = World::new();
    two(&world, peft);
    let cast = [
        "convert",
        "x.safetensors",
        "--dtype",
        "f16",
        "-o",
        "out.safetensors",
    ];
    let output = world.run(&cast);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn half_an_adapter_names_what_it_lacks() {
    let world = World::new();
    let factors = kohya(1);
    for (number, missing) in [(1, "lora_up.weight"), (0, "lora_down.weight")] {
        write(
            &world.path("x.safetensors"),
            std::slice::from_ref(&factors[number]),
        );
        let missing = format!("such as `{QUERY}.{missing}`: the adapter is incomplete");
        let to = ["convert", "x.safetensors", "--from", "sd1-kohya_kohya_lora"];
        refuses(
            &world,
            &[&to[..], &["--to", "sd1-ldm"]].concat(),
            &[&missing],
        );
    }
}
