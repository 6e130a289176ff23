//! Rows of matrices that are stored column by column: elements are read in the order in which they
//! are stored, for many rows at once.

use super::gather::{BLOCK, Gatherer, VALUE};
use crate::checkpoint::GAP_BYTES;
use crate::dtype::Float;
use crate::exec::cpu::product::decode;
use crate::merge::MergeError;
use crate::plan::{Bytes, RowSource};
use crate::vocabulary::Origin;

/// Rows that are looked for at a time.
const ROWS: u64 = 8 << 10;

/// A row of a source, and the number of the row that it becomes.
type Pick = (u32, u32);

/// A matrix that is stored column by column.
struct Columns<'s> {
    source: &'s RowSource,
    stored: &'s Bytes,
    /// Elements from one row to the next, and from one column to the next.
    steps: (u64, u64),
}

impl<'s> Columns<'s> {
    fn of(source: &'s RowSource) -> Option<Columns<'s>> {
        let Bytes::Strided { of, axes } = &source.bytes else {
            return None;
        };
        Some(Columns {
            source,
            stored: of,
            steps: axes.by_columns()?,
        })
    }
}

impl Gatherer<'_> {
    /// Whether any source is stored column by column.
    pub(super) fn has_columns(self) -> bool {
        let mut sources = self.gathered.sources.iter();
        sources.any(|source| Columns::of(source).is_some())
    }

    /// Reads whole rows from number `first` on.
    pub(super) fn rows(self, unit: u64, first: u64, target: &mut [u8]) -> Result<(), MergeError> {
        let row = self.gathered.columns * unit;
        let parts = target.chunks_mut((ROWS * row) as usize);
        for (first, part) in (first..).step_by(ROWS as usize).zip(parts) {
            self.some_rows(unit, first, part)?;
        }
        Ok(())
    }

    fn some_rows(self, unit: u64, first: u64, target: &mut [u8]) -> Result<(), MergeError> {
        let row = self.gathered.columns * unit;
        let end = first + target.len() as u64 / row;
        let sources = self.gathered.sources.iter();
        let stored: Vec<Option<Columns<'_>>> = sources.map(Columns::of).collect();
        let mut picks: Vec<Vec<Pick>> = vec![Vec::new(); stored.len()];
        // The map numbers its rows with 32 bits.
        for run in self.gathered.map.0.runs_from(first as u32) {
            let from = u64::from(run.start).max(first);
            let to = u64::from(run.end()).min(end);
            if from >= to {
                break;
            }
            let skip = from - u64::from(run.start);
            match run.origin {
                Origin::Rows(own) if stored[usize::from(own.source)].is_some() => {
                    let rows = (from..to).map(|number| {
                        let before = number - u64::from(run.start);
                        (own.row + before as u32, (number - first) as u32)
                    });
                    picks[usize::from(own.source)].extend(rows);
                }
                _ => {
                    let part = ((from - first) * row) as usize..((to - first) * row) as usize;
                    self.run(run, skip * self.gathered.columns, &mut target[part])?;
                }
            }
        }
        for (columns, mut picks) in stored.into_iter().zip(picks) {
            if let Some(columns) = columns {
                picks.sort_unstable();
                self.pick(&columns, &picks, target)?;
            }
        }
        Ok(())
    }

    /// Reads rows of a matrix in the order in which it is stored.
    fn pick(
        self,
        columns: &Columns<'_>,
        picks: &[Pick],
        target: &mut [u8],
    ) -> Result<(), MergeError> {
        let (row_step, column_step) = columns.steps;
        let unit = columns.source.unit();
        let float = columns
            .source
            .dtype
            .float()
            .filter(|_| self.gathered.decoded);
        let float = float.filter(|float| *float != Float::F32);
        let size = if float.is_some() {
            VALUE
        } else {
            unit as usize
        };
        let room = (BLOCK / (unit as usize + VALUE)) as u64;
        let (mut block, mut values) = (vec![0; room as usize * unit as usize], Vec::new());
        values.resize(if float.is_some() { room as usize } else { 0 }, 0.0_f32);
        let near = |one: &Pick, next: &Pick| {
            u64::from(next.0 - one.0).saturating_mul(row_step * unit) <= GAP_BYTES
        };
        for column in 0..self.gathered.columns {
            for run in picks.chunk_by(near) {
                let mut rest = run;
                while let Some(&(first, _)) = rest.first() {
                    let place = |row: u32| u64::from(row - first) * row_step;
                    let (part, behind) =
                        rest.split_at(rest.partition_point(|(row, _)| place(*row) < room));
                    rest = behind;
                    let len = part.last().map_or(0, |(row, _)| place(*row)) as usize + 1;
                    let block = &mut block[..len * unit as usize];
                    let at = column * column_step + u64::from(first) * row_step;
                    (self.source)(columns.stored, unit, at, block)?;
                    self.shared.permits.with(|| {
                        let found: &[u8] = match float {
                            Some(float) => {
                                decode(self.shared.level, float, block, &mut values[..len]);
                                bytemuck::cast_slice(&values)
                            }
                            None => block,
                        };
                        for (row, to) in part {
                            let from = place(*row) as usize * size;
                            let to = u64::from(*to) * self.gathered.columns + column;
                            let to = to as usize * size;
                            target[to..to + size].copy_from_slice(&found[from..from + size]);
                        }
                    });
                }
            }
        }
        Ok(())
    }
}
