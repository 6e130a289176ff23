//! The numbers of a table, as steps to round to.

use super::number;

/// The numbers of a table in ascending order.
#[derive(Clone, Debug)]
pub(super) struct Ladder {
    /// The numbers.
    pub(super) numbers: Vec<f32>,
    /// The middles between neighbours.
    pub(super) middles: Vec<f32>,
    /// The code of each number.
    codes: Vec<u8>,
}

impl Ladder {
    /// That of a table of F32, up to 256 of them.
    pub(super) fn new(table: &[u8]) -> Ladder {
        let number = |code: u8| f32::from_bits(number::read(table, 4, usize::from(code)));
        let mut order: Vec<u8> = (0..=u8::MAX).take(table.len() / 4).collect();
        order.sort_by(|a, b| number(*a).total_cmp(&number(*b)));
        // Of two zeros the positive one, which is the last.
        let zero = order.iter().rfind(|code| number(**code) == 0.0);
        let code = |code: &u8| match zero {
            Some(zero) if number(*code) == 0.0 => *zero,
            _ => *code,
        };
        let numbers: Vec<f32> = order.iter().map(|code| number(*code)).collect();
        let middles = numbers.windows(2).map(|pair| (pair[0] + pair[1]) / 2.0);
        Ladder {
            middles: middles.collect(),
            codes: order.iter().map(code).collect(),
            numbers,
        }
    }

    /// The code of the nearest number; in the middle the lower.
    pub(super) fn nearest(&self, x: f32) -> u8 {
        let place = self.middles.partition_point(|middle| *middle < x);
        self.codes.get(place).copied().unwrap_or_default()
    }

    /// Codes in place of the places of their numbers.
    pub(super) fn coded(&self, places: &mut [u8]) {
        for place in places {
            let code = self.codes.get(usize::from(*place));
            *place = code.copied().unwrap_or_default();
        }
    }
}
