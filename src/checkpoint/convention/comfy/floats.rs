//! ComfyUI's floats of 8 and 4 bits.

use super::layer::Layer;
use crate::checkpoint::convention::coded::{Coded, Convention};
use crate::checkpoint::convention::fault::Stop;
use crate::checkpoint::convention::scales::{self, Matrix};
use crate::checkpoint::convention::scan::{Named, Scan};
use crate::dtype::DType;
use crate::format::{Block, Code, E8M0, Format, Global, Over, Scaled};

/// Floats of 8 bits with one scale, or one for each row or block.
pub(super) fn fp8(layer: &Layer<'_>, scan: &Scan<'_, '_>, format: &str) -> Result<Coded, Stop> {
    let (code, dtype) = match format.starts_with("float8_e4m3fn") {
        true => (Code::E4M3, DType::F8E4M3),
        false => (Code::E5M2, DType::F8E5M2),
    };
    layer.check_type(scan, dtype)?;
    let shape = &layer.weight.shape;
    let key = format!("{}.weight_scale", layer.name);
    let Some(scale) = scan.tensors.get(&key) else {
        let format = Format::Scaled(Scaled::plain(code, dtype));
        return Ok(layer.coded(scan, format, shape, &[]));
    };
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
    let format = Format::Scaled(Scaled {
        over,
        scale: Some(scale.dtype),
        ..Scaled::plain(code, dtype)
    });
    Ok(layer.coded(scan, format, shape, &[&key]))
}

/// NVFP4: nibbles, a scale for each 16 columns in tiles, and one for the matrix.
pub(super) fn nvfp4(layer: &Layer<'_>, scan: &Scan<'_, '_>) -> Result<Coded, Stop> {
    layer.check_type(scan, DType::U8)?;
    scan.agree(&layer.key, Convention::Comfy, &["nvfp4", "comfyui"])?;
    let stored = layer.matrix();
    let seen = Tiled::of(layer, scan, stored.columns.saturating_mul(2), 16)?;
    let (scale, found) = layer.part(scan, "weight_scale")?;
    layer.check(
        scan,
        Named::new(&scale, found),
        &[DType::F8E4M3],
        seen.scales,
    )?;
    let (global, found) = layer.part(scan, "weight_scale_2")?;
    layer.check(
        scan,
        Named::new(&global, found),
        &[DType::F32],
        stored.count,
    )?;
    let format = Format::Scaled(Scaled {
        pad: seen.pad,
        over: Over::Block(Block {
            rows: 1,
            columns: 16,
        }),
        scale: Some(DType::F8E4M3),
        swizzled: true,
        global: Some(Global::Times),
        ..Scaled::plain(Code::E2M1High, DType::U8)
    });
    let coded = layer.coded(scan, format, &seen.shape, &[&scale, &global]);
    let padded = seen.padded;
    Ok(Coded { padded, ..coded })
}

/// MXFP8: floats of 8 bits, and a power of two for each 32 columns in tiles.
pub(super) fn mxfp8(layer: &Layer<'_>, scan: &Scan<'_, '_>) -> Result<Coded, Stop> {
    layer.check_type(scan, DType::F8E4M3)?;
    let seen = Tiled::of(layer, scan, layer.matrix().columns, 32)?;
    let (scale, found) = layer.part(scan, "weight_scale")?;
    let types = [DType::F8E8M0, DType::U8];
    layer.check(scan, Named::new(&scale, found), &types, seen.scales)?;
    let format = Format::Scaled(Scaled {
        pad: seen.pad,
        over: Over::Block(Block {
            rows: 1,
            columns: 32,
        }),
        scale: Some(found.dtype),
        e8m0: E8M0::Bits,
        swizzled: true,
        ..Scaled::plain(Code::E4M3, DType::F8E4M3)
    });
    let coded = layer.coded(scan, format, &seen.shape, &[&scale]);
    let padded = seen.padded;
    Ok(Coded { padded, ..coded })
}

/// A tensor whose rows and columns are padded and whose scales lie in tiles.
struct Tiled {
    /// The dimensions that are seen.
    shape: Vec<u64>,
    /// What rows and columns are padded to multiples of.
    pad: u64,
    /// Whether nothing says how much is padding.
    padded: bool,
    /// How many scales there are, with those of no block.
    scales: u64,
}

impl Tiled {
    /// A layer whose stored matrices have so many columns, and a scale for each `block` of them,
    /// which is also what they are padded to.
    fn of(layer: &Layer<'_>, scan: &Scan<'_, '_>, columns: u64, block: u64) -> Result<Tiled, Stop> {
        let Matrix { count, rows, .. } = layer.matrix();
        let high = rows.checked_next_multiple_of(128);
        let wide = columns.div_ceil(block).checked_next_multiple_of(4);
        let sizes = high.zip(wide).and_then(|(high, wide)| {
            let each = high.checked_mul(wide)?;
            each.checked_mul(count)
        });
        let is_whole = columns.is_multiple_of(block) && layer.weight.shape.len() > 1;
        let Some(scales) = sizes.filter(|_| is_whole) else {
            let expected = format!("a matrix of whole blocks of {block} columns");
            return Err(layer.unfit(scan, Named::new(&layer.key, layer.weight), &expected));
        };
        let stored = layer.shape(columns);
        let last = stored.len() - 2;
        let whole = |n: u64| n.is_multiple_of(block);
        let pad = if whole(rows) && whole(columns) {
            block
        } else {
            1
        };
        if let Some(shape) = layer.original(scan)? {
            let padded = shape.iter().map(|n| n.checked_next_multiple_of(pad));
            let padded: Option<Vec<u64>> = padded.collect();
            let fits = shape.len() == stored.len() && shape[..last] == stored[..last];
            let is_so = padded.is_some_and(|padded| padded[last..] == stored[last..]);
            if !(fits && is_so) {
                let expected = format!("what `orig_shape` {shape:?} is padded to");
                return Err(layer.unfit(scan, Named::new(&layer.key, layer.weight), &expected));
            }
            let padded = false;
            return Ok(Tiled {
                shape,
                pad,
                padded,
                scales,
            });
        }
        let mut shape = stored;
        // A bias has an element for each row.
        let bias = scan.tensors.get(&format!("{}.bias", layer.name));
        if let Some(&[length]) = bias.map(|bias| &*bias.shape)
            && last == 0
            && length.checked_next_multiple_of(pad) == Some(rows)
        {
            shape[0] = length;
        }
        let padded = pad > 1;
        Ok(Tiled {
            shape,
            pad,
            padded,
            scales,
        })
    }
}
