//! Narrow floats of safetensors that stand alone: each code is a number.

use super::coded::Convention;
use super::fault::Stop;
use super::scan::{Scan, coded};
use crate::dtype::DType;
use crate::format::{Code, Format, Scaled};

/// Finds floats of 4 and 6 bits that are no other's.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    for (key, info) in tensors {
        let code = match info.dtype {
            DType::F4 => Code::E2M1Low,
            DType::F6E2M3 => Code::E2M3,
            DType::F6E3M2 => Code::E3M2,
            _ => continue,
        };
        if !scan.is_owned(key) {
            let format = Format::Scaled(Scaled::plain(code, info.dtype));
            let coded = coded(Convention::Narrow, format, &info.shape, &[key], Vec::new());
            scan.claim(key.clone(), coded)?;
        }
    }
    Ok(())
}
