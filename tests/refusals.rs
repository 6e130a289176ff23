//! What `merge` and `plan` refuse or report beyond the plain cases: other ways to name an input,
//! folders, damage, failures of the system, and messages that can be followed.

use std::process::Command;

use serde_json::Value;
use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::Float;

use crate::cli::World;
use crate::support::command::said;
use crate::support::models::{floats, values, write};
use crate::support::tensors::{stored, tensor};

const AB: [&str; 4] = ["-M", "linear", "a.safetensors", "b.safetensors"];

fn with<'a>(start: &[&'a str], rest: &[&'a str]) -> Vec<&'a str> {
    [start, rest].concat()
}

/// Writes a sharded Hugging Face folder of one model.
fn sharded(world: &World, name: &str, model: u64) {
    let folder = world.path(name);
    std::fs::create_dir(&folder).expect("a folder");
    let files = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
    ];
    for (file, key) in files.iter().zip(["one", "two"]) {
        let tensor = floats(key, Float::BF16, &[16], &values(16, 3, model));
        write(&folder.join(file), &[tensor]);
    }
    let index = serde_json::json!({
        "metadata": { "total_size": 64 },
        "weight_map": { "one": files[0], "two": files[1] },
    });
    let index_file = folder.join("model.safetensors.index.json");
    std::fs::write(index_file, index.to_string()).expect("a file");
    std::fs::write(folder.join("config.json"), "{\"a\":1}").expect("a file");
}

#[test]
fn a_folder_of_shards_becomes_one_file_or_a_folder() {
    let world = World::new();
    sharded(&world, "x", 1);
    sharded(&world, "y", 2);
    world.merges(&["-M", "linear", "x", "y"]);
    world.merges(&["-M", "linear", "x", "y", "-o", "merged"]);
    let file = stored(&world.path("out.safetensors"));
    assert_eq!(file.len(), 2);
    let mut seen = 0;
    let read = |name: &str| std::fs::read(world.path("merged").join(name)).expect("a file");
    for entry in std::fs::read_dir(world.path("merged")).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".safetensors") {
            for (key, tensor) in stored(&world.path("merged").join(&*name)) {
                assert_eq!(tensor, file[&key], "{key}");
                seen += 1;
            }
        }
    }
    assert_eq!(seen, 2);
    assert_eq!(read("config.json"), b"{\"a\":1}");
    std::fs::remove_file(world.path("y/model-00002-of-00002.safetensors")).expect("a file");
    let missing = "model-00002-of-00002.safetensors";
    world.refuses(&["-M", "linear", "x", "y", "-o", "other"], &["y", missing]);
}

#[test]
fn folders_without_weights() {
    let world = World::new();
    std::fs::create_dir(world.path("empty")).expect("a folder");
    let arguments = ["-M", "linear", "a.safetensors", "empty"];
    world.refuses(&arguments, &["empty: holds no weights (.safetensors, .bin"]);
    std::fs::write(world.path("empty/pytorch_model.bin"), "PK").expect("a file");
    world.refuses(&arguments, &["pytorch_model.bin", "the file has 2 bytes"]);
}

#[test]
fn damaged_headers_name_the_file_and_the_damage() {
    let world = World::new();
    let bad = |bytes: &[u8], parts: &[&str]| {
        std::fs::write(world.path("bad.safetensors"), bytes).expect("a file");
        let parts = with(&["bad.safetensors"], parts);
        world.refuses(
            &["-M", "linear", "a.safetensors", "bad.safetensors"],
            &parts,
        );
        world.refuses(
            &["-M", "linear", "bad.safetensors", "a.safetensors"],
            &parts,
        );
    };
    let header = |json: &str| with_length(json.len() as u64, json.as_bytes());
    bad(b"", &[]);
    bad(b"1234567", &[]);
    bad(&with_length(u64::MAX, b"{}"), &["limit"]);
    bad(&header("<html>"), &["must begin with `{`"]);
    bad(&header("{\"w\":{}}"), &["`w`", "lacks the field"]);
    let tensor = r#"{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
    bad(&header(tensor), &["`w`", "truncated"]);
    bad(&header(&tensor.replace("F32", "F33")), &["`w`", "`F33`"]);
    bad(&header(&tensor.replace("[2]", "[3]")), &["`w`", "8 bytes"]);
}

fn with_length(length: u64, rest: &[u8]) -> Vec<u8> {
    [&length.to_le_bytes(), rest].concat()
}

#[test]
fn an_input_is_known_by_any_name() {
    let world = World::new();
    let ties = ["-M", "ties", "-b", "base.safetensors"];
    let ties = with(&ties, &["a.safetensors", "b.safetensors", "--force", "-o"]);
    let before = std::fs::read(world.path("base.safetensors")).expect("the base");
    let whole = world.path("base.safetensors");
    let whole = whole.to_str().expect("a path of text");
    std::fs::create_dir(world.path("sub")).expect("a folder");
    let mut names = vec![whole, "./base.safetensors", "sub/../base.safetensors"];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(world.folder(), world.path("here")).expect("a link");
        names.push("here/base.safetensors");
    }
    for name in names {
        world.refuses(&with(&ties, &[name]), &[name, "never written"]);
    }
    let after = std::fs::read(world.path("base.safetensors")).expect("the base");
    assert!(before == after);
}

#[test]
fn the_budget_that_is_asked_for_is_enough() {
    let world = World::new();
    let arguments = with(&AB, &["--memory", "4096"]);
    world.refuses(
        &arguments,
        &["memory budget of 4 KiB", "headers and the plan of 2 models"],
    );
    let mut all = vec!["merge", "--device", "cpu", "-o", "out.safetensors"];
    all.extend(arguments);
    let message = said(&world.run(&all));
    let (_, needed) = message
        .split_once("raise --memory to ")
        .expect("what to do");
    let needed = needed.lines().next().expect("an amount").trim();
    let number = needed.strip_suffix("MiB").expect("a unit of --memory");
    let number: f64 = number.parse().expect("a number");
    // It is rounded up to a tenth.
    let less = format!("{:.1}MiB", number - 0.1);
    world.refuses(&with(&AB, &["--memory", &less]), &["raise --memory"]);
    world.merges(&with(&AB, &["--memory", needed]));
}

#[test]
fn infinities_are_found_where_they_are_and_policies_replace_them() {
    let world = World::new();
    let mut x = values(30, 2, 1);
    (x[3], x[29]) = (f32::INFINITY, f32::NEG_INFINITY);
    let one = floats("one.weight", Float::F32, &[40, 30], &values(1200, 1, 1));
    let two = floats("two.bias", Float::F32, &[30], &x);
    write(&world.path("sick.safetensors"), &[one, two]);
    let sick = ["-M", "linear", "a.safetensors", "sick.safetensors"];
    let parts = ["sick.safetensors", "`two.bias`", "element 3;", "--on-nan"];
    world.refuses(&sick, &parts);
    world.merges(&with(&sick, &["--on-nan", "zero"]));
    let output = Checkpoint::open(&world.path("out.safetensors")).expect("the output");
    assert!(tensor(&output, "two.bias").iter().all(|x| x.is_finite()));
}

/// A plan needs no room, but says that the merge does.
#[test]
fn a_plan_says_that_the_disk_is_too_small() {
    let world = World::new();
    for name in ["huge", "large"] {
        let bytes = 8_u64 << 40;
        let shape = [bytes / 4];
        let header = serde_json::json!({
            "w": { "dtype": "F32", "shape": shape, "data_offsets": [0, bytes] },
        });
        let mut header = header.to_string();
        header.push_str(&" ".repeat(8 - header.len() % 8));
        let path = world.path(&format!("{name}.safetensors"));
        let head = [&(header.len() as u64).to_le_bytes(), header.as_bytes()].concat();
        std::fs::write(&path, &head).expect("a file");
        let file = std::fs::OpenOptions::new().write(true).open(&path);
        let whole = head.len() as u64 + bytes;
        file.and_then(|file| file.set_len(whole))
            .expect("a file with a hole");
    }
    let models = ["-M", "linear", "huge.safetensors", "large.safetensors"];
    let parts = [
        "o.safetensors",
        "needs 8796093",
        " TiB) but",
        "free some space",
    ];
    let output = world.run(&with(
        &["plan", "--device", "cpu", "-o", "o.safetensors"],
        &models,
    ));
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for part in ["would be refused"].iter().chain(&parts) {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
    world.ends(1, &models, &parts[1..]);
    let output = world.run(&with(&["plan", "--device", "cpu"], &AB));
    assert_eq!(said(&output), "");
}

#[test]
fn a_plan_refuses_what_a_merge_refuses() {
    let world = World::new();
    let plan = |rest: &[&str], parts: &[&str]| {
        let output = world.run(&with(&["plan", "--device", "cpu", "--json"], rest));
        let message = said(&output);
        assert_eq!(output.status.code(), Some(2), "{rest:?}: {message}");
        let told: Result<Value, _> = serde_json::from_slice(&output.stdout);
        let told = told.expect("nothing but JSON");
        assert_eq!(
            (told["error"]["code"].as_u64(), told.get("tensors")),
            (Some(2), None)
        );
        for part in parts {
            assert!(message.contains(part), "{rest:?}: no {part:?} in {message}");
        }
    };
    plan(&with(&AB, &["-p", "wieght=1"]), &["`wieght`", "weight"]);
    plan(&["-M", "ties", "a.safetensors"], &["--base"]);
    plan(&["-M", "linear", "a.safetensors", "absent"], &["absent"]);
    plan(&["-M", "linear"], &["MODEL"]);
    plan(&with(&AB, &["--include", "^x"]), &["`^x` matches no name"]);
}

#[test]
fn without_an_output_nothing_is_done() {
    let world = World::new();
    let output = world.run(&with(&["merge"], &AB));
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output).contains("--output"));
    assert_eq!(world.names().len(), 3);
}

/// A limit on the size of files stands for a system that fails: the arguments are right, so it is
/// exit code 1.
#[test]
#[cfg(unix)]
fn a_failure_of_the_system_is_exit_code_1() {
    let world = World::new();
    let binary = env!("CARGO_BIN_EXE_wgmerge");
    let script = "trap '' XFSZ; ulimit -f 1; exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.current_dir(world.folder()).args(["-c", script]);
    command.args([binary, "merge", "--device", "cpu", "-o", "out.safetensors"]);
    let output = command.args(AB).output().expect("a shell");
    let message = said(&output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("out.safetensors"), "{message}");
    assert_eq!(world.names().len(), 3, "something is left");
}

#[test]
fn json_of_a_merge_into_shards_names_every_file() {
    let world = World::new();
    let start = ["merge", "--device", "cpu", "--json", "--hash", "-o", "out"];
    let output = world.run(&[&start[..], &AB, &["--max-shard-size", "4kB"]].concat());
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let hashes = report["sha256"].as_array().expect("a hash per file");
    assert_eq!(hashes.len(), 2);
    for entry in hashes {
        let path = world.path(entry["file"].as_str().expect("a path"));
        assert_eq!(
            entry["sha256"],
            wgmerge::sink::digest(&path).expect("a shard")
        );
    }
}
