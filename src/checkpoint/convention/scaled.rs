//! A tensor and its `_scale`, without more: fp8 and int8 of several libraries, and microscaling
//! formats. Types and shapes tell which.

use serde_json::Value;

use super::block_fp8::said;
use super::coded::Convention;
use super::fault::Stop;
use super::scales;
use super::scan::{Named, Scan, coded};
use crate::checkpoint::tensor::TensorInfo;
use crate::dtype::{DType, Float};
use crate::format::{Block, Code, Format, Over, Scaled};

const SCALE: &str = "_scale";

/// Numbers that a scale of a microscaling format covers.
const MICRO: Block = Block {
    rows: 1,
    columns: 32,
};

/// Finds tensors with a scale.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    for (key, scale) in tensors {
        let Some(name) = key.strip_suffix(SCALE) else {
            continue;
        };
        let Some(info) = tensors.get(name).filter(|_| !scan.is_owned(key)) else {
            continue;
        };
        let convention = match scan.method(name) {
            "compressed-tensors" => Convention::Compressed,
            "modelopt" => Convention::ModelOpt,
            _ => Convention::Scaled,
        };
        let Some(code) = code(info) else {
            continue;
        };
        let is_scale = scales::is_power(scale.dtype) || scales::float(scale.dtype).is_some();
        if !is_scale {
            continue;
        }
        let zeros = format!("{name}_zero_point");
        let mut beside = scan.companions(name);
        if tensors.contains_key(&zeros) {
            let settings = scan.settings(name);
            let said = settings.map(|settings| settings.of_weights("symmetric"));
            let said = said.into_iter().flatten().next();
            if said.and_then(Value::as_bool) != Some(true) {
                return Err(scan.undecoded(name, "codes with zero points", &zeros));
            }
            beside.push(zeros);
        }
        let Some(format) = format(scan, Named::new(name, info), code, scale) else {
            // Bytes with scales are many things; those that are not known are refused as such.
            if info.dtype == DType::U8 {
                continue;
            }
            let expected = "one for the tensor or for each row, block or 32 numbers,";
            return Err(scan.mismatch(
                convention,
                Named::new(key, scale),
                Named::new(name, info),
                expected,
            ));
        };
        let shape = match info.dtype {
            DType::U8 => scales::doubled(&info.shape),
            _ => info.shape.to_vec(),
        };
        let coded = coded(
            convention,
            Format::Scaled(format),
            &shape,
            &[name, key],
            beside,
        );
        scan.claim(name.to_owned(), coded)?;
    }
    Ok(())
}

/// How codes of a type are written; bytes are nibbles where they are anything.
fn code(info: &TensorInfo) -> Option<Code> {
    Some(match info.dtype {
        DType::F8E4M3 => Code::E4M3,
        DType::F8E5M2 => Code::E5M2,
        DType::I8 => Code::I8,
        DType::F4 | DType::U8 => Code::E2M1Low,
        DType::F6E2M3 => Code::E2M3,
        DType::F6E3M2 => Code::E3M2,
        _ => return None,
    })
}

fn format(scan: &Scan<'_, '_>, codes: Named<'_>, code: Code, scale: &TensorInfo) -> Option<Scaled> {
    let info = codes.info;
    let each = if info.dtype == DType::U8 { 2 } else { 1 };
    let numbers = info.elements().checked_mul(each)?;
    let columns = info.shape.last()?.checked_mul(each)?;
    let base = Scaled {
        scale: Some(scale.dtype),
        rounded: scales::float(scale.dtype).unwrap_or(Float::F32),
        ..Scaled::plain(code, info.dtype)
    };
    let is_micro = scales::is_power(scale.dtype)
        && columns.is_multiple_of(MICRO.columns)
        && scale.elements() == numbers / MICRO.columns;
    if is_micro {
        let over = Over::Block(MICRO);
        return Some(Scaled { over, ..base });
    }
    // Bytes that are no powers of two mean nothing beside other codes.
    let is_power = scale.dtype == DType::U8;
    if info.dtype == DType::U8 || (is_power && info.dtype == DType::I8) {
        return None;
    }
    let over = scales::over(&info.shape, &scale.shape, said(scan, codes.key))?;
    Some(Scaled { over, ..base })
}
