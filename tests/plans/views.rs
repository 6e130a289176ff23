//! Views of tensors whose elements share bytes.

use wgmerge::dtype::DType;
use wgmerge::keys::Reshape;
use wgmerge::plan::{Seen, ViewError};
use wgmerge::recipe::{Leaf, View};

use super::Model;

fn leaf(name: &str) -> View<Leaf> {
    View::Tensor(Leaf {
        model: 0.into(),
        name: name.to_owned(),
    })
}

/// Each view that takes elements apart, of one tensor.
fn views(name: &str) -> Vec<View<Leaf>> {
    let of = || Box::new(leaf(name));
    vec![
        View::Rows {
            of: of(),
            part: 1,
            parts: 3,
        },
        View::Transposed(of()),
        View::Joined(vec![leaf(name), leaf(name)]),
        View::Stacked(vec![leaf(name), leaf(name)]),
    ]
}

#[test]
fn elements_that_share_bytes_are_not_taken_apart() {
    let packed = [DType::F4, DType::F6E2M3, DType::F6E3M2];
    for &dtype in DType::ALL {
        let model = Model::new("m", &[("w", dtype, &[6, 4])]);
        let sources = [model.source()];
        for view in views("w") {
            let seen = Seen::of(&view, &sources);
            match packed.contains(&dtype) {
                false => assert!(seen.is_ok(), "{dtype}: {seen:?}"),
                true => {
                    let fault = seen.expect_err("a refusal");
                    assert!(
                        matches!(fault, ViewError::Packed { .. }),
                        "{dtype}: {fault}"
                    );
                    assert!(fault.to_string().contains("share bytes"), "{fault}");
                }
            }
        }
        // No element moves.
        let ones = View::Reshaped(Box::new(leaf("w")), Reshape::AddOnes);
        assert!(Seen::of(&ones, &sources).is_ok(), "{dtype}");
    }
}

#[test]
fn units_are_whole_bytes() {
    for &dtype in DType::ALL {
        let unit = dtype.unit();
        assert_eq!(unit.bytes * 8, unit.elements * dtype.bits(), "{dtype}");
        assert_eq!(unit.elements == 1, dtype.bits() >= 8, "{dtype}");
    }
    assert_eq!((DType::F4.unit().bytes, DType::F6E2M3.unit().bytes), (1, 3));
}
