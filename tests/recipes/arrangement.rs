//! Conversions over types and shapes against a computation on whole arrays.

use std::collections::BTreeMap;
use std::path::Path;

use wgmerge::dtype::{DType, Float};
use wgmerge::keys::config::find;
use wgmerge::keys::conversion::conversions;
use wgmerge::keys::{Conversion, Relation, Reshape};
use wgmerge::method::Space;
use wgmerge::recipe::{Form, NodeId, OnNan, Options, OutputDType, Recipe, RecipeNode, Route};

use crate::support::fuzz::rounds;
use crate::support::models::{Tensor, run, write};
use crate::support::random::Rng;
use crate::support::tensors::{Stored, stored};

/// A whole array.
#[derive(Clone, Debug, PartialEq)]
struct Array {
    dtype: DType,
    shape: Vec<u64>,
    /// The bytes of each element.
    elements: Vec<Vec<u8>>,
}

/// A row or column: what is left where the first dimension is taken away.
fn rest(shape: &[u64]) -> usize {
    shape.iter().skip(1).product::<u64>() as usize
}

/// The tensor that a relation makes of arrays; None where one is not there.
fn made(relation: &Relation, from: &BTreeMap<String, Array>) -> Option<Array> {
    Some(match relation {
        Relation::Same(name) => from.get(name)?.clone(),
        Relation::Reshaped(name, reshape) => {
            let mut array = from.get(name)?.clone();
            match reshape {
                Reshape::AddOnes => array.shape.extend([1, 1]),
                Reshape::DropOnes => array.shape.truncate(2),
            }
            array
        }
        Relation::Transposed(name) => {
            let array = from.get(name)?;
            let [rows, columns] = [array.shape[0] as usize, array.shape[1] as usize];
            let at = |n: usize| array.elements[n % rows * columns + n / rows].clone();
            Array {
                dtype: array.dtype,
                shape: vec![array.shape[1], array.shape[0]],
                elements: (0..rows * columns).map(at).collect(),
            }
        }
        Relation::Rows {
            source,
            part,
            parts,
        } => {
            let array = from.get(source)?;
            let rows = array.shape[0] / parts;
            let elements = rows as usize * rest(&array.shape);
            let mut shape = array.shape.clone();
            shape[0] = rows;
            let begin = *part as usize * elements;
            Array {
                dtype: array.dtype,
                shape,
                elements: array.elements[begin..begin + elements].to_vec(),
            }
        }
        Relation::Joined(names) => {
            let parts: Option<Vec<&Array>> = names.iter().map(|name| from.get(name)).collect();
            let parts = parts?;
            let mut shape = parts[0].shape.clone();
            shape[0] = parts.iter().map(|part| part.shape[0]).sum();
            Array {
                dtype: parts[0].dtype,
                shape,
                elements: parts
                    .iter()
                    .flat_map(|part| part.elements.clone())
                    .collect(),
            }
        }
    })
}

fn sources(relation: &Relation) -> Vec<String> {
    match relation {
        Relation::Same(name)
        | Relation::Reshaped(name, _)
        | Relation::Transposed(name)
        | Relation::Rows { source: name, .. } => vec![name.clone()],
        Relation::Joined(names) => names.clone(),
    }
}

/// A shape that a relation's sources may have.
fn shape(rng: &mut Rng, relation: &Relation, longest: usize) -> Vec<u64> {
    let mut side = || 1 + rng.below(longest) as u64;
    let (rows, columns) = (side(), side());
    match relation {
        Relation::Same(_) | Relation::Joined(_) => vec![rows, columns],
        Relation::Reshaped(_, Reshape::AddOnes) | Relation::Transposed(_) => vec![rows, columns],
        Relation::Reshaped(_, Reshape::DropOnes) => vec![rows, columns, 1, 1],
        Relation::Rows { parts, .. } => vec![rows * parts, columns],
    }
}

/// Random bytes: a copy changes none of them. What is computed is given numbers, of 16 bits.
fn element(rng: &mut Rng, dtype: DType) -> Vec<u8> {
    let bytes = (dtype.bits() / 8) as usize;
    rng.word().to_le_bytes()[..bytes].to_vec()
}

/// Sources for a few tensors of a conversion's target, of every kind of relation.
fn arrays(
    rng: &mut Rng,
    conversion: &Conversion,
    dtypes: &[DType],
    longest: usize,
) -> BTreeMap<String, Array> {
    let config = find(conversion.to).expect("a config");
    let related: Vec<Relation> = config
        .keys()
        .filter(|(_, key)| !key.dtype.is_integer())
        .filter_map(|(name, _)| conversion.relation(name))
        .collect();
    let mut arrays = BTreeMap::new();
    let kinds: [fn(&Relation) -> bool; 5] = [
        |relation| matches!(relation, Relation::Same(_)),
        |relation| matches!(relation, Relation::Reshaped(..)),
        |relation| matches!(relation, Relation::Transposed(_)),
        |relation| matches!(relation, Relation::Rows { .. }),
        |relation| matches!(relation, Relation::Joined(_)),
    ];
    for kind in kinds {
        let of_kind: Vec<&Relation> = related.iter().filter(|relation| kind(relation)).collect();
        if of_kind.is_empty() {
            continue;
        }
        let relation = *rng.pick(&of_kind);
        let (dtype, shape) = (*rng.pick(dtypes), shape(rng, relation, longest));
        for name in sources(relation) {
            let n = shape.iter().product::<u64>();
            let array = Array {
                dtype,
                shape: shape.clone(),
                elements: (0..n).map(|_| element(rng, dtype)).collect(),
            };
            arrays.insert(name, array);
        }
    }
    arrays
}

/// Every tensor of the target that can be made.
fn expected(conversion: &Conversion, from: &BTreeMap<String, Array>) -> BTreeMap<String, Array> {
    let config = find(conversion.to).expect("a config");
    let made = config.keys().filter_map(|(name, _)| {
        let relation = conversion.relation(name)?;
        Some((name.to_owned(), made(&relation, from)?))
    });
    made.collect()
}

fn recipe(conversion: &'static Conversion, model: &Path, dtype: OutputDType) -> Recipe {
    Recipe::new(
        vec![model.to_owned()],
        vec![
            RecipeNode::Model {
                model: 0.into(),
                form: Form::Config(conversion.from.to_owned()),
                space: Space::Weight,
            },
            RecipeNode::Route {
                route: Route::Convert(conversion),
                inputs: vec![NodeId::new(0)],
            },
        ],
        Options {
            dtype,
            on_nan: OnNan::Keep,
            ..Options::default()
        },
    )
}

/// The arrays of a file, as the safetensors crate reads them.
fn read(path: &Path) -> BTreeMap<String, Array> {
    let arrays = stored(path).into_iter().map(|(name, tensor)| {
        let Stored {
            dtype,
            shape,
            bytes,
        } = tensor;
        let elements = bytes.chunks_exact((dtype.bits() / 8) as usize);
        let elements = elements.map(<[u8]>::to_vec).collect();
        (
            name,
            Array {
                dtype,
                shape,
                elements,
            },
        )
    });
    arrays.collect()
}

fn check(
    conversion: &'static Conversion,
    from: &BTreeMap<String, Array>,
    dtype: OutputDType,
    expected: &BTreeMap<String, Array>,
) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = folder.path().join("model.safetensors");
    let tensors: Vec<Tensor> = from
        .iter()
        .map(|(name, array)| Tensor {
            name: name.clone(),
            dtype: array.dtype,
            shape: array.shape.clone(),
            bytes: array.elements.concat(),
        })
        .collect();
    write(&model, &tensors);
    let output = folder.path().join("out.safetensors");
    let recipe = recipe(conversion, &model, dtype);
    run(recipe, &output, 32 << 20);
    let found = read(&output);
    assert!(found.keys().eq(expected.keys()), "{}", conversion.id());
    for (name, array) in expected {
        assert!(found[name] == *array, "{}: {name}", conversion.id());
    }
}

/// The conversions that only move bytes, into one file: the tests of pipelines write folders.
fn moving() -> Vec<&'static Conversion> {
    let pipelines = ["sd1-diffusers", "sdxl-diffusers"];
    conversions()
        .iter()
        .filter(|conversion| conversion.adapter().is_none() && !conversion.is_blocks())
        .filter(|conversion| !pipelines.contains(&conversion.to))
        .collect()
}

#[test]
fn bytes_go_where_the_relation_says() {
    let whole: Vec<DType> = DType::ALL
        .iter()
        .copied()
        // A weight in narrow integers is refused as codes.
        .filter(|dtype| dtype.is_mergeable() || (dtype.is_integer() && dtype.bits() == 64))
        .collect();
    let ways = moving();
    rounds(24, |rng| {
        let conversion = *rng.pick(&ways);
        let longest = if rng.once_in(20) { 300 } else { 9 };
        let from = arrays(rng, conversion, &whole, longest);
        let to = expected(conversion, &from);
        check(conversion, &from, OutputDType::Keep, &to);
    });
}

/// The same through the arithmetic: what is wider holds the same numbers.
#[test]
fn numbers_go_where_the_relation_says() {
    let ways = moving();
    rounds(12, |rng| {
        let conversion = *rng.pick(&ways);
        let longest = if rng.once_in(8) { 300 } else { 40 };
        let mut from = arrays(rng, conversion, &[DType::F16, DType::BF16], longest);
        for array in from.values_mut() {
            for element in &mut array.elements {
                // Below one in magnitude and no denormal, in both types.
                element[1] = (element[1] & 0x87) | 0x30;
            }
        }
        let mut to = expected(conversion, &from);
        for array in to.values_mut() {
            let widened = |element: &Vec<u8>| {
                let bits = u16::from_le_bytes([element[0], element[1]]);
                let value = match array.dtype {
                    DType::F16 => half::f16::from_bits(bits).to_f32(),
                    _ => half::bf16::from_bits(bits).to_f32(),
                };
                value.to_le_bytes().to_vec()
            };
            array.elements = array.elements.iter().map(widened).collect();
            array.dtype = DType::F32;
        }
        check(conversion, &from, OutputDType::Float(Float::F32), &to);
    });
}
