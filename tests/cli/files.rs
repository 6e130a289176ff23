//! What merges and plans leave: files, folders, reports.

use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use super::World;
use crate::support::models::{floats, values, write};
use crate::support::tensors::stored;

const AB: [&str; 4] = ["-M", "linear", "a.safetensors", "b.safetensors"];

#[test]
fn a_merge_reports_records_and_repeats() {
    let world = World::new();
    let text = world.merges(&AB);
    assert!(
        text.contains("out.safetensors: 2 tensors merged, 0 copied"),
        "{text}"
    );
    assert!(
        text.contains(" × the floor (reading and writing alone)"),
        "{text}"
    );
    let first = std::fs::read(world.path("out.safetensors")).expect("the output");
    let metadata = Checkpoint::open(&world.path("out.safetensors"))
        .expect("sound")
        .metadata()
        .clone();
    assert_eq!(metadata["format"], "pt");
    let recipe: Value = serde_json::from_str(&metadata["wgmerge_recipe"]).expect("JSON");
    assert_eq!(recipe["nodes"][2]["merge"], "linear");
    assert_eq!(recipe["nodes"][0]["model"], "a.safetensors");
    world.refuses(&AB, &["--force"]);
    let mut again = AB.to_vec();
    again.extend(["--force", "--threads", "1", "--memory", "64MiB"]);
    world.merges(&again);
    assert!(first == std::fs::read(world.path("out.safetensors")).expect("the output"));
    let tensors = stored(&world.path("out.safetensors"));
    assert_eq!(tensors["one.weight"].shape, [40, 30]);
    assert_eq!(
        world.names(),
        [
            "a.safetensors",
            "b.safetensors",
            "base.safetensors",
            "out.safetensors"
        ]
    );
}

#[test]
fn options_may_follow_models_and_values_may_be_negative() {
    let world = World::new();
    let mut arguments = AB.to_vec();
    arguments.extend(["-p", "weight=-1,2", "--metadata", "none", "--dtype", "bf16"]);
    world.merges(&arguments);
    let output = Checkpoint::open(&world.path("out.safetensors")).expect("sound");
    assert!(!output.metadata().contains_key("wgmerge_recipe"));
    assert_eq!(
        output.get("two.bias").expect("a tensor").dtype,
        Float::BF16.dtype()
    );
}

#[test]
fn json_is_all_that_is_on_standard_output() {
    let world = World::new();
    let mut arguments = vec![
        "merge",
        "--device",
        "cpu",
        "-o",
        "out.safetensors",
        "--json",
        "--hash",
    ];
    arguments.extend(AB);
    let output = world.run(&arguments);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(
        (&report["computed"], &report["copied"]),
        (&2.into(), &0.into())
    );
    let hash = wgmerge::sink::digest(&world.path("out.safetensors")).expect("the output");
    assert_eq!(report["sha256"][0]["sha256"], hash);
    assert_eq!(report["sha256"][0]["file"], "out.safetensors");
    let mut arguments = vec!["plan", "--device", "cpu", "--json"];
    arguments.extend(AB);
    let plan: Value = serde_json::from_slice(&world.run(&arguments).stdout).expect("JSON");
    assert_eq!((&plan["tensors"], &plan["files"]), (&2.into(), &1.into()));
    assert_eq!(plan["bytes_read"]["least"], 2 * 4 * 1230);
    assert_eq!(plan["bytes_read"]["least"], plan["bytes_read"]["most"]);
    assert_eq!(
        plan["keys"]["models"][1]["missing"],
        Value::Array(Vec::new())
    );
}

#[test]
fn a_plan_says_what_a_merge_would_do_and_does_nothing() {
    let world = World::new();
    let arguments = [
        "plan",
        "--device",
        "cpu",
        "-M",
        "ties",
        "-b",
        "base.safetensors",
    ];
    let mut arguments = arguments.to_vec();
    arguments.extend(["a.safetensors", "b.safetensors", "-p", "density=0.5"]);
    let output = world.run(&arguments);
    let text = String::from_utf8_lossy(&output.stdout);
    for line in [
        "tensors   2 (2 merged, 0 copied)",
        "2 tensors as f32, ",
        " on 3 inputs after 1 round of statistics, such as `one.weight`",
        "read      29.52 kB in 2 passes\n",
        "written   9.02 kB in 1 file\n",
        "a.safetensors: 2 tensors, 0 missing, 0 extra, 0 of another form",
    ] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }
    assert_eq!(
        world.names(),
        ["a.safetensors", "b.safetensors", "base.safetensors"]
    );
}

#[test]
fn shards_have_an_index_and_are_a_model_again() {
    let world = World::new();
    let mut arguments = AB.to_vec();
    arguments.extend(["-o", "out", "--max-shard-size", "4kB"]);
    world.merges(&arguments);
    let names = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ];
    for name in names {
        assert!(world.path("out").join(name).is_file(), "{name}");
    }
    let index =
        std::fs::read_to_string(world.path("out/model.safetensors.index.json")).expect("an index");
    let index: Value = serde_json::from_str(&index).expect("JSON");
    assert_eq!(index["weight_map"]["one.weight"], names[0]);
    assert_eq!(index["weight_map"]["two.bias"], names[1]);
    assert_eq!(index["metadata"]["total_size"], 4 * 1230);
    world.merges(&[
        "-M",
        "n_average",
        "out",
        "a.safetensors",
        "-o",
        "single.safetensors",
    ]);
    assert_eq!(
        Checkpoint::open(&world.path("single.safetensors"))
            .expect("sound")
            .tensors()
            .len(),
        2
    );
}

#[test]
fn folders_keep_their_files_and_configuration() {
    let world = World::new();
    for (model, name) in (0..).zip(["x", "y"]) {
        for component in ["unet", "vae"] {
            let folder = world.path(name).join(component);
            std::fs::create_dir_all(&folder).expect("a folder");
            let tensor = floats("w", Float::F16, &[8], &values(8, 4, model));
            write(
                &folder.join("diffusion_pytorch_model.safetensors"),
                &[tensor],
            );
            std::fs::write(folder.join("config.json"), "{}").expect("a file");
        }
        std::fs::write(world.path(name).join("model_index.json"), "{}").expect("a file");
    }
    world.refuses(
        &["-M", "linear", "x", "y"],
        &["components", "folder as output"],
    );
    world.merges(&["-M", "linear", "x", "y", "-o", "merged"]);
    for name in [
        "model_index.json",
        "unet/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    ] {
        assert!(world.path("merged").join(name).is_file(), "{name}");
    }
    let merged = Checkpoint::open(&world.path("merged")).expect("a folder of components");
    let keys: Vec<&String> = merged.tensors().keys().collect();
    assert_eq!(keys, ["unet/w", "vae/w"]);
    world.refuses(
        &["-M", "linear", "x", "y", "-o", "merged"],
        &["merged", "--force"],
    );
    world.refuses(
        &["-M", "linear", "x", "y", "-o", "x", "--force"],
        &["never written"],
    );
}
