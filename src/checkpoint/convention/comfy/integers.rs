//! ComfyUI's integers of 8 and 4 bits.

use serde_json::Value;

use super::layer::Layer;
use crate::checkpoint::convention::coded::Coded;
use crate::checkpoint::convention::fault::Stop;
use crate::checkpoint::convention::scales::{self, Matrix};
use crate::checkpoint::convention::scan::{Named, Scan};
use crate::dtype::DType;
use crate::format::{Affine, Block, Code, Format, Levels, Over, Scaled};

/// Integers of 8 bits with one scale, or one for each row or block.
pub(super) fn int8(layer: &Layer<'_>, scan: &Scan<'_, '_>) -> Result<Coded, Stop> {
    layer.check_type(scan, DType::I8)?;
    let shape = &layer.weight.shape;
    let (key, scale) = layer.part(scan, "weight_scale")?;
    let group = layer.size(scan, "group_size")?;
    let said = group.map(|size| Block {
        rows: size,
        columns: size,
    });
    let over = scales::over(shape, &scale.shape, said);
    let (Some(_), Some(over)) = (scales::float(scale.dtype), over) else {
        let expected = "F32, one for the tensor or for each expert, row or block,";
        return Err(layer.unfit(scan, Named::new(&key, scale), expected));
    };
    let rotated = match layer.option("convrot").and_then(Value::as_bool) {
        Some(true) => Some(layer.rotation(scan, layer.matrix().columns)?),
        _ => None,
    };
    if rotated.is_some() && over != Over::Row && layer.matrix().rows > 1 {
        return Err(layer.unfit(
            scan,
            Named::new(&key, scale),
            "one for each row, as `convrot` is set,",
        ));
    }
    let format = Format::Scaled(Scaled {
        over,
        scale: Some(scale.dtype),
        rotated,
        ..Scaled::plain(Code::I8, DType::I8)
    });
    Ok(layer.coded(scan, format, shape, &[&key]))
}

/// Signed nibbles with a scale for each row, rotated.
pub(super) fn int4(layer: &Layer<'_>, scan: &Scan<'_, '_>) -> Result<Coded, Stop> {
    layer.check_type(scan, DType::I8)?;
    let Matrix {
        count,
        rows,
        columns,
    } = layer.matrix();
    let columns = columns.saturating_mul(2);
    let (key, scale) = layer.part(scan, "weight_scale")?;
    layer.check(
        scan,
        Named::new(&key, scale),
        &[DType::F32],
        count.saturating_mul(rows),
    )?;
    let format = Format::Scaled(Scaled {
        over: Over::Row,
        scale: Some(DType::F32),
        rotated: Some(layer.rotation(scan, columns)?),
        ..Scaled::plain(Code::I4Low, DType::I8)
    });
    Ok(layer.coded(scan, format, &layer.shape(columns), &[&key]))
}

/// Levels of 4 or 6 bits with relative scales, and a scale for each row, rotated.
pub(super) fn levels(layer: &Layer<'_>, scan: &Scan<'_, '_>) -> Result<Coded, Stop> {
    layer.check_type(scan, DType::I8)?;
    let correction = format!("{}.weight_correction", layer.name);
    if scan.tensors.contains_key(&correction) {
        let what = "levels with a correction";
        return Err(scan.undecoded(&layer.key, what, &correction));
    }
    let Matrix {
        count,
        rows,
        columns,
    } = layer.matrix();
    let all = count.saturating_mul(rows);
    let (relative, found) = layer.part(scan, "weight_s_rel")?;
    let scale = found.dtype;
    let groups = found.elements().checked_div(all).unwrap_or(0);
    let said = layer.size(scan, "group_size")?;
    let fits = |columns: u64| match said {
        Some(group) => columns.is_multiple_of(group) && columns / group == groups,
        None => groups > 0 && columns.is_multiple_of(groups) && columns / groups == 16,
    };
    let bits = [(4, 2, 1), (6, 4, 3)]
        .into_iter()
        .find_map(|(bits, up, down)| {
            let wide = columns.saturating_mul(up);
            let wide = wide.is_multiple_of(down).then_some(wide / down)?;
            fits(wide).then_some((bits, wide))
        });
    let types = [DType::F8E4M3, DType::U8, DType::F32];
    let Some((bits, columns)) = bits.filter(|_| types.contains(&scale)) else {
        let expected = "F8_E4M3, U8 or F32, one for each group of columns,";
        return Err(layer.unfit(scan, Named::new(&relative, found), expected));
    };
    layer.check(
        scan,
        Named::new(&relative, found),
        &types,
        all.saturating_mul(groups),
    )?;
    let (channel, found) = layer.part(scan, "weight_s_channel")?;
    layer.check(scan, Named::new(&channel, found), &[DType::F32], all)?;
    let codebook = format!("{}.weight_codebook", layer.name);
    let mut parts = vec![&*relative, &*channel];
    let table = scan.tensors.get(&codebook);
    if let Some(found) = table {
        layer.check(scan, Named::new(&codebook, found), &[DType::F32], 16)?;
        parts.push(&codebook);
    }
    let format = Format::Levels(Levels {
        bits,
        group: said.unwrap_or(16),
        scale,
        codebook: table.is_some(),
        rotated: Some(layer.rotation(scan, columns)?),
    });
    Ok(layer.coded(scan, format, &layer.shape(columns), &parts))
}

/// Nibbles with scales and zeros of groups, which lie by columns.
pub(super) fn affine(layer: &Layer<'_>, scan: &Scan<'_, '_>) -> Result<Coded, Stop> {
    layer.check_type(scan, DType::I8)?;
    let Matrix {
        count,
        rows,
        columns,
    } = layer.matrix();
    let columns = columns.saturating_mul(2);
    let (key, scale) = layer.part(scan, "weight_scale")?;
    let (zeros, zero) = layer.part(scan, "weight_zeros")?;
    let group = match *scale.shape {
        [groups, wide] if wide == rows && groups > 0 && count == 1 => {
            Some(columns / groups).filter(|group| *group > 0 && group * groups == columns)
        }
        _ => None,
    };
    let (Some(float), Some(group)) = (scales::float(scale.dtype), group) else {
        let expected = format!("BF16, F16 or F32 of shape [groups, {rows}]");
        return Err(layer.unfit(scan, Named::new(&key, scale), &expected));
    };
    if zero.shape != scale.shape {
        let expected = format!("{} {:?}", scale.dtype.name(), &*scale.shape);
        return Err(layer.unfit(scan, Named::new(&zeros, zero), &expected));
    }
    layer.check(
        scan,
        Named::new(&zeros, zero),
        &[scale.dtype],
        scale.elements(),
    )?;
    let format = Format::Affine(Affine {
        group,
        scale: float,
    });
    Ok(layer.coded(scan, format, &layer.shape(columns), &[&key, &zeros]))
}
