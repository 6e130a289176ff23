//! Output folders: what is a folder, what it is called, what comes along.

use std::path::Path;

use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use super::World;
use crate::support::models::{floats, values, write};

const AB: [&str; 4] = ["-M", "linear", "a.safetensors", "b.safetensors"];

fn put(world: &World, name: &str, text: &str) {
    let path = world.path(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    std::fs::write(path, text).expect("a file");
}

fn model(world: &World, name: &str, tensors: &[&str]) {
    put(world, name, "");
    let tensors = tensors
        .iter()
        .map(|name| floats(name, Float::F32, &[4], &values(4, 1, 1)));
    write(&world.path(name), &tensors.collect::<Vec<_>>());
}

fn keys(path: &Path) -> Vec<String> {
    let checkpoint = Checkpoint::open(path).expect("a checkpoint");
    checkpoint.tensors().keys().cloned().collect()
}

/// The names in a folder, sorted.
fn names(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).expect("a folder").flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

#[test]
fn what_an_output_is_shows_in_its_name() {
    let world = World::new();
    for file in ["x.safetensors", "y.SFT"] {
        world.merges(&[&AB[..], &["-o", file]].concat());
        assert!(world.path(file).is_file(), "{file}");
    }
    for folder in ["plain", "x.ckpt/", "Llama-3.1-8B", "v1.5"] {
        world.merges(&[&AB[..], &["-o", folder]].concat());
        assert!(
            world.path(folder).join("model.safetensors").is_file(),
            "{folder}"
        );
    }
    std::fs::create_dir(world.path("made.d")).expect("a folder");
    world.merges(&[&AB[..], &["-o", "made.d"]].concat());
    for (output, part) in [
        ("out.ckpt", "`.ckpt` is no file that wgmerge writes"),
        ("out.bin", "a folder's in /"),
        ("model.safetensor", ".safetensors or .sft"),
        ("-", "standard output"),
        ("z.safetensors/", "leave one of them out"),
    ] {
        world.refuses(&[&AB[..], &["-o", output]].concat(), &[part]);
    }
}

#[test]
fn outputs_of_a_sweep_are_what_the_output_is() {
    let world = World::new();
    let sweep = [
        "merge",
        "--device",
        "cpu",
        "-M",
        "weighted_sum",
        "a.safetensors",
    ];
    let sweep = [&sweep[..], &["b.safetensors", "--sweep", "alpha=0.25,0.5"]].concat();
    for (output, first) in [
        ("s.sft", "s-alpha-0.25.sft"),
        ("Llama-3.1-8B", "Llama-3.1-8B-alpha-0.25/model.safetensors"),
        ("dir.x/", "dir.x-alpha-0.25/model.safetensors"),
    ] {
        let ended = world.run(&[&sweep[..], &["-o", output]].concat());
        assert!(ended.status.success(), "{output}");
        assert!(world.path(first).is_file(), "{first}");
    }
}

#[test]
fn shards_and_indexes_have_the_names_that_loaders_look_for() {
    let world = World::new();
    let shards = [
        "v/model.fp16-00001-of-00002.safetensors",
        "v/model.fp16-00002-of-00002.safetensors",
    ];
    model(&world, shards[0], &["a"]);
    model(&world, shards[1], &["b"]);
    let map = r#"{"weight_map":{"a":"model.fp16-00001-of-00002.safetensors",
                  "b":"model.fp16-00002-of-00002.safetensors"}}"#;
    put(&world, "v/model.safetensors.index.fp16.json", map);
    world.merges(&["-M", "n_average", "v", "-o", "o"]);
    let index = "model.safetensors.index.fp16.json";
    assert!(names(&world.path("o")).contains(&index.to_owned()));
    assert_eq!(keys(&world.path("o")), ["a", "b"]);
    // In one file there is no index, and none is copied.
    world.merges(&["-M", "n_average", "v", "-o", "p", "--max-shard-size", "1GB"]);
    assert_eq!(names(&world.path("p")), ["README.md", "model.safetensors"]);
    model(
        &world,
        "unet/diffusion_pytorch_model.safetensors",
        &["a", "b"],
    );
    world.merges(&[
        "-M",
        "n_average",
        "unet",
        "-o",
        "q",
        "--max-shard-size",
        "16",
    ]);
    assert!(
        world
            .path("q/diffusion_pytorch_model.safetensors.index.json")
            .is_file()
    );
    assert!(
        world
            .path("q/diffusion_pytorch_model-00002-of-00002.safetensors")
            .is_file()
    );
}

#[test]
fn shards_of_which_some_are_empty_are_numbered_anew() {
    let world = World::new();
    model(&world, "x/model-00001-of-00002.safetensors", &["a"]);
    model(&world, "x/model-00002-of-00002.safetensors", &[]);
    let map = r#"{"weight_map":{"a":"model-00001-of-00002.safetensors"}}"#;
    put(&world, "x/model.safetensors.index.json", map);
    world.merges(&["-M", "n_average", "x", "-o", "o"]);
    assert_eq!(names(&world.path("o")), ["README.md", "model.safetensors"]);
    model(&world, "y/model-00001-of-00001.safetensors", &["a"]);
    world.merges(&["-M", "n_average", "y", "-o", "p"]);
    let all = [
        "README.md",
        "model-00001-of-00001.safetensors",
        "model.safetensors.index.json",
    ];
    assert_eq!(names(&world.path("p")), all);
}

#[test]
fn a_component_that_the_first_model_lacks_stays_one() {
    let world = World::new();
    for component in ["A/unet", "A/vae", "B/unet", "B/vae", "B/text_encoder"] {
        let (_, name) = component.split_once('/').expect("a slash");
        model(&world, &format!("{component}/m.safetensors"), &[&name[..1]]);
    }
    for folder in ["A", "B"] {
        put(&world, &format!("{folder}/model_index.json"), "{}");
    }
    world.merges(&["-M", "linear", "A", "B", "--missing", "skip", "-o", "o"]);
    let mut found = keys(&world.path("o"));
    found.sort();
    assert_eq!(found, ["text_encoder/t", "unet/u", "vae/v"]);
}

/// A configuration whose numbers and order are kept.
const CONFIG: &str = r#"{
  "torch_dtype": "float32",
  "eps": 1e-05,
  "x": {"dtype": "float32"}
}"#;

/// A world with a model's folder `m` that holds more than the model.
fn with_companions() -> World {
    let world = World::new();
    model(&world, "m/model.safetensors", &["a"]);
    for (name, text) in [
        ("config.json", CONFIG),
        ("LICENSE", "MIT"),
        ("README.md", "# The best of models"),
        ("weights.pkl", "x"),
        ("model.onnx_data", "x"),
        ("pytorch_model.bin.index.json", "{}"),
        ("model.safetensors.index.bf16.json", "{}"),
        ("tokenizer/vocab.json", "{}"),
        ("deep/er/x.json", "{}"),
        (".secret", "x"),
    ] {
        put(&world, &format!("m/{name}"), text);
    }
    world
}

#[test]
fn configuration_comes_along_and_nothing_else() {
    let world = with_companions();
    let arguments = [
        "merge",
        "--device",
        "cpu",
        "-M",
        "n_average",
        "m",
        "-o",
        "o",
        "--json",
    ];
    let ended = world.run(&[&arguments[..], &["--dtype", "bf16"]].concat());
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stderr)
    );
    let wanted = [
        "LICENSE",
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer",
    ];
    assert_eq!(names(&world.path("o")), wanted);
    let text = |name: &str| std::fs::read_to_string(world.path(name)).expect("a file");
    assert_eq!(text("o/config.json"), CONFIG.replace("float32", "bfloat16"));
    let card = text("o/README.md");
    assert!(
        !card.contains("best of models") && card.contains("base_model:\n- \"m\"\n"),
        "{card}"
    );
    let report: Value = serde_json::from_slice(&ended.stdout).expect("JSON");
    let left_out: Vec<&Value> = report["companions"]["left_out"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|entry| &entry["name"])
        .collect();
    let wanted = [
        "README.md",
        "deep/er",
        "model.onnx_data",
        "model.safetensors.index.bf16.json",
        "pytorch_model.bin.index.json",
        "weights.pkl",
    ];
    assert_eq!(left_out, wanted);
    assert_eq!(report["companions"]["copied"][1], "config.json");
    let said = world.merges(&["-M", "n_average", "m", "-o", "p"]);
    assert!(
        said.contains("README.md (the card of that model)"),
        "{said}"
    );
    assert_eq!(text("p/config.json"), CONFIG);
}

#[test]
fn a_configuration_that_knows_less_than_the_output_is_said() {
    let world = World::new();
    for (name, tensors) in [("four", &["a", "b"][..]), ("six", &["a", "b", "c"])] {
        std::fs::create_dir(world.path(name)).expect("a folder");
        model(&world, &format!("{name}/model.safetensors"), tensors);
        put(&world, &format!("{name}/config.json"), "{}");
    }
    let merge = |models: [&str; 2], output: &str| {
        let rest = ["--missing", "skip", "-o", output];
        world.merges(&[&["-M", "linear"][..], &models, &rest].concat())
    };
    let said = merge(["four", "six"], "o");
    let wanted = "config.json is copied from four, which lacks 1 tensor of the output, such as `c`";
    assert!(said.contains(wanted), "{said}");
    assert!(!merge(["six", "four"], "p").contains("may not describe"));
}

#[cfg(unix)]
#[test]
fn links_are_followed_within_the_model_and_its_cache() {
    use std::os::unix::fs::symlink;
    let world = World::new();
    put(&world, "secret", "a secret");
    put(&world, "hub/blobs/1", "{}");
    model(&world, "hub/snapshots/r/model.safetensors", &["a"]);
    let at = |name: &str| world.path("hub/snapshots/r").join(name);
    symlink("../../blobs/1", at("config.json")).expect("a link");
    symlink(world.path("secret"), at("secret.json")).expect("a link");
    symlink("/proc/self/environ", at("environ.json")).expect("a link");
    symlink("/dev/zero", at("zero.json")).expect("a link");
    symlink("config.json", at("inner.json")).expect("a link");
    let said = world.merges(&["-M", "n_average", "hub/snapshots/r", "-o", "o"]);
    assert_eq!(
        names(&world.path("o")),
        [
            "README.md",
            "config.json",
            "inner.json",
            "model.safetensors"
        ]
    );
    for name in ["secret.json", "environ.json", "zero.json"] {
        let line = format!("{name} (a link that leads out of the folder)");
        assert!(said.contains(&line), "{said}");
    }
}

/// A pipe is never waited for, nor a file of the system's that has no length.
#[cfg(target_os = "linux")]
#[test]
fn what_would_be_waited_for_is_not_read() {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    let world = World::new();
    for folder in ["m", "n"] {
        model(&world, &format!("{folder}/model.safetensors"), &["a"]);
        for name in ["config.json", "tokenizer.json", "quantize_config.json"] {
            let path = world.path(&format!("{folder}/{name}"));
            mknodat(CWD, &path, FileType::Fifo, Mode::RUSR, 0).expect("a pipe");
        }
    }
    let said = world.merges(&["-M", "linear", "m", "n", "-o", "o"]);
    assert!(said.contains("config.json"), "{said}");
    assert_eq!(names(&world.path("o")), ["README.md", "model.safetensors"]);
    for folder in ["m", "n"] {
        std::fs::remove_file(world.path(&format!("{folder}/config.json"))).expect("a file");
        let link = world.path(&format!("{folder}/config.json"));
        std::os::unix::fs::symlink("/proc/kmsg", link).expect("a link");
    }
    world.merges(&["-M", "linear", "m", "n", "-o", "p"]);
    put(
        &world,
        "y.yaml",
        "models: [{model: m}, {model: n}]\nmerge_method: linear\nparameters: \
        {weight: 1}\ntokenizer_source: union\n",
    );
    let line = ["run", "y.yaml", "-o", "q", "--device", "cpu"];
    let output = world.run(&line);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(
        said.contains("tokenizer.json") && said.contains("not a regular file"),
        "{said}"
    );
}

#[test]
fn companions_are_bounded_in_sum() {
    let world = World::new();
    model(&world, "m/model.safetensors", &["a"]);
    for number in 0..9 {
        let file = std::fs::File::create(world.path(&format!("m/{number}.json"))).expect("a file");
        file.set_len(if number == 8 { 65 << 20 } else { 60 << 20 })
            .expect("a sparse file");
    }
    let arguments = ["-M", "n_average", "m", "-o", "o"];
    let said = world.merges(&arguments);
    assert_eq!(names(&world.path("o")).len(), 2 + 4);
    assert!(said.contains("8.json (larger than 64 MiB)"), "{said}");
    assert!(
        said.contains("4.json (more than 256 MiB of files)"),
        "{said}"
    );
}

#[test]
fn force_leaves_nothing_of_an_earlier_output() {
    let world = World::new();
    let shards = [&AB[..], &["-o", "o", "--max-shard-size", "4kB", "--force"]].concat();
    let single = ["-M", "linear", "a.safetensors", "-o", "o", "--force"];
    world.merges(&shards);
    put(&world, "o/notes.txt", "mine");
    let said = world.merges(&single);
    let left = ["README.md", "model.safetensors", "notes.txt"];
    assert_eq!(names(&world.path("o")), left);
    assert!(
        said.contains("removed, as of an earlier output: model-00001-of-00002.safetensors, "),
        "{said}"
    );
    let first = std::fs::read(world.path("o/model.safetensors")).expect("the output");
    world.merges(&shards);
    assert!(!world.path("o/model.safetensors").exists());
    assert_eq!(keys(&world.path("o")), ["one.weight", "two.bias"]);
    world.merges(&single);
    assert!(first == std::fs::read(world.path("o/model.safetensors")).expect("the output"));
    put(&world, "o/mine.safetensors", "");
    world.refuses(&single, &["o holds mine.safetensors", "move it away"]);
}
