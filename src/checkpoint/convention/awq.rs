//! AutoAWQ's gemm form: `qweight`, `qzeros` and `scales`, eight nibbles in a word.

use super::coded::Convention;
use super::fault::Stop;
use super::scales;
use super::scan::{Named, Scan, coded};
use crate::checkpoint::tensor::TensorInfo;
use crate::dtype::DType;
use crate::format::{Awq, Format};

/// Finds packed weights whose words lie along the outputs.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    for (key, info) in tensors {
        let Some(stem) = key.strip_suffix(".qweight") else {
            continue;
        };
        let has = |tail: &str| tensors.contains_key(&format!("{stem}.{tail}"));
        // GPTQ and others use the name too. Its words lie along the inputs, so that its scales are
        // as wide as its codes.
        let scale = tensors.get(&format!("{stem}.scales"));
        let is_gptq = scale.is_some_and(|scale| scale.shape.last() == info.shape.last());
        let other = has("g_idx") || has("wscales") || is_gptq || info.dtype != DType::I32;
        if other || !has("qzeros") || scan.method(key) == "gptq" {
            continue;
        }
        let (zeros, scales) = (format!("{stem}.qzeros"), format!("{stem}.scales"));
        let zero = &tensors[&*zeros];
        let scale = scan.need(Convention::Awq, key, &scales)?;
        if let Some(form) = form(scan, key) {
            return Err(scan.undecoded(key, &format!("AWQ in the form `{form}`"), key));
        }
        let format = match (&*info.shape, &*scale.shape) {
            (&[columns, words], &[groups, rows]) if words.checked_mul(8) == Some(rows) => {
                format(columns, groups, scale).map(|format| (format, [rows, columns]))
            }
            _ => None,
        };
        let Some((format, shape)) = format else {
            let expected = "F16, one for each output and group of inputs,";
            return Err(scan.mismatch(
                Convention::Awq,
                Named::new(&scales, scale),
                Named::new(key, info),
                expected,
            ));
        };
        let fit = [scale.shape[0], info.shape[1]];
        if zero.dtype != DType::I32 || *zero.shape != fit {
            let expected = format!("I32 {fit:?}");
            return Err(scan.mismatch(
                Convention::Awq,
                Named::new(&zeros, zero),
                Named::new(key, info),
                expected,
            ));
        }
        let name = format!("{stem}.weight");
        let parts = [&**key, &*scales, &*zeros];
        let coded = coded(
            Convention::Awq,
            Format::Awq(format),
            &shape,
            &parts,
            Vec::new(),
        );
        scan.claim(name, coded)?;
    }
    Ok(())
}

fn format(columns: u64, groups: u64, scale: &TensorInfo) -> Option<Awq> {
    let group = columns.checked_div(groups)?;
    (group > 0 && group * groups == columns).then_some(Awq {
        group,
        scale: scales::float(scale.dtype)?,
    })
}

/// What the settings call the form, where it is another than gemm.
fn form(scan: &Scan<'_, '_>, key: &str) -> Option<String> {
    let settings = scan.settings(key)?;
    let text = |name: &str| settings.said.get(name)?.as_str();
    let form = text("version").filter(|form| !form.eq_ignore_ascii_case("gemm"));
    let bits = settings
        .said
        .get("bits")
        .or_else(|| settings.said.get("w_bit"));
    let bits = bits.filter(|bits| bits.as_u64().is_some_and(|bits| bits != 4));
    form.map(str::to_owned)
        .or_else(|| Some(format!("{} bits", bits?)))
}
