//! `--clip`, `--lora`, `--vae` and `--drop`.

use super::{Values, close, mandatory, read, refused, stand_in, succeeds, tensor};
use crate::cli::World;
use crate::support::models::{floats, values, write};
use wgmerge::dtype::Float;

pub const MERGE: [&str; 6] = [
    "merge",
    "-M",
    "weighted_sum",
    "-p",
    "alpha=0",
    "a.safetensors",
];

/// A merge whose result is its first model, with these arguments.
pub fn merge<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    let models = ["b.safetensors", "-o", "out.safetensors", "--force"];
    [&MERGE[..], &models, rest].concat()
}

pub fn models(world: &World, config: &str) {
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
    let recipe = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"bare.safetensors\"\n\
         merge \"fallback\" &1 &0\n";
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
        text.contains("leaves out nothing") && text.contains("clip_l, vae"),
        "{text}"
    );
    refused(&world, &merge(&["--drop", "("]));
}

#[test]
fn a_result_is_kept_between_the_first_two_models() {
    let world = World::new();
    for (number, name) in (0..).zip(["a", "b", "c"]) {
        let own = floats("w", Float::F32, &[3000], &values(3000, 5, number));
        let alone = floats("alone", Float::F32, &[9], &values(9, 6, number));
        let tensors = [own, alone];
        let tensors = &tensors[..if name == "b" { 1 } else { 2 }];
        write(&world.path(&format!("{name}.safetensors")), tensors);
    }
    let models = ["a.safetensors", "b.safetensors", "c.safetensors"];
    let [a, b] = [models[0], models[1]].map(|name| read(&world.path(name)));
    let difference = ["merge", "-M", "add_difference", "-p", "alpha=3"];
    let arithmetic = ["merge", "-M", "task_arithmetic", "-p", "weight=3", "--base"];
    let skip = ["--missing", "skip", "--force", "-o"];
    for arguments in [&difference[..], &arithmetic[..]] {
        let merged = |output: &str, more: &[&str]| {
            succeeds(
                &world,
                &[arguments, &models, &skip, &[output], more].concat(),
            );
            read(&world.path(output))
        };
        let wild = merged("wild.safetensors", &[]);
        let clipped = merged("clipped.safetensors", &["--clip"]);
        assert!(clipped.keys().eq(wild.keys()));
        let mut moved = 0;
        for (name, found) in &clipped {
            for (at, found) in found.iter().enumerate() {
                let (a, wild) = (a[name][at], wild[name][at]);
                let wanted = match b.get(name) {
                    Some(b) => wild.clamp(a.min(b[at]), a.max(b[at])),
                    // Its own values alone bound it.
                    None => a,
                };
                moved += usize::from(wanted != wild);
                assert!(*found == wanted, "{name} {at}: {found} is not {wanted}");
            }
        }
        assert!(moved > 1000, "{moved} elements are clipped");
    }
    let one = ["convert", "a.safetensors", "-o", "o.safetensors", "--clip"];
    let text = refused(&world, &one);
    assert!(
        text.contains("--clip keeps the result of a merge"),
        "{text}"
    );
}
