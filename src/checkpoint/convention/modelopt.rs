//! NVFP4 of ModelOpt: `weight_scale_2` where nothing is said for ComfyUI. Its nibbles and scales
//! lie otherwise than ComfyUI's, and nothing but the names tells which they are.

use super::coded::Convention;
use super::fault::Stop;
use super::scales::{self, Matrix};
use super::scan::{Scan, coded, plain};
use crate::dtype::DType;
use crate::format::{Block, Code, Format, Global, Over, Scaled};

const GLOBAL: &str = "_scale_2";

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
        let convention = Convention::ModelOpt;
        scan.agree(
            weight,
            convention,
            &["modelopt", "nvfp4", "modelopt_fp4", "modelopt_mixed"],
        )?;
        if info.dtype != DType::U8 || info.shape.len() < 2 {
            let expected = "U8, two codes in a byte";
            return Err(scan.mismatch(convention, (weight, info), (global, found), expected));
        }
        let key = format!("{weight}_scale");
        let scale = scan.need(convention, global, &key)?;
        let shape = scales::doubled(&info.shape);
        let Matrix { count, columns, .. } = Matrix::of(&shape);
        let mut scales = shape.clone();
        let last = scales.len() - 1;
        scales[last] = columns / 16;
        if scale.dtype != DType::F8E4M3 || *scale.shape != *scales || !columns.is_multiple_of(16) {
            let expected = format!("F8_E4M3 {scales:?}");
            return Err(scan.mismatch(convention, (&key, scale), (weight, info), expected));
        }
        if found.dtype != DType::F32 || found.elements() != count {
            let expected = "F32, one for each matrix,";
            return Err(scan.mismatch(convention, (global, found), (weight, info), expected));
        }
        let format = Format::Scaled(Scaled {
            over: Over::Block(Block {
                rows: 1,
                columns: 16,
            }),
            scale: Some(DType::F8E4M3),
            global: Some(Global::Times),
            ..plain(Code::E2M1Low, DType::U8)
        });
        let parts = [weight, &*key, &**global];
        let beside = scan.companions(weight);
        let coded = coded(convention, format, &shape, &parts, beside);
        scan.claim(weight.to_owned(), coded)?;
    }
    Ok(())
}
