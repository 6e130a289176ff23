//! That no output touches what is read.

use wgmerge::dtype::Float;

use super::World;
use crate::support::command::said;
use crate::support::models::{floats, values, write};

/// A model of one tensor, in folders that are made.
fn model(world: &World, name: &str, tensor: &str) {
    let path = world.path(name);
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    write(&path, &[floats(tensor, Float::F32, &[4], &values(4, 1, 1))]);
}

#[test]
fn side_files_are_compared_too() {
    let world = World::new();
    model(&world, "diff/unet/m.safetensors", "w");
    model(&world, "diff/vae/m.safetensors", "v");
    model(&world, "flat/model.safetensors", "unet/w");
    for (name, text) in [
        ("diff/model_index.json", "{}"),
        ("diff/unet/config.json", "UNET"),
        ("flat/config.json", "FLAT"),
    ] {
        std::fs::write(world.path(name), text).expect("a file");
    }
    // The folder of a component of an input, and a model that is called like a side file.
    world.refuses(
        &[
            "-M",
            "n_average",
            "flat",
            "diff",
            "--missing",
            "skip",
            "-o",
            "diff/unet",
            "--force",
        ],
        &["diff/unet", "holds the input"],
    );
    model(&world, "of/config.json", "unet/w");
    world.refuses(
        &[
            "-M",
            "linear",
            "flat",
            "of/config.json",
            "-o",
            "of",
            "--force",
        ],
        &["of/config.json", "never written"],
    );
}

#[test]
fn folders_around_inputs_are_no_outputs() {
    let world = World::new();
    model(&world, "in/a.safetensors", "w");
    model(&world, "in/b.safetensors", "w");
    let merge = ["-M", "linear", "in/a.safetensors", "in/b.safetensors"];
    let to = |output: &str, parts: &[&str]| {
        world.refuses(&[&merge[..], &["-o", output, "--force"]].concat(), parts);
    };
    to(
        "in",
        &["in is a folder that holds the input in/a.safetensors"],
    );
    to("in/", &["holds the input"]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("in", world.path("link")).expect("a link");
        to("link", &["holds the input"]);
    }
    // Beside files is no harm; in a folder that is a model it is.
    world.merges(&[&merge[..], &["-o", "in/c.safetensors"]].concat());
    model(&world, "sh/model-00001-of-00002.safetensors", "a");
    model(&world, "sh/model-00002-of-00002.safetensors", "b");
    for output in ["sh/merged.safetensors", "sh/merged"] {
        let parts = ["lies in the folder of the input sh", "outside of it"];
        world.refuses(&["-M", "n_average", "sh", "-o", output], &parts);
    }
}

#[test]
fn recipes_and_what_they_name_are_inputs() {
    let world = World::new();
    let text = "version 0.1.0\nmodel \"a.safetensors\"\nmodel \"b.safetensors\"\n\
                merge \"weighted_sum\" &0 &0 alpha=0.5";
    for name in ["r.safetensors", "r.mecha"] {
        std::fs::write(world.path(name), text).expect("a file");
    }
    std::fs::write(world.path("w.safetensors"), "one: 0.2; *: 0.5").expect("a file");
    let run = |recipe: &str, output: &str, more: &[&str]| {
        let arguments = ["run", "--device", "cpu", recipe, "-o", output, "--force"];
        let output = world.run(&[&arguments[..], more].concat());
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("never written"), "{text}");
    };
    let weights = ["--block-weights", "@w.safetensors"];
    run("r.safetensors", "r.safetensors", &[]);
    run("r.mecha", "b.safetensors", &[]);
    run("r.mecha", "w.safetensors", &weights);
    assert_eq!(
        std::fs::read_to_string(world.path("r.safetensors")).expect("a file"),
        text
    );
}
