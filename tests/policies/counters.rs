//! Positions and counts are copied, whatever type they are stored in.

use wgmerge::checkpoint::Checkpoint;
use wgmerge::dtype::{DType, Float};

use crate::cli::World;
use crate::support::models::{Tensor, floats, values, write};
use crate::support::tensors::tensor;

const IDS: &str = "cond_stage_model.transformer.text_model.embeddings.position_ids";

fn positions() -> Vec<f32> {
    (0..77_u8).map(f32::from).collect()
}

#[test]
fn positions_stay_whole_numbers() {
    let world = World::new();
    for (model, name) in (0..).zip(["x.safetensors", "y.safetensors"]) {
        let tensors = [
            floats(IDS, Float::F32, &[1, 77], &positions()),
            floats(
                "bn.num_batches_tracked",
                Float::F32,
                &[],
                &[100.0 + model as f32],
            ),
            floats("w", Float::F32, &[77], &values(77, 1, model)),
        ];
        write(&world.path(name), &tensors);
    }
    let uneven = ["-p", "weight=0.9,0.1", "x.safetensors", "y.safetensors"];
    world.merges(&[&["-M", "linear"], uneven.as_slice()].concat());
    let merged = Checkpoint::open(&world.path("out.safetensors")).expect("sound");
    assert_eq!(tensor(&merged, IDS), positions());
    assert_eq!(tensor(&merged, "bn.num_batches_tracked"), [100.0]);
}

/// Half of the tools cast them with the rest of the model.
#[test]
fn positions_of_another_type_fit() {
    let world = World::new();
    let whole = |name: &str| Tensor {
        name: name.to_owned(),
        dtype: DType::I64,
        shape: vec![1, 77],
        bytes: (0..77_i64).flat_map(i64::to_le_bytes).collect(),
    };
    let weight = |model| floats("w", Float::F16, &[77], &values(77, 1, model));
    let half = floats(IDS, Float::F16, &[1, 77], &positions());
    write(&world.path("half.safetensors"), &[half, weight(0)]);
    write(&world.path("whole.safetensors"), &[whole(IDS), weight(1)]);
    for (first, second, dtype) in [
        ("half.safetensors", "whole.safetensors", DType::F16),
        ("whole.safetensors", "half.safetensors", DType::I64),
    ] {
        let text = world.merges(&["-M", "weighted_sum", first, second, "--force"]);
        assert!(!text.contains("of another form"), "{text}");
        let merged = Checkpoint::open(&world.path("out.safetensors")).expect("sound");
        assert_eq!(merged.get(IDS).expect("the positions").dtype, dtype);
    }
}
