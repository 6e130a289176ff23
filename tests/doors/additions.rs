//! `--lora`, `--vae` and `--drop`.

use super::{Values, close, keys, mandatory, read, refused, stand_in, succeeds, tensor};
use crate::cli::World;
use crate::support::models::{Tensor, floats, write};
use wgmerge::dtype::Float;
use wgmerge::recipe::Lora;

const MERGE: [&str; 6] = [
    "merge",
    "-M",
    "weighted_sum",
    "-p",
    "alpha=0",
    "a.safetensors",
];

/// A merge whose result is its first model, with these arguments.
fn merge<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    let models = ["b.safetensors", "-o", "out.safetensors", "--force"];
    [&MERGE[..], &models, rest].concat()
}

fn models(world: &World, config: &str) {
    stand_in(world, "a.safetensors", config, 1, mandatory);
    stand_in(world, "b.safetensors", config, 2, mandatory);
}

/// Checks that the VAE of the output is the other one and that nothing else changed.
#[track_caller]
fn has_vae(out: &Values, model: &Values, vae: impl Fn(&str) -> bool, wanted: &Values) {
    assert!(out.keys().eq(model.keys()));
    let mut replaced = 0;
    for (name, values) in out {
        match vae(name) {
            true => {
                replaced += 1;
                assert!(*values == wanted[name], "{name}");
            }
            false => close(values, &model[name], name),
        }
    }
    assert!(replaced > 200, "{replaced}");
}

#[test]
fn a_vae_in_any_naming_takes_the_place_of_the_models() {
    let world = World::new();
    models(&world, "sd1-ldm");
    // The same autoencoder four times: as part of a model, alone, as diffusers names it, prefixed.
    let is_vae = |name: &str| name.starts_with("first_stage_model.");
    stand_in(&world, "whole.safetensors", "sd1-ldm", 3, mandatory);
    stand_in(&world, "bare.safetensors", "sd1-ldm", 3, |key| {
        key.name
            .strip_prefix("first_stage_model.")
            .map(str::to_owned)
    });
    stand_in(&world, "own.safetensors", "sd1-ldm", 3, |key| {
        let name = key.name.strip_prefix("first_stage_model.")?;
        Some(format!("net.{name}"))
    });
    succeeds(
        &world,
        &[
            "convert",
            "bare.safetensors",
            "--to",
            "vae-diffusers",
            "-o",
            "diffusers.safetensors",
        ],
    );
    let names: Vec<String> = read(&world.path("diffusers.safetensors"))
        .into_keys()
        .collect();
    assert!(names.contains(&"decoder.up_blocks.0.resnets.0.conv1.weight".to_owned()));
    let [model, whole] = ["a.safetensors", "whole.safetensors"].map(|name| read(&world.path(name)));
    for vae in ["whole", "bare", "own", "diffusers"] {
        let file = format!("{vae}.safetensors");
        succeeds(&world, &merge(&["--vae", &file]));
        has_vae(
            &read(&world.path("out.safetensors")),
            &model,
            is_vae,
            &whole,
        );
    }
}

#[test]
fn a_vae_is_baked_by_recipes_and_without_a_merge() {
    let world = World::new();
    models(&world, "sd1-ldm");
    let is_vae = |name: &str| name.starts_with("first_stage_model.");
    stand_in(&world, "whole.safetensors", "sd1-ldm", 3, mandatory);
    stand_in(&world, "bare.safetensors", "sd1-ldm", 3, |key| {
        let name = key.name.strip_prefix("first_stage_model.")?;
        Some(name.to_owned())
    });
    let [model, whole] = ["a.safetensors", "whole.safetensors"].map(|name| read(&world.path(name)));
    succeeds(&world, &merge(&["--vae", "bare.safetensors"]));
    // The same for a recipe, and where nothing is merged.
    let recipe = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n\
                  merge \"weighted_sum\" &0 &1 alpha=0.0\n";
    std::fs::write(world.path("r.mecha"), recipe).expect("a recipe");
    let run = [
        "run",
        "r.mecha",
        "-o",
        "run.safetensors",
        "--vae",
        "bare.safetensors",
    ];
    succeeds(&world, &run);
    assert!(read(&world.path("run.safetensors")) == read(&world.path("out.safetensors")));
    succeeds(&world, &["plan", "r.mecha", "--vae", "bare.safetensors"]);
    let convert = [
        "convert",
        "a.safetensors",
        "-o",
        "baked.safetensors",
        "--vae",
        "bare.safetensors",
    ];
    succeeds(&world, &convert);
    has_vae(
        &read(&world.path("baked.safetensors")),
        &model,
        is_vae,
        &whole,
    );
    // What a recipe had to say before: the same routes.
    let recipe = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"bare.safetensors\"\nmerge \"fallback\" &1 &0\n";
    std::fs::write(world.path("f.mecha"), recipe).expect("a recipe");
    succeeds(&world, &["run", "f.mecha", "-o", "f.safetensors"]);
    has_vae(&read(&world.path("f.safetensors")), &model, is_vae, &whole);
}

#[test]
fn a_vae_is_converted_to_the_models_config() {
    let world = World::new();
    models(&world, "sdxl-kohya_but_diffusers");
    stand_in(&world, "bare.safetensors", "sdxl-sgm", 3, |key| {
        key.name
            .strip_prefix("first_stage_model.")
            .map(str::to_owned)
    });
    stand_in(&world, "wanted.safetensors", "sdxl-sgm", 3, |key| {
        key.name
            .starts_with("first_stage_model.")
            .then(|| key.name.clone())
    });
    succeeds(&world, &merge(&["--vae", "bare.safetensors"]));
    let [out, model, wanted] =
        ["out", "a", "wanted"].map(|name| read(&world.path(&format!("{name}.safetensors"))));
    has_vae(
        &out,
        &model,
        |name| name.starts_with("first_stage_model."),
        &wanted,
    );
    // A model has no VAE of another width, and an unknown family has none at all.
    stand_in(&world, "wide.safetensors", "flux-flux", 3, |key| {
        let name = key.name.strip_prefix("vae.")?;
        Some(format!("text_encoders.{name}"))
    });
    let text = refused(&world, &merge(&["--vae", "wide.safetensors"]));
    assert!(
        text.contains("holds no VAE that sdxl-kohya_but_diffusers can have"),
        "{text}"
    );
    let unknown = [
        "merge",
        "-M",
        "linear",
        "base.safetensors",
        "b.safetensors",
        "-o",
        "o.safetensors",
    ];
    write(
        &world.path("b.safetensors"),
        &[
            tensor("one.weight", &[40, 30], 1),
            tensor("two.bias", &[30], 1),
        ],
    );
    let text = refused(
        &world,
        &[&unknown[..], &["--vae", "bare.safetensors"]].concat(),
    );
    assert!(
        text.contains("--vae needs to know the model config"),
        "{text}"
    );
}

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
        text.contains("is no LoRA or LoKr that can be added to sd1-ldm"),
        "{text}"
    );
}

#[test]
fn components_and_names_are_dropped() {
    let world = World::new();
    let with_ema =
        |key: &super::Key| (!key.is_optional || key.component == "ema").then(|| key.name.clone());
    for (file, model) in [("a.safetensors", 1), ("b.safetensors", 2)] {
        stand_in(&world, file, "sd1-ldm", model, with_ema);
    }
    let model = read(&world.path("a.safetensors"));
    let is_ema = |name: &&String| name.starts_with("model_ema");
    assert!(model.keys().any(|name| is_ema(&name)));
    succeeds(&world, &merge(&["--drop", "ema"]));
    let out = read(&world.path("out.safetensors"));
    assert!(out.keys().eq(model.keys().filter(|name| !is_ema(name))));
    succeeds(
        &world,
        &merge(&["--drop", "ema", "--drop", r"first_stage_model\.enc"]),
    );
    let out = read(&world.path("out.safetensors"));
    assert!(
        !out.keys()
            .any(|name| name.starts_with("first_stage_model.encoder"))
    );
    assert!(
        out.keys()
            .any(|name| name.starts_with("first_stage_model.decoder"))
    );
    succeeds(
        &world,
        &[
            "convert",
            "a.safetensors",
            "--drop",
            "ema",
            "-o",
            "p.safetensors",
        ],
    );
    let pruned = read(&world.path("p.safetensors"));
    assert!(pruned.iter().all(|(name, values)| *values == model[name]));
    assert!(!pruned.keys().any(|name| is_ema(&name)));
    let text = refused(&world, &merge(&["--drop", "optimizer"]));
    assert!(
        text.contains("leaves out none") && text.contains("clip_l, vae"),
        "{text}"
    );
    refused(&world, &merge(&["--drop", "("]));
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
