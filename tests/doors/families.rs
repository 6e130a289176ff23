//! Models that have nothing to do with each other, and arguments that mean something else.

use super::{mandatory, refused, stand_in, succeeds, tensor};
use crate::cli::World;
use crate::support::models::write;

const MERGE: [&str; 3] = ["merge", "-M", "weighted_sum"];

fn merge<'a>(rest: &[&'a str]) -> Vec<&'a str> {
    [&MERGE[..], rest, &["-o", "out.safetensors"]].concat()
}

#[test]
fn two_families_are_named() {
    let world = World::new();
    stand_in(&world, "one.safetensors", "sd1-ldm", 1, mandatory);
    stand_in(&world, "xl.safetensors", "sdxl-sgm", 1, mandatory);
    let text = refused(&world, &merge(&["xl.safetensors", "one.safetensors"]));
    for part in [
        "xl.safetensors (sdxl-sgm)",
        "one.safetensors (sd1-ldm)",
        "different families",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("--shape"), "{text}");
    // What is known of one of two models is said, too.
    write(&world.path("x.safetensors"), &[tensor("x", &[6, 4], 1)]);
    let text = refused(&world, &merge(&["one.safetensors", "x.safetensors"]));
    assert!(text.contains("one.safetensors (sd1-ldm)"), "{text}");
}

#[test]
fn an_adapter_is_no_model() {
    let world = World::new();
    write(&world.path("x.safetensors"), &[tensor("x", &[6, 4], 1)]);
    let stem = "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn1_to_q";
    let factors = [
        tensor(&format!("{stem}.lora_up.weight"), &[4, 2], 1),
        tensor(&format!("{stem}.lora_down.weight"), &[2, 4], 2),
    ];
    write(&world.path("lora.safetensors"), &factors);
    let text = refused(&world, &merge(&["x.safetensors", "lora.safetensors"]));
    assert!(text.contains("adapter"), "{text}");
}

#[test]
fn a_fallback_whose_sides_share_nothing_is_refused() {
    let world = World::new();
    write(&world.path("x.safetensors"), &[tensor("x.weight", &[4], 1)]);
    write(&world.path("y.safetensors"), &[tensor("y.weight", &[4], 1)]);
    let text = "version 0.1.0\nmodel \"x.safetensors\"\nmodel \"y.safetensors\"\n\
         merge \"fallback\" &1 &0\n";
    std::fs::write(world.path("r.mecha"), text).expect("a recipe");
    let text = refused(&world, &["run", "r.mecha", "-o", "out.safetensors"]);
    for part in [
        "no tensor in common",
        "`x.weight`",
        "`y.weight`",
        "r.mecha:4",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn arguments_that_mean_something_else_are_explained() {
    let world = World::new();
    let text = refused(&world, &merge(&["a", "b", "--alpha", "0.3"]));
    assert!(text.contains("-p alpha=VALUE"), "{text}");
    let text = refused(&world, &merge(&["a", "b", "--density", "0.3"]));
    assert!(text.contains("-p density=VALUE"), "{text}");
    let convert = ["convert", "a", "-o", "c.safetensors", "--exclude", "x"];
    let text = refused(&world, &convert);
    assert!(text.contains("--drop"), "{text}");
    let method = |name: &str| {
        refused(
            &world,
            &["merge", "-M", name, "a", "b", "-o", "o.safetensors"],
        )
    };
    assert!(method("dare_tie").contains("`dare_ties`"));
    assert!(method("passthrough").contains("the nearest are"));
    let text = method("fallback");
    assert!(
        text.contains("a route of recipes") && text.contains("--vae"),
        "{text}"
    );
    for (name, why) in [
        ("ties_sum", "its inputs are not whole models"),
        (
            "subtract",
            "its result is a difference of models, not a model",
        ),
    ] {
        let text = method(name);
        assert!(
            text.contains("a method of recipes") && text.contains(why),
            "{text}"
        );
    }
}

#[test]
fn routes_are_listed_and_explained() {
    let world = World::new();
    let output = world.run(&["methods"]);
    let list = String::from_utf8_lossy(&output.stdout).into_owned();
    for route in &wgmerge::recipe::ROUTES {
        assert!(list.contains(&format!("\n{} ", route.id)), "{list}");
        let output = world.run(&["methods", route.id]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            text.contains(route.summary) && text.contains(route.example),
            "{text}"
        );
        // The example is a line of a recipe.
        let lines = format!(
            "version 0.1.0\nmodel \"a.safetensors\" model_config=\"sd1-ldm\"\n\
             model \"b.safetensors\"\nmodel \"c.safetensors\"\nmodel \"d.safetensors\"\n{}\n",
            route.example
        );
        let recipe = wgmerge::recipe::mecha::parse(&lines).expect(route.id);
        let read = wgmerge::recipe::mecha::read(&recipe, Default::default(), Default::default());
        assert!(read.is_ok(), "{}: {read:?}", route.id);
    }
    succeeds(&world, &["methods", "convert_'sd1-kohya'_to_'sd1-ldm'"]);
    let output = world.run(&["methods", "subtract"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(text.contains("not offered by `merge`"), "{text}");
}
