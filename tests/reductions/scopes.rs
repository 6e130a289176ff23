//! Statistics over a whole model.

use wgmerge::dtype::Float;
use wgmerge::kernel::reduce::Sums;
use wgmerge::kernel::{Derive, Formula, Node};
use wgmerge::method::{Base, Domain, Group, Input, Lowering, Method, Space, register};

use crate::golden::close;
use crate::laws::folder;
use crate::support::models::{Case, floats, values, write};
use crate::support::tensors::read;

const fn input(name: &'static str) -> Input {
    Input {
        name,
        domain: Domain::Only(Space::Weight),
    }
}

static TOTALS: Method = Method {
    id: "totals_of_models",
    summary: "two models times the sums of their elements",
    formula: "a Σ a + b Σ b, over all tensors",
    source: "this test",
    group: Group::Own,
    peers: &[],
    base: Base::None,
    models_min: 2,
    models_max: 2,
    inputs: &[input("a"), input("b")],
    result: Domain::Only(Space::Weight),
    parameters: &[],
    ratio: None,
    lower: &totals,
};

fn totals(l: &mut Lowering<'_>) -> Node {
    let scope = l.merge_scope();
    let parts = ["a", "b"].map(|name| {
        let own = l.input(name);
        let derive = Derive {
            function: |sums, _| sums.to_vec(),
            parameters: Vec::new(),
        };
        let sums = std::sync::Arc::new(Sums(derive));
        let total = l.expression.reduced_over(scope, &[own], sums, 1)[0];
        l.expression.call(Formula::Scale, &[own.into(), total])
    });
    l.call(Formula::Add, &parts)
}

/// One search finds both, and takes neither for the other.
#[test]
fn two_statistics_of_one_scope_are_two() {
    register(&TOTALS).expect("a new name");
    let folder = folder();
    let sizes = [3000, 5000];
    let own = |model: u64, tensor: usize| values(sizes[tensor], 10 * model + tensor as u64 + 1, 0);
    let models = [0, 1].map(|model| {
        let path = folder.path().join(format!("{model}.safetensors"));
        let tensors = [("x", 0), ("y", 1)].map(|(name, tensor)| {
            let shape = [sizes[tensor] as u64];
            floats(name, Float::F32, &shape, &own(model, tensor))
        });
        write(&path, &tensors);
        path
    });
    let case = Case::new("totals_of_models", None, &models);
    let merged = case.run(&folder.path().join("out.safetensors"), None);
    let (bytes, _) = merged.expect("a merge");
    let total = |model: u64| -> f64 {
        let all = [0, 1].map(|tensor| own(model, tensor));
        all.iter().flatten().map(|x| f64::from(*x)).sum()
    };
    let totals = [total(0), total(1)];
    assert!((totals[0] - totals[1]).abs() > 1.0, "{totals:?}");
    for (name, tensor) in [("x", 0), ("y", 1)] {
        let pairs = own(0, tensor).into_iter().zip(own(1, tensor));
        let expected = pairs.map(|(a, b)| {
            let sum = f64::from(a) * totals[0] + f64::from(b) * totals[1];
            sum as f32
        });
        let expected: Vec<f32> = expected.collect();
        close(name, &read(&bytes, name), &expected, 1e-5);
    }
}
