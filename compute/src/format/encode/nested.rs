//! Scales that are codes of a table themselves.

use super::ladder::Ladder;
use super::number;

/// How scales are nested.
#[derive(Clone, Debug)]
pub(super) struct Nested<'a> {
    /// Scales under a scale of scales.
    block: usize,
    /// What is added to their numbers.
    offset: f32,
    /// The numbers.
    table: &'a [u8],
}

impl Nested<'_> {
    pub(super) fn new(block: usize, offset: f32, table: &[u8]) -> Nested<'_> {
        Nested {
            block,
            offset,
            table,
        }
    }

    /// The scales that codes and scales of scales mean.
    pub(super) fn read(&self, codes: &[u8], nested: &[u8], scales: &mut [f32]) {
        for (place, scale) in scales.iter_mut().enumerate() {
            let code = codes.get(place).copied().unwrap_or_default();
            let number = f32::from_bits(number::read(self.table, 4, usize::from(code)));
            let most = f32::from_bits(number::read(nested, 4, place / self.block));
            *scale = number * most + self.offset;
        }
    }

    /// Writes scales as codes and scales of scales.
    pub(super) fn write(&self, scales: &[f32], codes: &mut [u8], nested: &mut [u8]) {
        let ladder = Ladder::new(self.table);
        let blocks = scales.chunks(self.block).zip(codes.chunks_mut(self.block));
        for (place, (scales, codes)) in blocks.enumerate() {
            let sizes = scales.iter().map(|scale| (scale - self.offset).abs());
            let most = sizes.fold(0.0, f32::max);
            number::write(nested, 4, place, most.to_bits());
            let by = if most == 0.0 { 0.0 } else { 1.0 / most };
            for (scale, code) in scales.iter().zip(codes) {
                *code = ladder.nearest((scale - self.offset) * by);
            }
        }
    }
}
