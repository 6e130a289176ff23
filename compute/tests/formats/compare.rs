//! Decoded tensors beside the libraries'.

use wgmerge_compute::format::Format;
use wgmerge_compute::level::Level;

use crate::cases::{Case, Entry, File, cases};
use crate::ranges;

/// A quantised tensor of a case.
pub struct Tensor<'a> {
    pub format: Format,
    pub shape: Vec<u64>,
    pub parts: Vec<&'a Entry>,
}

/// Runs the decode cases of a topic and returns how many there were. `read` says how the tensor of
/// a name is made of the parts in a file. Of the others, `left_out` names what is done to decode
/// them, and why it is not done here.
pub fn run(
    topic: &str,
    left_out: &[(&str, &str)],
    open: impl Fn(&Case) -> File,
    read: impl for<'a> Fn(&Case, &'a File, &str, &Entry) -> Tensor<'a>,
) -> usize {
    let mut count = 0;
    let is_left_out = |case: &Case| {
        let mut names = left_out.iter().map(|(name, _)| *name);
        names.any(|name| name == case.op || name == case.name)
    };
    for (name, reason) in left_out {
        let mut cases = cases(topic).into_iter();
        let used = cases.any(|case| *name == case.op || *name == case.name);
        assert!(used, "{topic} has no {name}, left out because {reason}");
    }
    for case in cases(topic) {
        if !case.op.starts_with("dequantise") || is_left_out(&case) {
            continue;
        }
        let file = open(&case);
        for (name, expected) in case.output() {
            let tensor = read(&case, &file, &name, &expected);
            check(&case, &name, &tensor, &expected);
        }
        count += 1;
    }
    count
}

pub fn check(case: &Case, name: &str, tensor: &Tensor<'_>, expected: &Entry) {
    let place = format!("{} of {}", name, case.name);
    let Tensor {
        format,
        shape,
        parts,
    } = tensor;
    let described = format.parts(shape);
    assert_eq!(described.len(), parts.len(), "{place}: parts");
    for (part, entry) in described.iter().zip(parts) {
        assert_eq!(part.dtype, entry.dtype, "{place}: {part:?}");
        let count: u64 = part.shape.iter().product();
        assert_eq!(count, entry.count(), "{place}: {part:?}, {:?}", entry.shape);
    }
    let bytes: Vec<&[u8]> = parts.iter().map(|part| part.bytes.as_slice()).collect();
    let all = 0..shape.iter().product();
    let whole = ranges::decode(Level::BASELINE, format, shape, all, &bytes);
    let expected = expected.numbers();
    assert_eq!(whole.len(), expected.len(), "{place}");
    match &case.tolerance {
        None => exact(&place, &whole, &expected),
        Some((what, most)) => {
            let row = shape.last().copied().unwrap_or(1) as usize;
            close(&place, what, *most, row, &whole, &expected);
        }
    }
    ranges::check(&place, format, shape, &bytes, &whole);
}

fn exact(place: &str, found: &[f32], expected: &[f32]) {
    // What is read out with an identity has lost the signs of its zeros, and bitsandbytes' loops
    // disagree about that of FP4's second zero.
    let is_signed = !place.contains("musubi") && !place.contains("fp4_");
    let is_signed = is_signed || place.contains("nvfp4_") || place.contains("mxfp4_");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let same = found.to_bits() == expected.to_bits()
            || found.is_nan() && expected.is_nan()
            || !is_signed && found == expected;
        assert!(same, "{place}: {found:e}, not {expected:e}, at {at}");
    }
}

fn close(place: &str, what: &str, most: f64, row: usize, found: &[f32], expected: &[f32]) {
    let rows = found.chunks(row).zip(expected.chunks(row));
    for (found, expected) in rows {
        let largest = expected.iter().fold(0.0f32, |a, b| a.max(b.abs()));
        for (found, expected) in found.iter().zip(expected) {
            let against = match what {
                "abs_of_row_amax" => largest,
                "rel" => expected.abs(),
                _ => panic!("{place}: what is {what}?"),
            };
            let difference = (f64::from(*found) - f64::from(*expected)).abs();
            let same =
                difference <= most * f64::from(against) || found.is_nan() && expected.is_nan();
            assert!(same, "{place}: {found:e}, not {expected:e}");
        }
    }
}
