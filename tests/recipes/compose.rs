//! Recipes composed in Rust.

use std::sync::Arc;

use wgmerge::recipe::compose::{blocks, delta, merge, model, number};
use wgmerge::recipe::mecha::{parse, read, write};
use wgmerge::recipe::{Options, Recipe};

fn text(recipe: &Recipe) -> String {
    write(recipe).expect("in sd-mecha's words").to_string()
}

#[test]
fn operators_are_methods() {
    let (base, a, b) = (model("base"), model("a"), model("b"));
    let recipe = (&a + (&b - &base) * 0.5).into_recipe(Options::default());
    let recipe = recipe.expect("a recipe");
    let script = "version 0.1.0\nmodel \"a\"\nmodel \"b\"\nmodel \"base\"\n\
        merge \"subtract\" &1 &2\nmerge \"scale\" &3 0.5\nmerge \"add_difference\" &0 &4\n";
    let read = read(
        &parse(script).expect("sound"),
        Options::default(),
        Arc::default(),
    );
    assert_eq!(text(&recipe), text(&read.expect("a recipe")));
}

#[test]
fn a_value_used_twice_is_one_node() {
    let (a, b) = (model("a"), model("b"));
    let mean = merge("weighted_sum").input(&a).input(&b).value();
    let recipe = merge("weighted_sum")
        .input(&mean)
        .input(&mean)
        .set("alpha", 0.1)
        .value();
    let recipe = recipe.into_recipe(Options::default()).expect("a recipe");
    assert_eq!(recipe.nodes.len(), 4);
}

#[test]
fn what_is_composed_wrongly_is_refused() {
    let refused = |value: wgmerge::recipe::compose::Value| {
        let fault = value.into_recipe(Options::default()).expect_err("a fault");
        fault.to_string()
    };
    let (a, b) = (model("a"), model("b"));
    let fault = refused(merge("weighted_sun").input(&a).input(&b).value());
    assert!(fault.contains("no method `weighted_sun`"), "{fault}");
    let fault = refused(merge("weighted_sum").input(&a).value());
    assert!(
        fault.contains("takes") && fault.contains("1 given"),
        "{fault}"
    );
    let fault = refused(
        merge("weighted_sum")
            .input(&a)
            .input(&b)
            .set("beta", 1.0)
            .value(),
    );
    assert!(fault.contains("beta"), "{fault}");
    let fault = refused(&a + &b);
    assert!(fault.contains("must be a task vector (delta)"), "{fault}");
    assert!((&a + &delta("d")).into_recipe(Options::default()).is_ok());
}

#[test]
fn block_weights_are_parameters() {
    let given = [("BASE", 0.0), ("IN04", 0.5)];
    let weights = blocks("sd1-supermerger_blocks", "sd1-ldm", given);
    let value = merge("weighted_sum")
        .input(model("a"))
        .input(model("b"))
        .set("alpha", weights | number(0.25))
        .value();
    let recipe = value.into_recipe(Options::default()).expect("a recipe");
    let text = text(&recipe);
    assert!(text.contains("dict BASE=0.0 IN04=0.5"), "{text}");
    assert!(text.contains("merge \"fallback\""), "{text}");
}
