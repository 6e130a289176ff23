//! The table of element types, held against the safetensors crate.

use wgmerge::dtype::{DType, Float};

#[test]
fn names_and_widths_are_those_of_the_safetensors_crate() {
    for &dtype in DType::ALL {
        let json = format!("\"{}\"", dtype.name());
        let theirs: safetensors::Dtype = serde_json::from_str(&json).unwrap();
        assert_eq!(theirs.to_string(), dtype.to_string());
        assert_eq!(theirs.bitsize() as u64, dtype.bits(), "{dtype}");
        assert_eq!(DType::from_name(dtype.name()), Some(dtype));
    }
    assert_eq!(DType::ALL.len(), 22);
    assert!(DType::ALL.is_sorted());
    assert_eq!(DType::from_name("f32"), None);
}

#[test]
fn floats_are_the_mergeable_types() {
    let mergeable: Vec<&str> = DType::ALL
        .iter()
        .filter(|d| d.is_mergeable())
        .map(|d| d.name())
        .collect();
    assert_eq!(
        mergeable,
        ["F8_E5M2", "F8_E4M3", "F16", "BF16", "F32", "F64"]
    );
    for &float in Float::ALL {
        assert_eq!(float.dtype().float(), Some(float));
        assert_eq!(Float::from_name(float.name()), Some(float));
        assert_eq!(float.name(), float.dtype().name().to_lowercase());
        assert_eq!(float.bytes() as u64 * 8, float.dtype().bits());
    }
    assert_eq!(Float::from_name("F32"), None);
}
