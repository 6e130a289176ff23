//! Rows of several tensors.

use super::Bytes;
use crate::dtype::DType;
use crate::recipe::Rule;
use crate::vocabulary::{Origin, RowMap};

/// The rows of a gathered matrix.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Gathered {
    /// What the rows are taken from.
    pub sources: Vec<RowSource>,
    /// Which rows.
    pub map: Rule<RowMap>,
    /// Elements of a row.
    pub columns: u64,
    /// Whether its elements are f32, decoded from those of the sources. Else they are bytes of the
    /// sources, and no row is computed.
    pub decoded: bool,
}

/// A tensor that rows are taken from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RowSource {
    /// Its elements.
    pub bytes: Bytes,
    /// Their type.
    pub dtype: DType,
}

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
    pub(super) fn average_bytes(&self) -> u64 {
        let each = (size_of::<f32>() + size_of::<f64>()) as u64;
        match self.map.0.averages() {
            true => self.columns * each,
            false => 0,
        }
    }
}
