//! Weights and ratios that cannot mean what they say.

use wgmerge::dtype::Float;

use super::World;
use crate::support::models::{floats, values, write};

/// A world whose model `short` lacks `two.bias`.
fn world() -> World {
    let world = World::new();
    let one = floats("one.weight", Float::F32, &[40, 30], &values(1200, 1, 5));
    write(&world.path("short.safetensors"), &[one]);
    world
}

const PAIR: &[&str] = &["a.safetensors", "b.safetensors"];

fn refused(world: &World, flags: &[&str], models: &[&str], parts: &[&str]) {
    world.refuses(&[flags, models].concat(), parts);
}

#[test]
fn weights_are_checked_for_the_models_that_have_a_tensor() {
    let world = world();
    let four = [
        "a.safetensors",
        "b.safetensors",
        "base.safetensors",
        "short.safetensors",
    ];
    let three = ["a.safetensors", "b.safetensors", "short.safetensors"];
    let skip = ["--missing", "skip"];
    let linear = |weights: &'static str| [&["-M", "linear", "-p", weights][..], &skip].concat();
    let parts = ["`two.bias`", "1, -1", "add up to 0", "normalize=false"];
    refused(&world, &linear("weight=1,-1,2"), &three, &parts);
    let parts = ["`two.bias`", "0.1, 0.2, -0.3"];
    refused(&world, &linear("weight=0.1,0.2,-0.3,1"), &four, &parts);
    world.merges(&[&linear("weight=1,1,2")[..], &three].concat());
    for method in ["task_arithmetic", "dare_linear"] {
        let flags = [
            "-M",
            method,
            "--base",
            "base.safetensors",
            "-p",
            "normalize=true",
        ];
        let flags = [&flags[..], &["-p", "weight=0.5,-0.5"]].concat();
        refused(
            &world,
            &flags,
            PAIR,
            &["`one.weight`", "0.5, -0.5", "add up to 0"],
        );
    }
}

#[test]
fn one_weight_that_is_divided_out_is_refused() {
    let world = world();
    let linear = ["-M", "linear"];
    let of = |more: &[&'static str]| [&linear[..], more].concat();
    let parts = ["`weight` of `linear` is 0.3", "2 models", "normalize=false"];
    refused(&world, &of(&["-p", "weight=0.3"]), PAIR, &parts);
    refused(&world, &of(&["--sweep", "weight=0.3,0.7"]), PAIR, &parts);
    refused(
        &world,
        &of(&["--sweep", "weight=0,1"]),
        PAIR,
        &["`weight` of `linear` is 1"],
    );
    let ties = [
        "-M",
        "ties",
        "--base",
        "base.safetensors",
        "-p",
        "weight=0.5",
    ];
    refused(
        &world,
        &ties,
        PAIR,
        &["`weight` of `ties` is 0.5", "divisor=count"],
    );
    world.merges(&[&of(&["-p", "weight=0.5"])[..], PAIR].concat());
    let raw = of(&["--force", "-p", "weight=0.3", "-p", "normalize=false"]);
    world.merges(&[&raw[..], PAIR].concat());
    world.merges(&[&ties[..], &["--force", "-p", "divisor=count"], PAIR].concat());
}

#[test]
fn one_parameter_is_set_in_one_place() {
    let world = world();
    let alpha = ["-M", "weighted_sum", "-p", "alpha=0.3"];
    let sweep = ["--sweep", "alpha=0.1,0.2"];
    let parts = ["`alpha`", "-p", "--sweep"];
    refused(&world, &[&alpha[..], &sweep].concat(), PAIR, &parts);
    let blocks = ["--block-weights", "one\\.weight: 0.1\ntwo\\.bias: 0.9"];
    let parts = ["`alpha`", "--block-weights", "-p or --sweep"];
    refused(&world, &[&alpha[..], &blocks].concat(), PAIR, &parts);
    let sweep = [&alpha[..2], &sweep, &blocks].concat();
    refused(&world, &sweep, PAIR, &parts);
    // What the rules leave to the merge's own ratio is not said twice.
    let some = ["--block-weights", "one\\.weight: 0.1"];
    world.merges(&[&alpha[..], &some, PAIR].concat());
}

#[test]
fn parameters_are_checked_as_they_are_computed_with() {
    let world = world();
    let task = ["-M", "task_arithmetic", "--base", "base.safetensors"];
    let dare = ["-M", "dare_linear", "--base", "base.safetensors"];
    let median = ["-M", "geometric_median"];
    for (flags, given, parts) in [
        (&task[..], "lambda=1e39", &["lambda", "3.4028235e38"][..]),
        (&task[..], "lambda=-1e300", &["lambda", "3.4028235e38"]),
        (&dare, "density=1e-40", &["density", "at least 1.17549"]),
        (&median, "eps=0", &["eps", "above 0"]),
        (
            &["-M", "weighted_sum"],
            "alpha=1e300",
            &["alpha", "3.4028235e38"],
        ),
    ] {
        refused(&world, &[flags, &["-p", given]].concat(), PAIR, parts);
    }
    let product = ["-p", "lambda=1e20", "-p", "weight=1e20,1"];
    let parts = ["`one.weight`", "1e40", "f32"];
    refused(&world, &[&task[..], &product].concat(), PAIR, &parts);
    let half = ["-p", "lambda=70000", "--compute", "f16"];
    refused(&world, &[&task[..], &half].concat(), PAIR, &["7e4", "f16"]);
}
