//! What the statistics of a sweep's outputs have in common: found once for each tensor.

use crate::kernel::table::Layout;
use crate::kernel::{Program, Row, Threshold, Ties};
use crate::plan::{Action, Input, Job};

/// Results of scans over one tensor.
#[derive(Debug, Default)]
pub(in crate::merge) struct Memo<'p> {
    sums: Vec<(Scan<'p>, Vec<f32>)>,
    largest: Vec<(Scan<'p>, Vec<Option<Threshold>>)>,
}

/// All that the result of a scan depends on.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::merge) struct Scan<'p> {
    program: usize,
    inputs: &'p [Option<Input>],
    numbers: Row,
    kept: Vec<(u64, Ties)>,
}

impl<'p> Scan<'p> {
    /// A scan by a Program, with its number; of `kept` largest entries, if it is that. None where
    /// the result hangs on planes as well.
    pub(in crate::merge) fn of(
        (number, program): (usize, &Program),
        job: &'p Job,
        row: &Row,
        kept: Vec<(u64, Ties)>,
    ) -> Option<Scan<'p>> {
        let Action::Merge { inputs, planes, .. } = &job.action else {
            return None;
        };
        planes.is_empty().then(|| Scan {
            program: number,
            inputs,
            numbers: Layout::of(program).numbers(row),
            kept,
        })
    }
}

impl<'p> Memo<'p> {
    /// The sums of tiles that a scan found.
    pub(in crate::merge) fn sums(&self, scan: Option<&Scan<'p>>) -> Option<&[f32]> {
        find(&self.sums, scan).map(Vec::as_slice)
    }

    /// The thresholds that a scan found.
    pub(in crate::merge) fn largest(
        &self,
        scan: Option<&Scan<'p>>,
    ) -> Option<&[Option<Threshold>]> {
        find(&self.largest, scan).map(Vec::as_slice)
    }

    /// Keeps the sums of tiles.
    pub(in crate::merge) fn keep_sums(&mut self, scan: Option<Scan<'p>>, sums: Vec<f32>) {
        self.sums.extend(scan.map(|scan| (scan, sums)));
    }

    /// Keeps thresholds.
    pub(in crate::merge) fn keep_largest(
        &mut self,
        scan: Option<Scan<'p>>,
        found: Vec<Option<Threshold>>,
    ) {
        self.largest.extend(scan.map(|scan| (scan, found)));
    }
}

fn find<'m, T>(known: &'m [(Scan<'_>, T)], scan: Option<&Scan<'_>>) -> Option<&'m T> {
    let scan = scan?;
    let found = known.iter().find(|(other, _)| other == scan);
    found.map(|(_, result)| result)
}
