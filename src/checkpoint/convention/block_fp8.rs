//! Block fp8 of Hugging Face: `weight_scale_inv`, which multiplies, for each tile of a matrix.

use super::coded::Convention;
use super::fault::Stop;
use super::said::numbers;
use super::scales;
use super::scan::{Named, Scan, coded};
use crate::checkpoint::tensor::TensorInfo;
use crate::dtype::DType;
use crate::format::{Block, Code, Format, Over, Scaled};

const SCALE: &str = "_scale_inv";

/// Finds weights with scales by tile.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    for (key, scale) in tensors {
        let Some(weight) = key.strip_suffix(SCALE) else {
            continue;
        };
        let Some(info) = tensors.get(weight) else {
            // A scale of a weight is nothing by itself.
            if weight.ends_with(".weight") {
                scan.need(Convention::BlockFp8, key, weight)?;
            }
            continue;
        };
        let code = match info.dtype {
            DType::F8E4M3 => Code::E4M3,
            DType::F8E5M2 => Code::E5M2,
            _ if info.dtype.is_mergeable() => continue,
            _ => {
                let entry = Named::new(weight, info);
                let expected = "F8_E4M3";
                return Err(scan.mismatch(
                    Convention::BlockFp8,
                    entry,
                    Named::new(key, scale),
                    expected,
                ));
            }
        };
        let said = said(scan, weight);
        let Some(over) = tiles(info, scale, said) else {
            let expected = match said {
                Some(Block { rows, columns }) => {
                    format!("F32 or F8_E8M0, one for each tile of {rows} x {columns},")
                }
                None => "F32 or F8_E8M0, one for each tile,".to_owned(),
            };
            let beside = Named::new(weight, info);
            return Err(scan.mismatch(
                Convention::BlockFp8,
                Named::new(key, scale),
                beside,
                expected,
            ));
        };
        let format = Format::Scaled(Scaled {
            over,
            scale: Some(scale.dtype),
            ..Scaled::plain(code, info.dtype)
        });
        let mut beside = scan.companions(weight);
        // What transformers calls the scale of inputs.
        let static_scale = weight
            .strip_suffix("weight")
            .map(|stem| format!("{stem}activation_scale"));
        beside.extend(static_scale.filter(|key| tensors.contains_key(key.as_str())));
        let coded = coded(
            Convention::BlockFp8,
            format,
            &info.shape,
            &[weight, key],
            beside,
        );
        scan.claim(weight.to_owned(), coded)?;
    }
    lone(scan)
}

/// Refuses weights of codes without scales beside such that have them: they lost them.
fn lone(scan: &Scan<'_, '_>) -> Result<(), Stop> {
    let mut found = scan.found.values();
    if !found.any(|coded| coded.convention == Convention::BlockFp8) {
        return Ok(());
    }
    for (key, info) in scan.tensors {
        let is_weight = key.ends_with(".weight") && info.shape.len() > 1;
        if is_weight && info.dtype == DType::F8E4M3 && !scan.is_owned(key) {
            let others = [
                format!("{key}_scale"),
                key.replace(".weight", ".scale_weight"),
            ];
            if !others.iter().any(|other| scan.tensors.contains_key(other)) {
                scan.need(Convention::BlockFp8, key, &format!("{key}{SCALE}"))?;
            }
        }
    }
    Ok(())
}

/// The block that the settings name.
pub(super) fn said(scan: &Scan<'_, '_>, key: &str) -> Option<Block> {
    let settings = scan.settings(key)?;
    let named = ["weight_block_size", "block_size"];
    let mut named = named.iter().filter_map(|name| settings.said.get(*name));
    let grouped = settings.of_weights("block_structure");
    let found = named.next().or_else(|| grouped.first().copied())?;
    match numbers(found)?[..] {
        [rows, columns] if rows > 0 && columns > 0 => Some(Block { rows, columns }),
        _ => None,
    }
}

/// What the scales of a weight cover, where they are of a type that scales have.
fn tiles(info: &TensorInfo, scale: &TensorInfo, said: Option<Block>) -> Option<Over> {
    let known = scales::float(scale.dtype).is_some() || scales::is_power(scale.dtype);
    let over = scales::over(&info.shape, &scale.shape, said)?;
    known.then_some(over)
}
