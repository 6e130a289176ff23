//! What the statistics of a sweep's outputs have in common: found once for each tensor.

use crate::kernel::reduce::Found;
use crate::kernel::table::Layout;
use crate::kernel::{Program, Row};
use crate::plan::{Group, InputId, Work};

/// What was found of one tensor.
#[derive(Debug, Default)]
pub(in crate::merge) struct Memo<'p>(Vec<(Sought<'p>, Vec<Found>)>);

/// All that the result of a search depends on.
#[derive(Debug, PartialEq)]
pub(super) struct Sought<'p> {
    group: &'p Group,
    inputs: &'p [Option<InputId>],
    numbers: Row,
    /// What is sought of each value.
    of: Vec<Vec<u64>>,
}

impl<'p> Sought<'p> {
    /// What a Program finds with a row's numbers for a group of statistics of a tensor of so many
    /// elements. None where the result hangs on what the host makes as well.
    pub(super) fn of(
        group: &'p Group,
        program: &Program,
        work: &'p Work,
        row: &Row,
        elements: u64,
    ) -> Option<Sought<'p>> {
        let own = group.statistics.iter().map(|at| {
            let statistic = &work.statistics[at.index()];
            statistic.reduce.sought(statistic.among(elements))
        });
        (!work.is_made()).then(|| Sought {
            group,
            inputs: &work.slots,
            numbers: Layout::of(program).numbers(row),
            of: own.collect(),
        })
    }
}

impl<'p> Memo<'p> {
    /// What was found, if it was.
    pub(super) fn get(&self, sought: Option<&Sought<'p>>) -> Option<Vec<Found>> {
        let sought = sought?;
        let known = self.0.iter().find(|(other, _)| other == sought);
        known.map(|(_, found)| found.clone())
    }

    /// Keeps what was found.
    pub(super) fn keep(&mut self, sought: Option<Sought<'p>>, found: &[Found]) {
        self.0.extend(sought.map(|sought| (sought, found.to_vec())));
    }
}
