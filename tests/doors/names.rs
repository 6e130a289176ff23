//! Models of one family that do not have the same tensors, or not under the same names.

use super::{Key, both, close, mandatory, mix, read, stand_in, succeeds, tensor};
use crate::cli::World;
use crate::support::models::{Tensor, write};
use crate::support::tensors::stored;
use wgmerge::dtype::DType;

fn with_ema(key: &Key) -> Option<String> {
    (!key.is_optional || key.component == "ema").then(|| key.name.clone())
}

#[test]
fn what_a_config_does_not_require_is_left_out_at_every_door() {
    let world = World::new();
    stand_in(&world, "ema.safetensors", "sd1-ldm", 1, with_ema);
    stand_in(&world, "pruned.safetensors", "sd1-ldm", 2, mandatory);
    for models in [
        ["ema.safetensors", "pruned.safetensors"],
        ["pruned.safetensors", "ema.safetensors"],
    ] {
        let said = both(&world, models, "out.safetensors");
        let out = read(&world.path("out.safetensors"));
        let [a, b] = models.map(|name| read(&world.path(name)));
        assert!(
            !out.keys().any(|name| name.starts_with("model_ema")),
            "{said}"
        );
        assert_eq!(out.len(), a.len().min(b.len()));
        for (name, values) in &out {
            close(values, &mix(&a[name], &b[name]), name);
        }
        std::fs::remove_file(world.path("out.safetensors")).expect("a file");
    }
}

#[test]
fn aliases_meet_and_the_output_has_the_names_of_the_reference() {
    let world = World::new();
    stand_in(&world, "long.safetensors", "sd1-ldm", 1, mandatory);
    stand_in(&world, "short.safetensors", "sd1-ldm", 2, |key| {
        let name = mandatory(key)?;
        Some(name.replace("transformer.text_model.", "transformer."))
    });
    both(
        &world,
        ["short.safetensors", "long.safetensors"],
        "out.safetensors",
    );
    let (short, long) = (
        read(&world.path("short.safetensors")),
        read(&world.path("long.safetensors")),
    );
    let out = read(&world.path("out.safetensors"));
    assert!(out.keys().eq(short.keys()));
    let name = "cond_stage_model.transformer.final_layer_norm.weight";
    let other = "cond_stage_model.transformer.text_model.final_layer_norm.weight";
    close(&out[name], &mix(&short[name], &long[other]), name);
}

#[test]
fn what_is_only_copied_is_demanded_from_the_reference_alone() {
    let world = World::new();
    let ids = Tensor {
        name: "emb.position_ids".to_owned(),
        dtype: DType::I64,
        shape: vec![1, 3],
        bytes: (0..3i64).flat_map(i64::to_le_bytes).collect(),
    };
    let head = || tensor("head.weight", &[4], 1);
    write(
        &world.path("x.safetensors"),
        &[ids, tensor("w", &[4], 1), head()],
    );
    write(&world.path("y.safetensors"), &[tensor("w", &[4], 2)]);
    let exclude = ["--exclude", "head"];
    for models in [
        ["x.safetensors", "y.safetensors"],
        ["y.safetensors", "x.safetensors"],
    ] {
        let arguments = [
            &["-M", "weighted_sum", "-p", "alpha=0.25"][..],
            &models,
            &exclude,
        ];
        if models[0] == "y.safetensors" {
            // The reference has no such tensor, and so the output has none.
            let arguments = [
                "-M",
                "weighted_sum",
                "-p",
                "alpha=0.25",
                models[0],
                models[1],
            ];
            world.refuses(&arguments, &["head.weight"]);
            continue;
        }
        world.merges(&arguments.concat());
        let [out, x] = ["out", "x"].map(|name| stored(&world.path(&format!("{name}.safetensors"))));
        assert_eq!(out.len(), 3);
        for name in ["head.weight", "emb.position_ids"] {
            assert_eq!(out[name].bytes, x[name].bytes, "{name}");
        }
    }
}

/// Writes a diffusers pipeline of Stable Diffusion 1.
fn pipeline(world: &World, folder: &str, model: u64) {
    for (component, file) in [
        ("unet", "diffusion_pytorch_model"),
        ("vae", "diffusion_pytorch_model"),
        ("text_encoder", "model"),
    ] {
        let folder = world.path(folder).join(component);
        std::fs::create_dir_all(&folder).expect("a folder");
        let prefix = format!("{component}/");
        let name = world.path("part.safetensors");
        stand_in(world, "part.safetensors", "sd1-diffusers", model, |key| {
            mandatory(key)?.strip_prefix(&prefix).map(str::to_owned)
        });
        std::fs::rename(name, folder.join(format!("{file}.safetensors"))).expect("a file");
    }
    let index = serde_json::json!({ "_class_name": "StableDiffusionPipeline" });
    let file = world.path(folder).join("model_index.json");
    std::fs::write(file, index.to_string()).expect("a file");
}

#[test]
fn a_pipeline_is_converted_to_a_single_file_and_back() {
    let world = World::new();
    pipeline(&world, "p", 1);
    let to = [
        "convert",
        "p",
        "--to",
        "sd1-ldm",
        "-o",
        "single.safetensors",
    ];
    succeeds(&world, &to);
    let single = read(&world.path("single.safetensors"));
    let unet = read(&world.path("p/unet/diffusion_pytorch_model.safetensors"));
    let vae = read(&world.path("p/vae/diffusion_pytorch_model.safetensors"));
    let text = read(&world.path("p/text_encoder/model.safetensors"));
    assert_eq!(single.len(), unet.len() + vae.len() + text.len());
    for (name, other, part) in [
        (
            "model.diffusion_model.input_blocks.0.0.weight",
            "conv_in.weight",
            &unet,
        ),
        (
            "first_stage_model.encoder.mid.attn_1.q.weight",
            "encoder.mid_block.attentions.0.to_q.weight",
            &vae,
        ),
        (
            "cond_stage_model.transformer.text_model.final_layer_norm.bias",
            "text_model.final_layer_norm.bias",
            &text,
        ),
    ] {
        assert_eq!(single[name], part[other], "{name}");
    }
    succeeds(
        &world,
        &[
            "convert",
            "single.safetensors",
            "--to",
            "sd1-diffusers",
            "-o",
            "q",
        ],
    );
    for file in [
        "unet/diffusion_pytorch_model.safetensors",
        "vae/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors",
    ] {
        let [p, q] = ["p", "q"].map(|folder| read(&world.path(folder).join(file)));
        assert!(p == q, "{file}");
    }
}

#[test]
fn a_pipeline_merges_with_a_single_file() {
    let world = World::new();
    pipeline(&world, "p", 1);
    stand_in(&world, "b.safetensors", "sd1-ldm", 2, mandatory);
    succeeds(
        &world,
        &[
            "convert",
            "p",
            "--to",
            "sd1-ldm",
            "-o",
            "a.safetensors",
            "--force",
        ],
    );
    both(
        &world,
        ["a.safetensors", "b.safetensors"],
        "wanted.safetensors",
    );
    for models in [["p", "b.safetensors"], ["b.safetensors", "p"]] {
        let output = ["first.safetensors", "second"];
        let file = models[0] == "b.safetensors";
        let said = match file {
            true => both(&world, models, output[0]),
            false => world.merges(&[
                "-M",
                "weighted_sum",
                "-p",
                "alpha=0.25",
                models[0],
                models[1],
                "-o",
                output[1],
            ]),
        };
        assert!(said.contains("is converted to"), "{said}");
    }
    // The folder has the layout of the pipeline.
    let wanted = read(&world.path("wanted.safetensors"));
    let unet = read(&world.path("second/unet/diffusion_pytorch_model.safetensors"));
    close(
        &unet["conv_in.weight"],
        &wanted["model.diffusion_model.input_blocks.0.0.weight"],
        "conv_in",
    );
    let names: Vec<String> = read(&world.path("first.safetensors")).into_keys().collect();
    assert!(read(&world.path("b.safetensors")).keys().eq(&names));
}
