//! Prefixes that only some models carry.

use super::{both, close, mandatory, mix, read, recipe, refused, stand_in, succeeds, tensor};
use crate::cli::World;
use crate::support::models::write;

/// Two models of an unknown family; the names of the second are `prefix` and those of the first.
fn strangers(world: &World, prefix: &str) {
    for (model, (file, prefix)) in (1..).zip([("x.safetensors", ""), ("y.safetensors", prefix)]) {
        let tensors: Vec<_> = (0..4)
            .map(|layer| {
                let name = format!("blocks.{layer}.q.weight");
                let mut tensor = tensor(&name, &[4, 4], model);
                tensor.name = format!("{prefix}{name}");
                tensor
            })
            .collect();
        write(&world.path(file), &tensors);
    }
}

#[test]
fn a_prefix_is_found_and_said_for_any_family() {
    for prefix in [
        "model.",
        "module.",
        "model.diffusion_model.",
        "base_model.model.",
    ] {
        let world = World::new();
        strangers(&world, prefix);
        let [x, y] = ["x", "y"].map(|name| read(&world.path(&format!("{name}.safetensors"))));
        let names = |order: [&str; 2]| order.map(|name| format!("{name}.safetensors"));
        let [first, second] = names(["x", "y"]);
        let said = both(&world, [&first, &second], "xy.safetensors");
        assert!(
            said.contains(&format!("y.safetensors: `{prefix}` is left out")),
            "{said}"
        );
        let said = both(&world, [&second, &first], "yx.safetensors");
        assert!(
            said.contains(&format!("x.safetensors: `{prefix}` is put before")),
            "{said}"
        );
        let (xy, yx) = (
            read(&world.path("xy.safetensors")),
            read(&world.path("yx.safetensors")),
        );
        for (name, own) in &x {
            let other = &y[&format!("{prefix}{name}")];
            close(&xy[name], &mix(own, other), name);
            close(&yx[&format!("{prefix}{name}")], &mix(other, own), name);
        }
        assert_eq!((xy.len(), yx.len()), (x.len(), y.len()));
    }
}

#[test]
fn a_prefix_that_is_told_is_left_out_at_every_door() {
    let world = World::new();
    // Half of the names meet, so that nothing is looked for.
    let ones = ["a.weight", "b.weight", "c.weight"].map(|name| tensor(name, &[4], 1));
    write(&world.path("x.safetensors"), &ones);
    let twos = ["a.weight", "b.weight", "net.c.weight"].map(|name| tensor(name, &[4], 2));
    write(&world.path("y.safetensors"), &twos);
    let models = ["x.safetensors", "y.safetensors"];
    let told = ["--strip-prefix", "net."];
    let by_flags = [
        "-M",
        "weighted_sum",
        "-p",
        "alpha=0.25",
        models[0],
        models[1],
    ];
    world.refuses(&by_flags, &["net.c.weight"]);
    world.merges(&[&by_flags[..], &told].concat());
    let [x, y, out] = [models[0], models[1], "out.safetensors"].map(|name| read(&world.path(name)));
    close(
        &out["c.weight"],
        &mix(&x["c.weight"], &y["net.c.weight"]),
        "c",
    );
    recipe(&world, models);
    let run = ["run", "r.mecha", "-o", "run.safetensors"];
    refused(&world, &run);
    succeeds(&world, &[&run[..], &told].concat());
    assert!(read(&world.path("run.safetensors")) == out);
    succeeds(&world, &[&["plan", "r.mecha"][..], &told].concat());
    let convert = ["convert", "y.safetensors", "-o", "z.safetensors"];
    succeeds(&world, &[&convert[..], &told].concat());
    let z = read(&world.path("z.safetensors"));
    assert_eq!(z["c.weight"], y["net.c.weight"]);
    let back = [
        "convert",
        "z.safetensors",
        "-o",
        "n.safetensors",
        "--add-prefix",
        "net.",
    ];
    succeeds(&world, &back);
    let n = read(&world.path("n.safetensors"));
    assert!(
        n.keys()
            .eq(["net.a.weight", "net.b.weight", "net.c.weight"].iter())
    );
}

#[test]
fn a_known_family_is_known_behind_a_prefix() {
    let world = World::new();
    let diffuser = |prefix: &'static str| {
        move |key: &super::Key| {
            let name = mandatory(key).filter(|_| key.component == "diffuser")?;
            let bare = name.strip_prefix("model.diffusion_model.")?;
            Some(format!("{prefix}{bare}"))
        }
    };
    stand_in(
        &world,
        "full.safetensors",
        "flux-flux",
        1,
        diffuser("model.diffusion_model."),
    );
    stand_in(&world, "bare.safetensors", "flux-flux", 2, diffuser(""));
    stand_in(
        &world,
        "odd.safetensors",
        "flux-flux",
        2,
        diffuser("module."),
    );
    both(
        &world,
        ["full.safetensors", "bare.safetensors"],
        "one.safetensors",
    );
    let said = both(
        &world,
        ["full.safetensors", "odd.safetensors"],
        "two.safetensors",
    );
    assert!(said.contains("`module.` is left out"), "{said}");
    assert!(read(&world.path("one.safetensors")) == read(&world.path("two.safetensors")));
    succeeds(
        &world,
        &[
            "convert",
            "odd.safetensors",
            "--to",
            "flux-flux",
            "-o",
            "c.safetensors",
        ],
    );
    let names = read(&world.path("full.safetensors"));
    assert!(read(&world.path("c.safetensors")).keys().eq(names.keys()));
}
