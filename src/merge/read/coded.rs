//! Numbers of tensors that are stored as codes.

use std::ops::Range;

use crate::merge::MergeError;
use crate::merge::shared::Shared;
use crate::plan::Codes;

/// Bytes of an f32.
const FLOAT: usize = size_of::<f32>();

/// Reads bytes of each entry of a tensor, into buffers that are to be given back.
pub(in crate::merge) fn read_entries(
    shared: &Shared<'_>,
    codes: &Codes,
    spans: &[Range<u64>],
) -> Result<Vec<Vec<u8>>, MergeError> {
    let entries = codes.coding.parts.iter().zip(spans);
    let parts = entries.map(|(entry, span)| {
        let mut bytes = shared.spare.take((span.end - span.start) as usize);
        let place = (codes.model, entry.file);
        shared.read(place, entry.span.start + span.start, &mut bytes)?;
        Ok(bytes)
    });
    parts.collect()
}

/// Reads the codes of the elements from `start` on, and decodes them into `target` as f32.
pub(in crate::merge) fn read(
    shared: &Shared<'_>,
    codes: &Codes,
    start: u64,
    target: &mut [u8],
) -> Result<(), MergeError> {
    let coding = &*codes.coding;
    let elements = start..start + (target.len() / FLOAT) as u64;
    let spans = coding.format.spans(&coding.shape, elements.clone());
    let parts = read_entries(shared, codes, &spans)?;
    let slices: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
    shared.permits.with(|| {
        let (format, shape, level) = (&coding.format, &coding.shape, shared.level);
        match bytemuck::try_cast_slice_mut(target) {
            Ok(numbers) => format.decode(level, shape, elements, &slices, numbers),
            Err(_) => {
                let mut numbers = vec![0.0; target.len() / FLOAT];
                format.decode(level, shape, elements, &slices, &mut numbers);
                target.copy_from_slice(bytemuck::cast_slice(&numbers));
            }
        }
    });
    parts.into_iter().for_each(|part| shared.spare.give(part));
    Ok(())
}
