//! What the statistics of a sweep's outputs have in common: found once for each tensor.

use super::statistics::Totals;
use crate::kernel::table::Layout;
use crate::kernel::{Program, Row, Threshold, Ties};
use crate::plan::{InputId, ProgramId, Work};

/// Results of scans over one tensor.
#[derive(Debug, Default)]
pub(in crate::merge) struct Memo<'p> {
    sums: Vec<(Scan<'p>, Totals)>,
    largest: Vec<(Scan<'p>, Vec<Threshold>)>,
}

/// All that the result of a scan depends on.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::merge) struct Scan<'p> {
    program: ProgramId,
    inputs: &'p [Option<InputId>],
    numbers: Row,
    kept: Vec<(u64, Ties)>,
}

impl<'p> Scan<'p> {
    /// A scan by a Program, with its number; of `kept` largest entries, if it is that. None where
    /// the result hangs on planes as well.
    pub(in crate::merge) fn of(
        (number, program): (ProgramId, &Program),
        work: &'p Work,
        row: &Row,
        kept: Vec<(u64, Ties)>,
    ) -> Option<Scan<'p>> {
        work.planes.is_empty().then(|| Scan {
            program: number,
            inputs: &work.slots,
            numbers: Layout::of(program).numbers(row),
            kept,
        })
    }
}

impl<'p> Memo<'p> {
    /// The sums that a scan found.
    pub(in crate::merge) fn sums(&self, scan: Option<&Scan<'p>>) -> Option<&Totals> {
        find(&self.sums, scan)
    }

    /// The thresholds that a scan found.
    pub(in crate::merge) fn largest(&self, scan: Option<&Scan<'p>>) -> Option<&[Threshold]> {
        find(&self.largest, scan).map(Vec::as_slice)
    }

    /// Keeps sums.
    pub(in crate::merge) fn keep_sums(&mut self, scan: Option<Scan<'p>>, sums: Totals) {
        self.sums.extend(scan.map(|scan| (scan, sums)));
    }

    /// Keeps thresholds.
    pub(in crate::merge) fn keep_largest(&mut self, scan: Option<Scan<'p>>, found: Vec<Threshold>) {
        self.largest.extend(scan.map(|scan| (scan, found)));
    }
}

fn find<'m, T>(known: &'m [(Scan<'_>, T)], scan: Option<&Scan<'_>>) -> Option<&'m T> {
    let scan = scan?;
    let found = known.iter().find(|(other, _)| other == scan);
    found.map(|(_, result)| result)
}
