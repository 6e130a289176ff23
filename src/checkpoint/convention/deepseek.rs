//! Block codes of DeepSeek: `scale` beside `weight`, for tiles of fp8 or for 32 numbers of 4 bits.

use super::block_fp8::said;
use super::coded::Convention;
use super::fault::Stop;
use super::scales::{self, Matrix};
use super::scan::{Named, Scan, coded};
use crate::checkpoint::tensor::TensorInfo;
use crate::dtype::DType;
use crate::format::{Block, Code, Format, Over, Scaled};

/// Columns that a scale of codes of 4 bits covers.
const NARROW: Block = Block {
    rows: 1,
    columns: 32,
};

/// Finds weights with a `scale`.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    for (key, scale) in tensors {
        let Some(stem) = key.strip_suffix(".scale") else {
            continue;
        };
        // `scale` is also a weight of norms: those have one dimension and are no powers of two.
        let is_power = scale.dtype == DType::F8E8M0;
        let is_grid = scale.shape.len() >= 2 && scales::float(scale.dtype).is_some();
        if !is_power && !is_grid {
            continue;
        }
        let weight = format!("{stem}.weight");
        let info = match tensors.get(&weight) {
            Some(info) => info,
            None if is_power => scan.need(Convention::DeepSeek, key, &weight)?,
            None => continue,
        };
        if info.dtype.is_mergeable() && !is_fp8(info) {
            continue;
        }
        let entry = Named::new(key, scale);
        let Some(format) = format(scan, Named::new(&weight, info), scale) else {
            let expected = "F8_E8M0, one for each tile of fp8 or for 32 codes of 4 bits,";
            return Err(scan.mismatch(
                Convention::DeepSeek,
                entry,
                Named::new(&weight, info),
                expected,
            ));
        };
        let shape = match format.code {
            Code::E2M1Low => scales::doubled(&info.shape),
            _ => info.shape.to_vec(),
        };
        let beside = scan.companions(&weight);
        let parts = [&*weight, &**key];
        let format = Format::Scaled(format);
        let coded = coded(Convention::DeepSeek, format, &shape, &parts, beside);
        scan.claim(weight, coded)?;
    }
    Ok(())
}

fn is_fp8(info: &TensorInfo) -> bool {
    matches!(info.dtype, DType::F8E4M3 | DType::F8E5M2)
}

fn format(scan: &Scan<'_, '_>, weight: Named<'_>, scale: &TensorInfo) -> Option<Scaled> {
    let info = weight.info;
    let code = match info.dtype {
        DType::F8E4M3 => Code::E4M3,
        DType::F8E5M2 => Code::E5M2,
        DType::I8 | DType::U8 => {
            let Matrix {
                count,
                rows,
                columns,
            } = Matrix::of(&info.shape);
            let columns = columns.checked_mul(2)?;
            let scales = (columns / 32).checked_mul(rows)?.checked_mul(count)?;
            let fits = columns.is_multiple_of(32) && scale.elements() == scales;
            return (fits && scale.dtype == DType::F8E8M0).then_some(Scaled {
                over: Over::Block(NARROW),
                scale: Some(scale.dtype),
                ..Scaled::plain(Code::E2M1Low, info.dtype)
            });
        }
        _ => return None,
    };
    let over = scales::over(&info.shape, &scale.shape, said(scan, weight.key))?;
    Some(Scaled {
        over,
        scale: Some(scale.dtype),
        ..Scaled::plain(code, info.dtype)
    })
}
