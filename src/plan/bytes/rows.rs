//! What is told of rows that are gathered.

use super::{Gathered, RowSource};
use crate::vocabulary::Origin;

impl RowSource {
    /// Bytes of one element.
    pub fn unit(&self) -> u64 {
        self.dtype.unit().bytes
    }
}

impl Gathered {
    /// Bytes of the files that are read for `elements` of it.
    pub fn read_bytes(&self, elements: u64) -> u64 {
        let all = self.rows() * self.columns;
        match elements == all {
            true => self.all_bytes(),
            false => {
                let share = u128::from(self.all_bytes()) * u128::from(elements);
                (share / u128::from(all.max(1))) as u64
            }
        }
    }

    fn all_bytes(&self) -> u64 {
        let row = |source: u16| {
            let source = &self.sources[usize::from(source)];
            source.bytes.read_bytes(self.columns, source.unit())
        };
        let map = &self.map.0;
        let runs = map.runs().iter().map(|run| match run.origin {
            Origin::Zero | Origin::Average => 0,
            Origin::Rows(first) => u64::from(run.count) * row(first.source),
            Origin::Mean { first, count } => {
                let terms = map.terms(first, count).iter();
                terms.map(|term| row(term.source)).sum()
            }
        });
        let once: u64 = runs.sum();
        // The mean of all rows takes a reading of its own.
        once << u32::from(map.averages())
    }

    fn rows(&self) -> u64 {
        u64::from(self.map.0.rows())
    }

    /// Bytes of the mean of all rows, once it is known, and of what it is added up in.
    pub(in crate::plan) fn average_bytes(&self) -> u64 {
        let each = (size_of::<f32>() + size_of::<f64>()) as u64;
        match self.map.0.averages() {
            true => self.columns * each,
            false => 0,
        }
    }
}
