//! Scaled fp8: `scale_weight` beside a weight, and in ComfyUI's files a marker for the model.
//!
//! A layer is told by the type of its weight: scales beside weights that are no fp8 are left from
//! whoever wrote the file, and mean nothing.

use std::collections::{HashMap, HashSet};

use super::coded::{Coded, Convention, Described};
use super::fault::Stop;
use super::scales;
use super::scan::{Named, Scan, coded};
use crate::checkpoint::tensor::{TensorInfo, Tensors};
use crate::dtype::DType;
use crate::format::{Code, Format, Scaled};

const CONVENTION: Convention = Convention::ScaledFp8;
const MARKER: &str = "scaled_fp8";
const SCALE: &str = ".scale_weight";
const INPUT: &str = ".scale_input";

/// Components of a name that are tried as a marker's prefix at most.
const DEPTH_MAX: usize = 32;

/// The markers of a checkpoint, by what stands in front of them in their names.
struct Markers<'a>(HashMap<&'a str, Named<'a>>);

impl<'a> Markers<'a> {
    fn of(tensors: &'a Tensors) -> Markers<'a> {
        let found = tensors.iter().filter_map(|(key, info)| {
            let prefix = key.strip_suffix(MARKER)?;
            let small = info.elements() <= 2 && (info.dtype == DType::F32 || fp8(info).is_some());
            let whole = prefix.is_empty() || prefix.ends_with(['.', '/']);
            (small && whole).then_some((prefix, Named::new(key, info)))
        });
        Markers(found.collect())
    }

    /// The marker of the model that a key is of: that of the longest prefix.
    fn of_key(&self, key: &str) -> Option<Named<'a>> {
        let ends = key.match_indices(['.', '/']).map(|(at, _)| at + 1);
        let prefixes = std::iter::once(0).chain(ends).take(DEPTH_MAX);
        let found = prefixes.filter_map(|end| self.0.get(&key[..end]));
        found.last().copied()
    }
}

/// Finds scaled fp8.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    let markers = Markers::of(tensors);
    let (mut dummies, mut some) = (Vec::new(), false);
    // Markers of models of which a layer was found.
    let mut used = HashSet::new();
    for key in tensors.keys() {
        let stem = key.strip_suffix(SCALE).or_else(|| key.strip_suffix(INPUT));
        let Some(stem) = stem.filter(|_| !scan.is_owned(key)) else {
            continue;
        };
        let (weight, marker) = (format!("{stem}.weight"), markers.of_key(key));
        let Some((weight, info)) = tensors.get_key_value(&weight) else {
            if let Some(marker) = marker {
                scan.need(CONVENTION, marker.key, &weight)?;
            }
            continue;
        };
        let scaled = tensors.contains_key(&format!("{stem}{SCALE}"));
        if fp8(info).is_none() {
            let is_number = info.dtype.is_mergeable();
            dummies.extend(is_number.then_some((key, marker.is_some())));
        } else if key.ends_with(SCALE) || (!scaled && marker.is_some()) {
            let coded = layer(scan, stem, Named::new(weight, info), marker)?;
            scan.claim(weight.clone(), coded)?;
            used.extend(marker.map(|marker| marker.key));
            some = true;
        }
    }
    for (key, info) in tensors {
        let stem = key.strip_suffix(".weight").filter(|_| fp8(info).is_some());
        let marker = stem.and_then(|_| markers.of_key(key));
        if let (Some(stem), Some(marker)) = (stem, marker)
            && !used.contains(marker.key)
        {
            scan.need(CONVENTION, marker.key, &format!("{stem}{SCALE}"))?;
        }
    }
    let dummies = dummies.into_iter().filter(|&(_, marked)| marked || some);
    scan.markers.extend(dummies.map(|(key, _)| key.clone()));
    let told = tensors.keys();
    let told = told.filter(|key| {
        let prefix = key.strip_suffix(MARKER);
        prefix.is_some_and(|prefix| markers.0.contains_key(prefix))
    });
    scan.markers.extend(told.cloned());
    Ok(())
}

/// A weight of fp8 and its scale.
fn layer(
    scan: &Scan<'_, '_>,
    stem: &str,
    weight: Named<'_>,
    marker: Option<Named<'_>>,
) -> Result<Coded, Stop> {
    let info = weight.info;
    let code = fp8(info).unwrap_or(Code::E4M3);
    let key = format!("{stem}{SCALE}");
    let mut format = Scaled::plain(code, info.dtype);
    let mut parts = vec![weight.key];
    if let Some(scale) = scan.tensors.get(&key) {
        let over = scales::over(&info.shape, &scale.shape, None);
        let (Some(rounded), Some(over)) = (scales::float(scale.dtype), over) else {
            let expected = "F32, F16 or BF16, one for the tensor or for each row or block,";
            let scale = Named {
                key: &key,
                info: scale,
            };
            return Err(scan.mismatch(CONVENTION, scale, weight, expected));
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
        Some(Named { key, info }) => Described::Marker {
            key: key.to_owned(),
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
            CONVENTION,
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
