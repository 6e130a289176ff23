//! What a user can get wrong: exit code 2, a message that helps, nothing written.

use wgmerge::dtype::Float;

use super::World;
use crate::support::models::{floats, values, write};

const AB: [&str; 2] = ["a.safetensors", "b.safetensors"];
const BASE: [&str; 2] = ["--base", "base.safetensors"];

fn refuses(world: &World, method: &str, base: bool, rest: &[&str], parts: &[&str]) {
    let mut arguments = vec!["-M", method];
    if base {
        arguments.extend(BASE);
    }
    arguments.extend(AB);
    arguments.extend(rest);
    world.refuses(&arguments, parts);
}

#[test]
fn methods_and_models() {
    let world = World::new();
    refuses(&world, "tise", false, &[], &["tise", "ties"]);
    refuses(
        &world,
        "ties",
        false,
        &[],
        &["`ties` needs a base model", "--base"],
    );
    refuses(
        &world,
        "linear",
        true,
        &[],
        &["`linear` takes no base model"],
    );
    refuses(
        &world,
        "add_difference",
        false,
        &[],
        &["takes 3 models", "2 given"],
    );
    refuses(&world, "slerp", true, &[], &["takes 2 models", "3 given"]);
    world.refuses(
        &["-M", "linear", "a.safetensors", "none.safetensors"],
        &["none.safetensors"],
    );
}

#[test]
fn parameters() {
    let world = World::new();
    let ties = |rest: &[&str], parts: &[&str]| refuses(&world, "ties", true, rest, parts);
    ties(
        &["-p", "density=0"],
        &["`density` of `ties` is 0", "(0, 1]"],
    );
    ties(&["-p", "density=1.5"], &["is 1.5", "(0, 1]"]);
    ties(&["-p", "density=-1"], &["is -1", "(0, 1]"]);
    ties(&["-p", "density=nan"], &["NaN", "(0, 1]"]);
    ties(&["-p", "density=half"], &["`half`", "(0, 1]"]);
    ties(&["-p", "weight=1,2,3"], &["3 values for 2 models"]);
    ties(&["-p", "weight=inf"], &["a finite number"]);
    ties(&["-p", "lambda=1,2"], &["takes one value, 2 are given"]);
    ties(
        &["-p", "densty=0.5"],
        &["has no parameter `densty`", "density"],
    );
    ties(&["-p", "density"], &["NAME=VALUE"]);
    ties(&["-p", "scope=all"], &["`all`", "tensor, model"]);
    ties(
        &["-p", "lambda=1", "-p", "lambda=2"],
        &["`lambda`", "twice"],
    );
    let dare = |rest: &[&str], parts: &[&str]| refuses(&world, "dare_linear", true, rest, parts);
    dare(
        &["-p", "density=0.5", "-p", "drop=0.5"],
        &["`density` and `drop`", "give one"],
    );
    dare(&["-p", "drop=1"], &["`drop`", "is 1"]);
    refuses(
        &world,
        "linear",
        false,
        &["-p", "weight=1,-1"],
        &["add up to 0", "normalize=false"],
    );
    refuses(
        &world,
        "linear",
        false,
        &["-p", "normalize=maybe"],
        &["`maybe`", "true or false"],
    );
}

#[test]
fn options() {
    let world = World::new();
    let linear = |rest: &[&str], parts: &[&str]| refuses(&world, "linear", false, rest, parts);
    linear(&["--memory", "1MiB"], &["memory budget", "raise --memory"]);
    linear(&["--memory", "lots"], &["512MiB"]);
    linear(
        &["--include", "three"],
        &["--include `three` matches no name among 2 tensors"],
    );
    linear(&["--exclude", "("], &["--exclude", "regular expression"]);
    linear(&["--max-shard-size", "1kB"], &["folder"]);
    linear(&["--dtype", "f12"], &["f12", "bf16"]);
    linear(&["--threads", "0"], &["0"]);
    linear(&["--device", "tpu"], &["cannot be used multiple times"]);
}

#[test]
fn a_gpu_that_is_not_there() {
    let world = World::new();
    let mut arguments = vec!["merge", "-M", "linear", "-o", "out.safetensors", "--device"];
    arguments.extend(["gpu:no such adapter", AB[0], AB[1]]);
    let output = world.run(&arguments);
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("no such adapter") && text.contains("--device cpu"),
        "{text}"
    );
    assert_eq!(world.names().len(), 3);
}

#[test]
fn tensors_that_do_not_match() {
    let world = World::new();
    let n = [1u64, 12, 1200];
    let one = |shape: &[u64]| floats("one.weight", Float::F32, shape, &values(1200, 1, 5));
    let two = || floats("two.bias", Float::F32, &[30], &values(30, 2, 5));
    let with = |name: &str| {
        ["-M", "n_average", "a.safetensors"]
            .map(str::to_owned)
            .into_iter()
            .chain([name.to_owned()])
            .collect::<Vec<String>>()
    };
    let check = |name: &str, parts: &[&str]| {
        let arguments = with(name);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        world.refuses(&arguments, parts);
    };
    write(
        &world.path("shape.safetensors"),
        &[one(&[n[1], 100]), two()],
    );
    check(
        "shape.safetensors",
        &[
            "`one.weight`",
            "F32 [12, 100] in shape.safetensors",
            "F32 [40, 30] in a.safetensors",
        ],
    );
    write(&world.path("short.safetensors"), &[one(&[40, 30])]);
    check(
        "short.safetensors",
        &["lacks 1 of the 2 tensors", "`two.bias`", "--missing"],
    );
    let extra = floats("three", Float::F32, &[1], &[1.0]);
    write(
        &world.path("more.safetensors"),
        &[one(&[40, 30]), two(), extra],
    );
    check(
        "more.safetensors",
        &["has 1 tensor that a.safetensors lacks", "`three`"],
    );
    let other = |i: u64| floats(&format!("other.{i}"), Float::F32, &[1], &[1.0]);
    write(
        &world.path("other.safetensors"),
        &[other(0), other(1), other(2)],
    );
    check(
        "other.safetensors",
        &["different architectures", "share 0 of 2", "`one.weight`"],
    );
    write(&world.path("empty.safetensors"), &[]);
    check("empty.safetensors", &["empty.safetensors has no tensors"]);
    let mut x = values(1200, 1, 5);
    x[n[2] as usize - 7] = f32::NAN;
    let sick = floats("one.weight", Float::F32, &[40, 30], &x);
    write(&world.path("sick.safetensors"), &[sick, two()]);
    check(
        "sick.safetensors",
        &[
            "sick.safetensors",
            "`one.weight`",
            "element 1193",
            "--on-nan",
        ],
    );
}

#[test]
fn files_that_are_no_checkpoints() {
    let world = World::new();
    let a = std::fs::read(world.path("a.safetensors")).expect("a model");
    let put = |name: &str, bytes: &[u8]| {
        std::fs::write(world.path(name), bytes).expect("a writable folder");
    };
    put("cut.safetensors", &a[..a.len() - 10]);
    world.refuses(
        &["-M", "linear", "a.safetensors", "cut.safetensors"],
        &["cut.safetensors", "truncated"],
    );
    let mut broken = a.clone();
    broken[8] = b'x';
    put("broken.safetensors", &broken);
    world.refuses(
        &["-M", "linear", "a.safetensors", "broken.safetensors"],
        &["broken.safetensors"],
    );
    for name in ["model.ckpt", "pytorch_model.bin"] {
        put(name, b"PK\x03\x04\0\0\0\0");
        world.refuses(
            &["-M", "linear", "a.safetensors", name],
            &[name, "damaged or truncated"],
        );
    }
}

#[test]
fn outputs_that_cannot_be() {
    let world = World::new();
    let to =
        |output: &str, parts: &[&str]| refuses(&world, "linear", false, &["-o", output], parts);
    to(
        "a.safetensors",
        &["is a.safetensors, which this merge reads", "never written"],
    );
    to("./a.safetensors", &["is a.safetensors, which"]);
    to("none/out.safetensors", &["none", "create"]);
    refuses(
        &world,
        "linear",
        false,
        &["-o", "a.safetensors", "--force"],
        &["never written"],
    );
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("a.safetensors", world.path("link.safetensors"))
            .expect("a link");
        std::fs::hard_link(world.path("b.safetensors"), world.path("hard.safetensors"))
            .expect("a link");
        refuses(
            &world,
            "linear",
            false,
            &["-o", "link.safetensors", "--force"],
            &["never written"],
        );
        refuses(
            &world,
            "linear",
            false,
            &["-o", "hard.safetensors", "--force"],
            &["never written"],
        );
    }
    std::fs::write(world.path("there.safetensors"), "precious").expect("a file");
    to("there.safetensors", &["there.safetensors", "--force"]);
    assert_eq!(
        std::fs::read(world.path("there.safetensors")).expect("a file"),
        b"precious"
    );
    std::fs::create_dir(world.path("folder.safetensors")).expect("a folder");
    to("folder.safetensors", &["folder.safetensors"]);
}
