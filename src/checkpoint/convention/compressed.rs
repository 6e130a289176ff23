//! Packed codes of compressed-tensors: `weight_packed`, integers in words or narrow floats in
//! bytes. Weights that it does not pack are found as any with a scale are.

use super::coded::Convention;
use super::fault::Stop;
use super::scales::{self, Matrix};
use super::scan::{Named, Scan, coded};
use super::settings::Settings;
use crate::checkpoint::tensor::TensorInfo;
use crate::dtype::DType;
use crate::format::{Block, Code, Format, Global, Over, Packed, Scaled};

const CT: Convention = Convention::Compressed;
const PACKED: &str = "_packed";

/// The methods that settings may name beside such codes.
const METHODS: [&str; 2] = ["compressed-tensors", "sparseml"];

/// Finds packed weights.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    for (key, info) in tensors {
        let Some(weight) = key.strip_suffix(PACKED) else {
            if let Some(weight) = key.strip_suffix("weight_global_scale") {
                scan.need(CT, key, &format!("{weight}weight{PACKED}"))?;
            }
            continue;
        };
        let is_code = matches!(info.dtype, DType::I32 | DType::U8);
        if !is_code || !weight.ends_with("weight") || info.shape.len() < 2 {
            continue;
        }
        scan.agree(key, CT, &METHODS)?;
        let scale = format!("{weight}_scale");
        let found = scan.need(CT, key, &scale)?;
        let entry = Pack {
            weight,
            key,
            info,
            scale: &scale,
            found,
        };
        match info.dtype {
            DType::I32 => integers(scan, &entry)?,
            _ => floats(scan, &entry)?,
        }
    }
    Ok(())
}

/// Packed codes and their scales.
struct Pack<'e> {
    /// The weight's name, which no entry has.
    weight: &'e str,
    /// The key of the codes.
    key: &'e str,
    info: &'e TensorInfo,
    /// The key of the scales.
    scale: &'e str,
    found: &'e TensorInfo,
}

/// Integers in words.
fn integers(scan: &mut Scan<'_, '_>, pack: &Pack<'_>) -> Result<(), Stop> {
    let &Pack {
        weight,
        key,
        info,
        scale,
        found,
    } = pack;
    let order = format!("{weight}_g_idx");
    if scan.tensors.contains_key(&order) {
        let what = "codes of compressed-tensors in groups that mix columns";
        return Err(scan.undecoded(key, what, &order));
    }
    let stated = format!("{weight}_shape");
    let shape = stated_shape(scan, pack, &stated)?;
    let Matrix {
        count,
        rows,
        columns,
    } = Matrix::of(&shape);
    let (wide, last) = (Matrix::of(&info.shape).columns, shape.len() - 1);
    let bits = bits(scan.settings(key), columns, wide);
    let Some(bits) = bits.filter(|_| shape[..last] == info.shape[..last]) else {
        let expected =
            format!("as many words as the bits of config.json make for a tensor {shape:?}");
        let told = Named::new(&stated, &scan.tensors[&*stated]);
        return Err(scan.mismatch(CT, Named::new(key, info), told, expected));
    };
    let groups = Matrix::of(&found.shape).columns;
    let group = group(scan.settings(key), columns, groups);
    let fits = found.elements() == count.saturating_mul(rows).saturating_mul(groups);
    let (Some(float), Some(group)) = (scales::float(found.dtype).filter(|_| fits), group) else {
        let expected = format!("BF16, F16 or F32, one for each group of {rows} rows of {columns},");
        return Err(scan.mismatch(
            CT,
            Named::new(scale, found),
            Named::new(key, info),
            expected,
        ));
    };
    let mut parts = vec![key, scale];
    let zeros = format!("{weight}_zero_point");
    let zero = scan.tensors.get(&zeros);
    if let Some(zero) = zero {
        let high = rows.saturating_mul(u64::from(bits)).div_ceil(32);
        let elements = count.saturating_mul(high).saturating_mul(groups);
        if zero.dtype != DType::I32 || zero.elements() != elements {
            let expected = format!("I32 [{high}, {groups}]");
            return Err(scan.mismatch(
                CT,
                Named::new(&zeros, zero),
                Named::new(key, info),
                expected,
            ));
        }
        parts.push(&zeros);
    }
    let format = Format::Packed(Packed {
        bits,
        group,
        zeros: zero.is_some(),
        scale: float,
    });
    let mut beside = scan.companions(weight);
    beside.push(stated);
    let coded = coded(CT, format, &shape, &parts, beside);
    scan.claim(weight.to_owned(), coded)
}

/// The dimensions that an entry beside packed codes states.
fn stated_shape(scan: &mut Scan<'_, '_>, pack: &Pack<'_>, stated: &str) -> Result<Vec<u64>, Stop> {
    let &Pack { key, info, .. } = pack;
    let told = scan.need(CT, key, stated)?;
    let size = told.dtype.bits() / 8;
    if !matches!(told.dtype, DType::I64 | DType::I32) || told.elements() != info.shape.len() as u64
    {
        let expected = format!("I64 [{}]", info.shape.len());
        return Err(scan.mismatch(
            CT,
            Named::new(stated, told),
            Named::new(key, info),
            expected,
        ));
    }
    let bytes = scan.bytes(stated)?;
    let words = bytes.chunks_exact(size as usize).map(|word| {
        let mut whole = [0; 8];
        whole[..word.len()].copy_from_slice(word);
        u64::from_le_bytes(whole)
    });
    let shape: Vec<u64> = words.collect();
    if shape.iter().any(|&size| size > i64::MAX as u64) {
        return Err(scan.description(stated, "it holds a size below zero"));
    }
    Ok(shape)
}

/// The bits of a code, as so many columns take so many words. Where several numbers of bits would,
/// as of few columns, the settings must say it.
fn bits(settings: Option<&Settings>, columns: u64, words: u64) -> Option<u32> {
    let fits = |bits: &u32| {
        let all = columns.checked_mul(u64::from(*bits));
        all.is_some_and(|all| all.div_ceil(32) == words)
    };
    let said = settings.map(|settings| settings.of_weights("num_bits"));
    let said = said.into_iter().flatten();
    let mut said = said.filter_map(|bits| u32::try_from(bits.as_u64()?).ok());
    let mut possible = (1..=8).filter(fits);
    let only = match (possible.next(), possible.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    said.find(|bits| (1..=8).contains(bits) && fits(bits))
        .or(only)
}

/// The columns of a group: `Some(None)` for a whole row, None where the scales do not fit.
fn group(settings: Option<&Settings>, columns: u64, groups: u64) -> Option<Option<u64>> {
    if groups == 1 {
        return Some(None);
    }
    let said = settings.map(|settings| settings.of_weights("group_size"));
    let mut said = said.into_iter().flatten().filter_map(|size| size.as_u64());
    let said = said.find(|&size| size > 0 && columns.div_ceil(size) == groups);
    let even = columns
        .checked_div(groups)
        .filter(|size| *size > 0 && size * groups == columns);
    said.or(even).map(Some)
}

/// Narrow floats in bytes: NVFP4 where there is a scale of the whole matrix, else MXFP4 and MXFP6.
fn floats(scan: &mut Scan<'_, '_>, pack: &Pack<'_>) -> Result<(), Stop> {
    let &Pack {
        weight,
        key,
        info,
        scale,
        found,
    } = pack;
    let name = format!("{weight}_global_scale");
    let global = scan.tensors.get(&name);
    let columns = if found.dtype == DType::F8E4M3 { 16 } else { 32 };
    let Matrix {
        count,
        rows,
        columns: bytes,
    } = Matrix::of(&info.shape);
    let block = Block { rows: 1, columns };
    let groups = Matrix::of(&found.shape).columns;
    let wide = groups.checked_mul(columns);
    let bits = wide
        .filter(|&wide| wide > 0)
        .and_then(|wide| Some(bytes.checked_mul(8)? / wide));
    let is_whole = wide.and_then(|wide| wide.checked_mul(bits?)) == bytes.checked_mul(8);
    let code = match bits.filter(|_| is_whole) {
        Some(4) => Some(Code::E2M1Low),
        Some(6) if columns == 32 => Some(Code::E2M3),
        _ => None,
    };
    let known = found.dtype == DType::F8E4M3 || scales::is_power(found.dtype);
    let fits = known && found.elements() == count.saturating_mul(rows).saturating_mul(groups);
    let (Some(code), Some(wide)) = (code.filter(|_| fits), wide) else {
        let expected = "F8_E4M3 for each 16 numbers or U8 for each 32";
        return Err(scan.mismatch(
            CT,
            Named::new(scale, found),
            Named::new(key, info),
            expected,
        ));
    };
    let mut parts = vec![key, scale];
    match (global, columns) {
        (Some(one), 16) if one.dtype == DType::F32 && one.elements() == count => {
            parts.push(&name);
        }
        (Some(one), _) => {
            let expected = "F32, one for each matrix of NVFP4,";
            return Err(scan.mismatch(CT, Named::new(&name, one), Named::new(key, info), expected));
        }
        (None, 16) => {
            scan.need(CT, key, &name)?;
        }
        (None, _) => {}
    }
    let mut shape = info.shape.to_vec();
    let last = shape.len() - 1;
    shape[last] = wide;
    let format = Format::Scaled(Scaled {
        over: Over::Block(block),
        scale: Some(found.dtype),
        global: global.map(|_| Global::Over),
        ..Scaled::plain(code, DType::U8)
    });
    let mut beside = scan.companions(weight);
    let stated = format!("{weight}_shape");
    beside.extend(scan.tensors.contains_key(&stated).then_some(stated));
    let coded = coded(CT, format, &shape, &parts, beside);
    scan.claim(weight.to_owned(), coded)
}
