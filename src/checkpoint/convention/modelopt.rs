//! NVFP4 of ModelOpt: `weight_scale_2` where nothing is said for ComfyUI. Its nibbles and scales
//! lie otherwise than ComfyUI's, and nothing but the names tells which they are.

use super::coded::{Coded, Convention};
use super::fault::Stop;
use super::scales::{self, Matrix};
use super::scan::{Named, Scan, coded};
use crate::dtype::DType;
use crate::format::{Block, Code, Format, Global, Over, Scaled};

const GLOBAL: &str = "_scale_2";

/// The methods that settings may name beside such codes.
const METHODS: [&str; 4] = ["modelopt", "nvfp4", "modelopt_fp4", "modelopt_mixed"];

/// Finds weights with two scales.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    for (global, found) in tensors {
        let Some(weight) = global.strip_suffix(GLOBAL) else {
            continue;
        };
        // A weight that others claim is told with what is left over.
        if scan.is_owned(global) || scan.is_owned(weight) {
            continue;
        }
        let info = match tensors.get(weight) {
            Some(info) => info,
            None if weight.ends_with(".weight") => {
                scan.need(Convention::ModelOpt, global, weight)?
            }
            None => continue,
        };
        if info.dtype.bits() > 8 {
            continue;
        }
        let (weight, global) = (Named::new(weight, info), Named::new(global, found));
        let coded = layer(scan, weight, global)?;
        scan.claim(weight.key.to_owned(), coded)?;
    }
    Ok(())
}

/// A weight of two codes in a byte, a scale for each 16 of them, and one of each matrix.
fn layer(scan: &Scan<'_, '_>, weight: Named<'_>, global: Named<'_>) -> Result<Coded, Stop> {
    let convention = Convention::ModelOpt;
    let Named { key, info } = weight;
    scan.agree(key, convention, &METHODS)?;
    // Beside layers that ComfyUI's marks tell, one without a mark is one that lost it.
    let mut found = scan.found.values();
    if found.any(|coded| coded.convention == Convention::Comfy) {
        let layer = key.strip_suffix(".weight").unwrap_or(key);
        scan.need(
            Convention::Comfy,
            global.key,
            &format!("{layer}.comfy_quant"),
        )?;
    }
    if info.dtype != DType::U8 || info.shape.len() < 2 {
        let expected = "U8, two codes in a byte";
        return Err(scan.mismatch(convention, weight, global, expected));
    }
    let name = format!("{key}_scale");
    let scale = Named::new(&name, scan.need(convention, global.key, &name)?);
    let shape = scales::doubled(&info.shape);
    let Matrix { count, columns, .. } = Matrix::of(&shape);
    let mut scales = shape.clone();
    let last = scales.len() - 1;
    scales[last] = columns / 16;
    let fits = columns.is_multiple_of(16) && *scale.info.shape == *scales;
    if scale.info.dtype != DType::F8E4M3 || !fits {
        let expected = format!("F8_E4M3 {scales:?}");
        return Err(scan.mismatch(convention, scale, weight, expected));
    }
    if global.info.dtype != DType::F32 || global.info.elements() != count {
        let expected = "F32, one for each matrix,";
        return Err(scan.mismatch(convention, global, weight, expected));
    }
    let format = Format::Scaled(Scaled {
        over: Over::Block(Block {
            rows: 1,
            columns: 16,
        }),
        scale: Some(DType::F8E4M3),
        global: Some(Global::Times),
        ..Scaled::plain(Code::E2M1Low, DType::U8)
    });
    let parts = [key, scale.key, global.key];
    let beside = scan.companions(key);
    Ok(coded(convention, format, &shape, &parts, beside))
}
