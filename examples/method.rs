//! A method of another crate: the mean of two models, rescaled to the mean of their norms.
//!
//! ```sh
//! cargo run --release --example method -- a.safetensors b.safetensors
//! ```

use wgmerge::kernel::{Derive, Formula, Node};
use wgmerge::method::{Base, Domain, Group, Input, Lowering, Method, Space, register};
use wgmerge::{Cancel, Merge, Options, Settings, Silent, merge_of};

static LEVEL_MEAN: Method = Method {
    id: "level_mean",
    summary: "the mean of two models, as long as they are in the mean",
    formula: "m (|a| + |b|) / (2 |m|), m = (a + b) / 2",
    source: "examples/method.rs",
    group: Group::Own,
    peers: &[],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[
        Input {
            name: "a",
            domain: Domain::Only(Space::Weight),
        },
        Input {
            name: "b",
            domain: Domain::Only(Space::Weight),
        },
    ],
    result: Domain::Only(Space::Weight),
    parameters: &[],
    ratio: None,
    lower: &level_mean,
};

fn level_mean(l: &mut Lowering<'_>) -> Node {
    let (a, b) = (l.input("a"), l.input("b"));
    let mean = l.mean(&[(a, 0.5), (b, 0.5)]);
    let squares = [a, b, mean].map(|x| l.call(Formula::Mul, &[x, x]));
    let derive = Derive {
        function: level,
        parameters: Vec::new(),
    };
    let factor = l.expression.sums(&squares, derive, 1)[0];
    l.expression.call(Formula::Scale, &[mean.into(), factor])
}

/// The factor, of the sums of squares of a, b and their mean.
fn level(sums: &[f64], _: &[f64]) -> Vec<f64> {
    let length = sums[2].sqrt();
    vec![match length == 0.0 {
        true => 1.0,
        false => (sums[0].sqrt() + sums[1].sqrt()) / (2.0 * length),
    }]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let paths: Vec<_> = std::env::args_os().skip(1).map(Into::into).collect();
    register(&LEVEL_MEAN)?;
    let recipe = merge_of("level_mean", None, paths, &[], Options::default())?;
    let settings = Settings {
        overwrite: true,
        ..Settings::new("level_mean.safetensors")
    };
    let report = Merge::prepare(recipe, settings)?.run(&Silent, &Cancel::new(false))?;
    println!("{} tensors computed", report.computed);
    Ok(())
}
