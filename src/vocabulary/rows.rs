//! Which rows a matrix is gathered from.

/// Where a row of a gathered matrix comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Zeros.
    Zero,
    /// A row of a source.
    Of(RowOf),
    /// The mean of some rows.
    Mean(Vec<RowOf>),
    /// The mean of all rows of the gathered matrix that are none of these.
    Average,
}

/// A row of one of the sources of a gathered matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowOf {
    /// The number of the source.
    pub source: u16,
    /// The number of its row.
    pub row: u32,
}

/// Where a run of rows comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Zeros.
    Zero,
    /// Rows of a source one after the other, from this one on.
    Rows(RowOf),
    /// One row: the mean of `count` rows, from number `first` on of [`RowMap::terms`].
    Mean {
        /// Where its terms begin.
        first: u32,
        /// How many they are.
        count: u32,
    },
    /// Each the mean of all rows that are none of these.
    Average,
}

/// Rows with a common origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RowRun {
    /// The number of its first row in the gathered matrix.
    pub start: u32,
    /// How many there are.
    pub count: u32,
    /// Where they come from.
    pub origin: Origin,
}

/// The rows of a gathered matrix, as runs: what two vocabularies have in common mostly lies in the
/// same order in both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowMap {
    runs: Vec<RowRun>,
    terms: Vec<RowOf>,
    rows: u32,
    /// Per source how many rows it has at least.
    needed: Vec<u32>,
}

/// A map with more rows, sources or terms than there are numbers for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a vocabulary has more rows than 32 bits count, or rows of more models than 16 bits do")]
pub struct RowMapError;

impl RowMap {
    /// The map of these rows.
    ///
    /// # Errors
    /// [`RowMapError`] where there are too many.
    pub fn new(rows: impl IntoIterator<Item = Row>) -> Result<RowMap, RowMapError> {
        let mut map = RowMap::default();
        for row in rows {
            map.push(row)?;
        }
        map.shrink();
        Ok(map)
    }

    /// Gives back what rows to come would have taken.
    pub(super) fn shrink(&mut self) {
        self.runs.shrink_to_fit();
        self.terms.shrink_to_fit();
    }

    /// The first rows of one source.
    pub fn prefix(rows: u32) -> RowMap {
        let run = RowRun {
            start: 0,
            count: rows,
            origin: Origin::Rows(RowOf { source: 0, row: 0 }),
        };
        RowMap {
            runs: vec![run],
            terms: Vec::new(),
            rows,
            needed: vec![rows],
        }
    }

    pub(super) fn push(&mut self, row: Row) -> Result<(), RowMapError> {
        let start = self.rows;
        self.rows = start.checked_add(1).ok_or(RowMapError)?;
        let origin = match row {
            Row::Zero => Origin::Zero,
            Row::Average => Origin::Average,
            Row::Of(own) => {
                self.need(own)?;
                Origin::Rows(own)
            }
            Row::Mean(terms) => {
                let first = self.terms.len().try_into().map_err(|_| RowMapError)?;
                let count = terms.len().try_into().map_err(|_| RowMapError)?;
                for own in terms {
                    self.need(own)?;
                    self.terms.push(own);
                }
                Origin::Mean { first, count }
            }
        };
        match self.runs.last_mut() {
            Some(run) if run.goes_on_with(origin) => run.count += 1,
            _ => self.runs.push(RowRun {
                start,
                count: 1,
                origin,
            }),
        }
        Ok(())
    }

    fn need(&mut self, own: RowOf) -> Result<(), RowMapError> {
        let end = own.row.checked_add(1).ok_or(RowMapError)?;
        let source = usize::from(own.source);
        if self.needed.len() <= source {
            self.needed.resize(source + 1, 0);
        }
        self.needed[source] = self.needed[source].max(end);
        Ok(())
    }

    /// How many rows the gathered matrix has.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Its rows.
    pub fn runs(&self) -> &[RowRun] {
        &self.runs
    }

    /// The runs from the one on that a row lies in.
    pub fn runs_from(&self, row: u32) -> &[RowRun] {
        let first = self.runs.partition_point(|run| run.start <= row);
        &self.runs[first.saturating_sub(1)..]
    }

    /// The rows that a mean is of.
    pub fn terms(&self, first: u32, count: u32) -> &[RowOf] {
        &self.terms[first as usize..][..count as usize]
    }

    /// Per source how many rows it has at least; 0 where none of its rows is used.
    pub fn needed(&self) -> &[u32] {
        &self.needed
    }

    /// Whether rows are computed.
    pub fn computes(&self) -> bool {
        let computed = |run: &RowRun| matches!(run.origin, Origin::Mean { .. } | Origin::Average);
        self.runs.iter().any(computed)
    }

    /// Whether some rows are the mean of all others.
    pub fn averages(&self) -> bool {
        self.runs.iter().any(|run| run.origin == Origin::Average)
    }

    /// Bytes that it takes.
    pub fn held_bytes(&self) -> u64 {
        let parts = [
            self.runs.capacity() * size_of::<RowRun>(),
            self.terms.capacity() * size_of::<RowOf>(),
            self.needed.capacity() * size_of::<u32>(),
        ];
        size_of::<RowMap>() as u64 + parts.iter().sum::<usize>() as u64
    }
}

impl RowRun {
    /// Whether the row behind it has the same origin.
    fn goes_on_with(&self, next: Origin) -> bool {
        match (self.origin, next) {
            (Origin::Zero, Origin::Zero) | (Origin::Average, Origin::Average) => true,
            (Origin::Rows(first), Origin::Rows(next)) => {
                let behind = first.row.checked_add(self.count);
                first.source == next.source && behind == Some(next.row)
            }
            _ => false,
        }
    }

    /// The number behind that of its last row.
    pub fn end(&self) -> u32 {
        self.start + self.count
    }
}
