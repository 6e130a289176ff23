//! Codes of bitsandbytes: NF4 and FP4 with the state that describes them, and int8 with `SCB`.

use serde_json::Value;

use super::coded::{Coded, Convention, Described};
use super::fault::Stop;
use super::said::numbers;
use super::scales::Matrix;
use super::scan::{Named, Scan, coded};
use crate::dtype::{DType, Float};
use crate::format::{Format, Table, TableScale};

const BNB: Convention = Convention::Bitsandbytes;

/// What follows a weight's name in that of its state.
const STATES: [&str; 2] = [
    ".quant_state.bitsandbytes__nf4",
    ".quant_state.bitsandbytes__fp4",
];

/// Finds weights with a state, and weights with `SCB`.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    for key in tensors.keys() {
        let state = STATES.iter().find_map(|tail| key.strip_suffix(tail));
        if let Some(weight) = state {
            let coded = table(scan, key, weight)?;
            scan.claim(weight.to_owned(), coded)?;
        } else if let Some(stem) = key.strip_suffix(".SCB") {
            integers(scan, key, stem)?;
        }
    }
    for (key, info) in tensors {
        // Without its state nothing says what the tensor's dimensions are.
        let weight = key.strip_suffix(".absmax");
        let codes = weight.and_then(|weight| Some((weight, tensors.get(weight)?)));
        let Some((weight, codes)) = codes.filter(|_| !scan.is_owned(key)) else {
            continue;
        };
        let is_scale = info.dtype == DType::F32 || info.dtype == DType::U8;
        if codes.dtype == DType::U8 && is_scale {
            scan.need(BNB, key, &format!("{weight}{}", STATES[0]))?;
        }
    }
    Ok(())
}

/// Integers of 8 bits, and the largest magnitude of each row.
fn integers(scan: &mut Scan<'_, '_>, key: &str, stem: &str) -> Result<(), Stop> {
    let scale = &scan.tensors[key];
    let weight = format!("{stem}.weight");
    let info = scan.need(BNB, key, &weight)?;
    if info.dtype.is_mergeable() {
        return Ok(());
    }
    let rows = Matrix::of(&info.shape).rows;
    if info.dtype != DType::I8 || info.shape.len() != 2 {
        return Err(scan.mismatch(
            BNB,
            Named::new(&weight, info),
            Named::new(key, scale),
            "I8 of two dimensions",
        ));
    }
    if scale.dtype != DType::F32 || scale.elements() != rows {
        let expected = format!("F32 [{rows}]");
        return Err(scan.mismatch(
            BNB,
            Named::new(key, scale),
            Named::new(&weight, info),
            expected,
        ));
    }
    let mut beside = Vec::new();
    let form = format!("{stem}.weight_format");
    if scan.tensors.contains_key(&form) {
        if scan.bytes(&form)?.iter().any(|&byte| byte != 0) {
            let what = "int8 of bitsandbytes in an order for one kind of GPU";
            return Err(scan.undecoded(&weight, what, &form));
        }
        beside.push(form);
    }
    let parts = [&*weight, key];
    let coded = coded(BNB, Format::Bnb8, &info.shape, &parts, beside);
    scan.claim(weight, coded)
}

/// What the state of a weight says.
struct State {
    shape: Vec<u64>,
    block: u64,
    nested: Option<Nested>,
}

/// What the state says of scales that are codes themselves.
struct Nested {
    block: u64,
    offset: f32,
}

impl State {
    fn of(state: &Value) -> Result<State, String> {
        let wrong = |name: &str| {
            let found = state.get(name);
            format!("`{name}` is {}", found.unwrap_or(&Value::Null))
        };
        let size = |name: &str| state.get(name).and_then(Value::as_u64).filter(|&n| n > 0);
        let shape = state.get("shape").and_then(numbers);
        let offset = match state.get("nested_offset") {
            None | Some(Value::Null) => None,
            Some(offset) => Some(offset.as_f64().ok_or_else(|| wrong("nested_offset"))? as f32),
        };
        let nested = match offset {
            None => None,
            Some(offset) => Some(Nested {
                block: size("nested_blocksize").ok_or_else(|| wrong("nested_blocksize"))?,
                offset,
            }),
        };
        Ok(State {
            shape: shape.ok_or_else(|| wrong("shape"))?,
            block: size("blocksize").ok_or_else(|| wrong("blocksize"))?,
            nested,
        })
    }
}

/// Codes of a table of 16 numbers.
fn table(scan: &mut Scan<'_, '_>, key: &str, weight: &str) -> Result<Coded, Stop> {
    let info = scan.need(BNB, key, weight)?;
    let text = scan.bytes(key)?;
    let state = serde_json::from_slice(&text);
    let state: Value =
        state.map_err(|fault| scan.description(key, format!("it is no JSON: {fault}")))?;
    let said = State::of(&state).map_err(|fault| scan.description(key, fault))?;
    let all = said
        .shape
        .iter()
        .try_fold(1u64, |all, &n| all.checked_mul(n));
    let all = all.ok_or_else(|| scan.description(key, format!("`shape` is {:?}", said.shape)))?;
    let owner = Named::new(weight, info);
    let told = Named::new(key, &scan.tensors[key]);
    check(scan, owner, told, &[DType::U8], all.div_ceil(2))?;
    let blocks = all.div_ceil(said.block);
    let part = |tail: &str, dtype: DType, elements: u64| {
        let name = format!("{weight}.{tail}");
        let found = scan.need(BNB, key, &name)?;
        check(scan, Named::new(&name, found), owner, &[dtype], elements)?;
        Ok::<String, Stop>(name)
    };
    let mut parts = vec![weight.to_owned()];
    let scale = match &said.nested {
        None => {
            parts.push(part("absmax", DType::F32, blocks)?);
            parts.push(part("quant_map", DType::F32, 16)?);
            TableScale::Plain
        }
        Some(Nested { block, offset }) => {
            parts.push(part("absmax", DType::U8, blocks)?);
            parts.push(part("quant_map", DType::F32, 16)?);
            parts.push(part("nested_absmax", DType::F32, blocks.div_ceil(*block))?);
            parts.push(part("nested_quant_map", DType::F32, 256)?);
            TableScale::Nested {
                block: *block,
                offset: offset.to_bits(),
            }
        }
    };
    let format = Format::Table(Table {
        block: said.block,
        scale,
        // The library rounds to the type of the model that it loads, which is the output's concern.
        rounded: Float::F32,
    });
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    Ok(Coded {
        described: Described::Json(state.to_string()),
        ..coded(BNB, format, &said.shape, &parts, vec![key.to_owned()])
    })
}

fn check(
    scan: &Scan<'_, '_>,
    entry: Named<'_>,
    beside: Named<'_>,
    dtypes: &[DType],
    elements: u64,
) -> Result<(), Stop> {
    if dtypes.contains(&entry.info.dtype) && entry.info.elements() == elements {
        return Ok(());
    }
    let names: Vec<&str> = dtypes.iter().map(|dtype| dtype.name()).collect();
    let count = crate::figures::counted(elements, "element");
    let expected = format!("{count} of {}", names.join(" or "));
    Err(scan.mismatch(BNB, entry, beside, expected))
}
