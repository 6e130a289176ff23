//! Parts of a tensor beside the whole.

use std::ops::Range;

use wgmerge_compute::format::Format;
use wgmerge_compute::level::Level;

/// Numbers that look random, the same in every run.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Numbers {
        Numbers(seed.wrapping_mul(2) + 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }
}

/// Decodes a range from the whole parts.
pub fn decode(
    level: Level,
    format: &Format,
    shape: &[u64],
    elements: Range<u64>,
    parts: &[&[u8]],
) -> Vec<f32> {
    let spans = format.spans(shape, elements.clone());
    assert_eq!(spans.len(), parts.len());
    let cut = |(span, part): (Range<u64>, &&[u8])| {
        // A copy, so that nothing behind it is read unseen.
        part[span.start as usize..span.end as usize].to_vec()
    };
    let cut: Vec<Vec<u8>> = spans.into_iter().zip(parts).map(cut).collect();
    let parts: Vec<&[u8]> = cut.iter().map(Vec::as_slice).collect();
    let mut target = vec![0.0; (elements.end - elements.start) as usize];
    format.decode(level, shape, elements, &parts, &mut target);
    target
}

/// Decodes parts of a tensor at every level: they are what the whole has there.
pub fn check(place: &str, format: &Format, shape: &[u64], parts: &[&[u8]], whole: &[f32]) {
    let all = whole.len() as u64;
    let mut numbers = Numbers::new(all + parts.len() as u64);
    for level in Level::available() {
        for round in 0..24 {
            let start = if round == 0 {
                0
            } else {
                numbers.below(all + 1)
            };
            let length = match round {
                0 => all,
                1..8 => numbers.below(40),
                _ => numbers.below(all + 1),
            };
            let range = start..(start + length).min(all);
            let found = decode(level, format, shape, range.clone(), parts);
            let expected = &whole[range.start as usize..range.end as usize];
            let bits = |numbers: &[f32]| numbers.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            let is_same = bits(&found) == bits(expected);
            assert!(is_same, "{place}: {range:?} at {}", level.name());
        }
    }
}
