//! Scaled fp8: `scale_weight` beside a weight, and in ComfyUI's files a marker for the model.
//!
//! A layer is told by the type of its weight: scales beside weights that are no fp8 are left from
//! whoever wrote the file, and mean nothing.

use super::coded::{Coded, Convention, Described};
use super::fault::Stop;
use super::scales;
use super::scan::{Scan, coded, plain};
use crate::checkpoint::tensor::TensorInfo;
use crate::dtype::DType;
use crate::format::{Code, Format, Scaled};

const MARKER: &str = "scaled_fp8";
const SCALE: &str = ".scale_weight";
const INPUT: &str = ".scale_input";

/// Finds scaled fp8.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    let is_marker = |key: &str, info: &TensorInfo| {
        let stem = key.strip_suffix(MARKER);
        let small = info.elements() <= 2 && (info.dtype == DType::F32 || fp8(info).is_some());
        small && stem.is_some_and(|stem| stem.is_empty() || stem.ends_with(['.', '/']))
    };
    let markers = tensors.iter().filter(|(key, info)| is_marker(key, info));
    let markers: Vec<(&String, &TensorInfo)> = markers.collect();
    let marker_of = |key: &str| {
        let prefix = |marker: &str| key.starts_with(&marker[..marker.len() - MARKER.len()]);
        markers.iter().find(|(marker, _)| prefix(marker)).copied()
    };
    let mut dummies = Vec::new();
    for key in tensors.keys() {
        let Some(stem) = key.strip_suffix(SCALE).or_else(|| key.strip_suffix(INPUT)) else {
            continue;
        };
        let (weight, marker) = (format!("{stem}.weight"), marker_of(key));
        let Some(info) = tensors.get(&weight) else {
            if let Some((marker, _)) = marker {
                scan.need(Convention::ScaledFp8, marker, &weight)?;
            }
            continue;
        };
        if scan
            .owner(&weight)
            .is_some_and(|other| other.convention == Convention::ScaledFp8)
        {
            continue;
        }
        let is_scale = key.ends_with(SCALE);
        let scaled = tensors.contains_key(&format!("{stem}{SCALE}"));
        if fp8(info).is_none() {
            let is_number = info.dtype.is_mergeable();
            dummies.extend(is_number.then_some((key, marker.is_some())));
        } else if is_scale || (!scaled && marker.is_some()) {
            let coded = layer(scan, stem, (&weight, info), marker)?;
            scan.claim(weight, coded)?;
        }
    }
    let found = scan.found.values();
    let found: Vec<&Coded> = found
        .filter(|coded| coded.convention == Convention::ScaledFp8)
        .collect();
    for &(marker, _) in &markers {
        let prefix = &marker[..marker.len() - MARKER.len()];
        let mut scaled = found
            .iter()
            .filter(|coded| coded.parts[0].starts_with(prefix));
        let mut codes = tensors.iter().filter(|(key, info)| {
            key.starts_with(prefix) && key.ends_with(".weight") && fp8(info).is_some()
        });
        if let (None, Some((weight, _))) = (scaled.next(), codes.next()) {
            let stem = weight.trim_end_matches(".weight");
            scan.need(Convention::ScaledFp8, marker, &format!("{stem}{SCALE}"))?;
        }
    }
    let some = !found.is_empty();
    let dummies = dummies.into_iter().filter(|&(_, marked)| marked || some);
    let dummies: Vec<&String> = dummies.map(|(key, _)| key).collect();
    scan.markers.extend(dummies.into_iter().cloned());
    scan.markers
        .extend(markers.iter().map(|&(key, _)| key.clone()));
    Ok(())
}

/// A weight of fp8 and its scale.
fn layer(
    scan: &Scan<'_, '_>,
    stem: &str,
    (weight, info): (&str, &TensorInfo),
    marker: Option<(&String, &TensorInfo)>,
) -> Result<Coded, Stop> {
    let code = fp8(info).unwrap_or(Code::E4M3);
    let key = format!("{stem}{SCALE}");
    let mut format = plain(code, info.dtype);
    let mut parts = vec![weight];
    if let Some(scale) = scan.tensors.get(&key) {
        let over = scales::over(&info.shape, &scale.shape, None);
        let (Some(rounded), Some(over)) = (scales::float(scale.dtype), over) else {
            let expected = "F32, F16 or BF16, one for the tensor or for each row or block,";
            let entry = (&*key, scale);
            return Err(scan.mismatch(Convention::ScaledFp8, entry, (weight, info), expected));
        };
        let scale = Some(scale.dtype);
        format = Scaled {
            over,
            scale,
            rounded,
            ..format
        };
        parts.push(&key);
    }
    let described = match marker {
        None => Described::Nothing,
        Some((key, info)) => Described::Marker {
            key: key.clone(),
            dtype: info.dtype,
            elements: info.elements(),
        },
    };
    let input = format!("{stem}{INPUT}");
    let beside = scan.tensors.contains_key(&input).then_some(input);
    let beside = beside.into_iter().collect();
    Ok(Coded {
        described,
        ..coded(
            Convention::ScaledFp8,
            Format::Scaled(format),
            &info.shape,
            &parts,
            beside,
        )
    })
}

fn fp8(info: &TensorInfo) -> Option<Code> {
    match info.dtype {
        DType::F8E4M3 => Some(Code::E4M3),
        DType::F8E5M2 => Some(Code::E5M2),
        _ => None,
    }
}
