//! Random merges, each computed again from its record alone.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::{DType, Float};
use wgmerge::kernel::Compute;
use wgmerge::keys::{Filter, blocks};
use wgmerge::merge::{Difference, Merge};
use wgmerge::method::{Base, Method, Shape, named};
use wgmerge::recipe::{
    BlockOption, Missing, OnNan, OnOverflow, Options, OutputDType, Recipe, Recorded, ShapePolicy,
    merge_of, record,
};

use super::{merge, settings, verified};
use crate::support::fuzz::{damage, rounds};
use crate::support::models::{Tensor, floats, values, write};
use crate::support::random::Rng;

const MERGES: usize = 1000;

/// A model of a few tensors; those of each number differ in type, and one has a tensor more.
fn model(folder: &Path, number: u64) -> PathBuf {
    let float = [Float::F32, Float::BF16, Float::F16, Float::BF16][number as usize];
    let mut shapes: Vec<(&str, Vec<u64>)> = vec![
        ("layers.0.weight", vec![24, 16]),
        ("layers.1.weight", vec![3, 5, 7]),
        ("layers.2.weight", vec![1025]),
        ("norm.bias", vec![5]),
        ("scale", vec![]),
    ];
    if number == 1 {
        shapes.push(("extra.weight", vec![7]));
    }
    let mut tensors: Vec<Tensor> = (1..)
        .zip(&shapes)
        .map(|(seed, (name, shape))| {
            let n = shape.iter().product::<u64>() as usize;
            floats(name, float, shape, &values(n, seed, number))
        })
        .collect();
    tensors.push(Tensor {
        name: "position_ids".to_owned(),
        dtype: DType::I64,
        shape: vec![1, 3],
        bytes: (0..3i64).flat_map(i64::to_le_bytes).collect(),
    });
    let path = folder.join(format!("model-{number}.safetensors"));
    write(&path, &tensors);
    path
}

fn options(rng: &mut Rng) -> Options {
    let mut options = Options {
        compute: *rng.pick(&[Compute::F32, Compute::F32, Compute::BF16, Compute::F16]),
        dtype: *rng.pick(&[
            OutputDType::Keep,
            OutputDType::Computed,
            OutputDType::Promoted,
            OutputDType::Float(Float::BF16),
            OutputDType::Float(Float::F8E4M3),
        ]),
        seed: rng.word() >> 12,
        missing: *rng.pick(&[Missing::Skip, Missing::Base, Missing::Drop]),
        on_nan: *rng.pick(&[OnNan::Error, OnNan::Keep, OnNan::Zero]),
        on_overflow: OnOverflow::Saturate,
        shape: *rng.pick(&[ShapePolicy::Error, ShapePolicy::Keep, ShapePolicy::Pad]),
        integers: rng.once_in(8),
        direct_casts: rng.once_in(8),
        exact_names: rng.once_in(8),
        ..Options::default()
    };
    if rng.once_in(4) {
        let (include, exclude) = (["layers".to_owned()], [r"\.1\.".to_owned()]);
        options.filter = Filter::new(&include, &exclude).expect("sound expressions");
    }
    if rng.once_in(6) {
        let text = "'layers.(\\d+).': 0.2..0.8; *: 0.5".to_owned();
        let weights = blocks::parse(&text).expect("sound weights");
        options.block_weights = Some(BlockOption { text, weights });
    }
    if rng.once_in(6) {
        options.add_prefix = "model.".to_owned();
    }
    options
}

/// Random values for some of a method's parameters.
fn parameters(rng: &mut Rng, method: &Method, models: usize) -> Vec<String> {
    let mut given = Vec::new();
    for parameter in method.parameters {
        if rng.once_in(2) {
            continue;
        }
        let value = match parameter.shape {
            Shape::Number(..) => {
                let numbers = [0.1, 0.3, 1.0 / 3.0, 0.7, 1.0, 1.0, 2.0, 3.0];
                let count = match parameter.per_model && rng.once_in(2) {
                    true => models,
                    false => 1,
                };
                let numbers = (0..count).map(|_| rng.pick(&numbers).to_string());
                numbers.collect::<Vec<String>>().join(",")
            }
            Shape::Flag(_) => rng.once_in(2).to_string(),
            Shape::Choice(choices) => rng.pick(choices).0.to_owned(),
        };
        given.push(format!("{}={value}", parameter.name));
    }
    given
}

fn recipe(rng: &mut Rng, methods: &[&'static Method], models: &[PathBuf]) -> Option<Recipe> {
    let method = *rng.pick(methods);
    let base = match method.base {
        Base::None => false,
        Base::Required => true,
        Base::First | Base::Optional => rng.once_in(2),
    };
    let count = 1 + rng.below(models.len() - 1);
    let own: Vec<PathBuf> = models[1..].iter().take(count).cloned().collect();
    let base = base.then(|| models[0].clone());
    let parameters = parameters(rng, method, own.len());
    merge_of(method.id, base, own, &parameters, options(rng)).ok()
}

/// Flips a bit of an output; the tensor that it is of, and its element.
fn flip(rng: &mut Rng, output: &Path) -> Option<(String, u64)> {
    let there = Checkpoint::open(output).expect("an output");
    let keys: Vec<&String> = there.tensors().keys().collect();
    let key = rng.pick(&keys).to_string();
    let info = there.get(&key).expect("a tensor");
    let len = (info.span.end - info.span.start) as usize;
    if len == 0 {
        return None;
    }
    let byte = rng.below(len) as u64;
    let element = byte / info.dtype.unit().bytes;
    let mut bytes = std::fs::read(output).expect("an output");
    bytes[(info.span.start + byte) as usize] ^= 1 << rng.below(8);
    std::fs::write(output, bytes).expect("a writable folder");
    Some((key, element))
}

/// What hostile hands put into a record.
const PIECES: &[&str] = &[
    "{",
    "]",
    "null",
    "-1",
    "1e999",
    "18446744073709551615",
    "\"",
    ",",
    "[[[[",
    "true",
    "\"nodes\":[]",
    "\"input\":9",
    "\"models\":[5]",
    "\"base\":0",
    "\"given\":{\"density\":0}",
    "\"scheduled\":true",
];

#[test]
fn damaged_records_are_refused_or_make_a_merge() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models: Vec<PathBuf> = (0..4).map(|number| model(folder.path(), number)).collect();
    let opened = models
        .iter()
        .map(|path| Checkpoint::open(path).expect("a model"));
    let opened: Vec<Checkpoint> = opened.collect();
    let methods: Vec<&Method> = named().collect();
    let nowhere = Path::new("nowhere.safetensors");
    let (mut made, mut refused) = (0, 0);
    rounds(800, |rng| {
        let Some(recipe) = recipe(rng, &methods, &models) else {
            return;
        };
        let mut record = record(&recipe);
        let inputs = recipe.models.iter().map(|path| {
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            serde_json::json!({ "name": name, "fingerprint": "0" })
        });
        record["inputs"] = inputs.collect();
        let mut bytes = record.to_string().into_bytes();
        for _ in 0..=rng.below(3) {
            damage(rng, &mut bytes, PIECES);
        }
        let text = String::from_utf8_lossy(&bytes);
        let read = Recorded::parse(&text).and_then(|own| {
            let own_models = &opened[..own.inputs.len().min(opened.len())];
            own.recipe(own_models)
        });
        match read {
            Err(fault) => {
                assert!(!fault.to_string().is_empty());
                refused += 1;
            }
            Ok(recipe) => {
                // Whether it is a merge shows like that of any recipe.
                let _ = Merge::prepare(recipe, settings(nowhere, 1));
                made += 1;
            }
        }
    });
    assert!(refused > 50 && made > 10, "{refused} refused, {made} made");
}

#[test]
fn random_merges_are_made_again_from_their_records() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let models: Vec<PathBuf> = (0..4).map(|number| model(folder.path(), number)).collect();
    let output = folder.path().join("out.safetensors");
    let methods: Vec<&Method> = named().collect();
    let mut used = BTreeSet::new();
    let mut rng = Rng::new(12);
    let (mut merged, mut tries) = (0, 0);
    while merged < MERGES {
        tries += 1;
        assert!(tries < 20 * MERGES, "{merged} of {tries} were merged");
        let Some(recipe) = recipe(&mut rng, &methods, &models) else {
            continue;
        };
        let what = format!("{:?} {:?}", recipe.nodes.last(), recipe.options);
        if merge(recipe.clone(), &output).is_err() {
            continue;
        }
        merged += 1;
        used.extend(recipe.nodes.iter().filter_map(|node| match node {
            wgmerge::recipe::RecipeNode::Merge { method, .. } => Some(method.id),
            _ => None,
        }));
        let found = verified(&output, folder.path(), 1).expect("a verification");
        assert_eq!(found.differences, [], "{what}");
        if merged % 10 == 0
            && let Some((tensor, place)) = flip(&mut rng, &output)
        {
            let found = verified(&output, folder.path(), 2).expect("a verification");
            let [Difference::Value { key, element, .. }] = &found.differences[..] else {
                panic!("{what}: {:?}", found.differences);
            };
            assert_eq!((key, *element), (&tensor, place), "{what}");
        }
    }
    let unused = methods.len() - used.len();
    assert!(
        unused <= 6,
        "{unused} methods of {} were never used",
        methods.len()
    );
}
