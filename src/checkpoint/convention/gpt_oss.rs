//! MXFP4 of gpt-oss: `_blocks` of 32 numbers in 16 bytes, and `_scales` for them. The experts'
//! matrices are stored as the transposes of what the model computes with.

use super::coded::{Coded, Convention};
use super::fault::Stop;
use super::scan::{Named, Scan, coded};
use crate::dtype::DType;
use crate::format::{Block, Code, E8M0, Format, Over, Scaled};

const BLOCKS: &str = "_blocks";
const SCALES: &str = "_scales";

/// Finds blocks of 16 bytes with their scales.
pub(super) fn find(scan: &mut Scan<'_, '_>) -> Result<(), Stop> {
    let tensors = scan.tensors;
    for (key, info) in tensors {
        let scales = key.strip_suffix(SCALES);
        if let Some(name) = scales.filter(|_| info.dtype == DType::U8 && info.shape.len() == 3) {
            if !tensors.contains_key(name) {
                scan.need(Convention::GptOss, key, &format!("{name}{BLOCKS}"))?;
            }
            continue;
        }
        let Some(name) = key.strip_suffix(BLOCKS) else {
            continue;
        };
        if info.dtype != DType::U8 || info.shape.len() < 3 || info.shape.last() != Some(&16) {
            continue;
        }
        let scales = format!("{name}{SCALES}");
        let scale = scan.need(Convention::GptOss, key, &scales)?;
        let stored = &info.shape[..info.shape.len() - 1];
        if scale.dtype != DType::U8 || *scale.shape != *stored {
            let expected = format!("U8 {stored:?}");
            let entry = Named::new(&scales, scale);
            return Err(scan.mismatch(Convention::GptOss, entry, Named::new(key, info), expected));
        }
        let [lead @ .., rows, blocks] = stored else {
            continue;
        };
        let shape: Vec<u64> = lead
            .iter()
            .copied()
            .chain([blocks.saturating_mul(32), *rows])
            .collect();
        let format = Format::Scaled(Scaled {
            over: Over::Block(Block {
                rows: 1,
                columns: 32,
            }),
            scale: Some(DType::U8),
            e8m0: E8M0::Power,
            ..Scaled::plain(Code::E2M1Low, DType::U8)
        });
        let parts = [&**key, &*scales];
        let coded = Coded {
            transposed: true,
            ..coded(Convention::GptOss, format, &shape, &parts, Vec::new())
        };
        scan.claim(name.to_owned(), coded)?;
    }
    Ok(())
}
