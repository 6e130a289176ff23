//! The selections of a survey, and the counts that they need.
//!
//! What is held of a selection does not grow with what it ranges over: one count per bin, and the
//! finest counts of some stretches of its tensors, so that the end of its ties is looked for in one
//! of them alone.

use indexmap::IndexMap;

use super::group::Group;
use super::pass::{Pass, Surveyed};
use crate::kernel::{BINS, Row, Selection, Statistic, Threshold, Window};
use crate::merge::find::statistics::{fill, of_job, selection};
use crate::merge::shared::Shared;
use crate::plan::Part;

/// The stretches at most: beyond, what is left to look through is as good as nothing.
const STRETCHES_MAX: usize = 32;

/// The selections of the jobs of a pass.
pub(super) struct Searches<'a> {
    /// In the order in which they are met.
    found: IndexMap<Group, Searched>,
    /// For each job of the pass the elements before it.
    before: Vec<u64>,
    elements: u64,
    stretches: usize,
    shared: &'a Shared<'a>,
}

/// A selection.
pub(super) struct Searched {
    pub(super) selection: Selection,
    /// Elements that it ranges over.
    pub(super) elements: u64,
    /// The lowest key of the finest window that was counted.
    lowest: u32,
    /// What is counted in a pass, then the finest counts, stretch by stretch.
    counts: Vec<u64>,
}

impl<'a> Searches<'a> {
    /// The selections of a pass, which hold at most about `room` bytes.
    pub(super) fn of(pass: &Pass<'a>, room: usize) -> Searches<'a> {
        let shared = pass.shared;
        let jobs = &shared.plan.jobs;
        let mut sizes: IndexMap<Group, (u64, u64, &Statistic)> = IndexMap::new();
        let (mut before, mut elements) = (Vec::with_capacity(pass.jobs.len()), 0);
        for surveyed in &pass.jobs {
            let own = jobs[surveyed.job].elements;
            before.push(elements);
            elements += own;
            for (group, statistic) in groups(shared, surveyed) {
                let size = sizes.entry(group).or_insert((0, 0, statistic));
                size.0 += own;
                size.1 += statistic.among(own);
            }
        }
        let windows = room / (size_of::<u64>() * (BINS + 1) * sizes.len().max(1));
        let stretches = windows.saturating_sub(1).clamp(1, STRETCHES_MAX);
        let sized = sizes
            .into_iter()
            .map(|(group, (elements, among, statistic))| {
                let searched = Searched {
                    selection: selection(statistic, elements, among),
                    elements,
                    lowest: 0,
                    counts: Vec::new(),
                };
                (group, searched)
            });
        Searches {
            found: sized.collect(),
            before,
            elements,
            stretches,
            shared,
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// The numbers of the selections that a job's values belong to, in order.
    pub(super) fn numbers(&self, surveyed: &Surveyed<'a>) -> Vec<usize> {
        let groups = groups(self.shared, surveyed).into_iter();
        let numbers = groups.map(|(group, _)| self.found.get_index_of(&group));
        numbers.map(|number| number.unwrap_or(usize::MAX)).collect()
    }

    /// A selection by its number.
    pub(super) fn get(&self, number: usize) -> &Searched {
        &self.found[number]
    }

    pub(super) fn get_mut(&mut self, number: usize) -> &mut Searched {
        &mut self.found[number]
    }

    /// Whether all are done.
    pub(super) fn are_done(&self) -> bool {
        let mut all = self.found.values();
        all.all(|searched| searched.selection.window().is_none())
    }

    /// The windows that are counted next, by selection.
    pub(super) fn windows(&self) -> Vec<Option<Window>> {
        let all = self.found.values();
        all.map(|searched| searched.selection.window()).collect()
    }

    /// The stretch that a run lies in.
    pub(super) fn stretch(&self, at: usize, part: &Part) -> usize {
        let place = u128::from(self.before[at] + part.start) * self.stretches as u128;
        (place / u128::from(self.elements.max(1))) as usize
    }

    /// Begins to count in the windows.
    pub(super) fn begin(&mut self) {
        let stretches = self.stretches;
        for searched in self.found.values_mut() {
            let finest = match searched.selection.window() {
                Some(window) if window.shift == 0 && stretches > 1 => {
                    searched.lowest = window.lo;
                    stretches * BINS
                }
                Some(_) => 0,
                // What it has counted last is what its ties are looked for with.
                None => continue,
            };
            searched.counts.clear();
            searched.counts.reserve_exact(BINS + 1 + finest);
            searched.counts.resize(BINS + 1 + finest, 0);
        }
    }

    /// Adds what a window counted of a run.
    pub(super) fn count(&mut self, number: usize, stretch: usize, counts: &[u64]) {
        let all = &mut self.found[number].counts;
        let add = |all: &mut [u64], counts: &[u64]| {
            all.iter_mut().zip(counts).for_each(|(a, b)| *a += b);
        };
        let (total, finest) = all.split_at_mut(BINS + 1);
        add(total, counts);
        if let Some(own) = finest.chunks_exact_mut(BINS).nth(stretch) {
            add(own, &counts[..BINS]);
        }
    }

    /// Ends a pass of counting. Returns the selection whose counts contradict those of before.
    pub(super) fn end(&mut self) -> Option<usize> {
        let mut contradicted = None;
        for (number, searched) in self.found.values_mut().enumerate() {
            if searched.selection.window().is_some() {
                let fed = searched.selection.feed(&searched.counts[..BINS + 1]);
                contradicted = contradicted.or(fed.is_err().then_some(number));
            }
        }
        contradicted
    }
}

impl Searched {
    /// In which stretch the kept ties end, if that is known, and how many are kept of those in it;
    /// None where all are kept.
    pub(super) fn tied(&self) -> Option<(Option<usize>, u64)> {
        let mut left = self.selection.kept_ties()?;
        let finest = self.counts.get(BINS + 1..).unwrap_or_default();
        if finest.is_empty() {
            return Some((None, left));
        }
        let bin = (self.selection.threshold() - self.lowest) as usize;
        for (stretch, counts) in finest.chunks_exact(BINS).enumerate() {
            if counts[bin] > left {
                return Some((Some(stretch), left));
            }
            left -= counts[bin];
        }
        None
    }
}

/// What the statistics of a job range over.
fn groups<'a>(shared: &Shared<'a>, surveyed: &Surveyed<'a>) -> Vec<(Group, &'a Statistic)> {
    let of_job = of_job(shared, surveyed.job, surveyed.output);
    let statistics = surveyed.statistics.iter();
    let statistics = statistics.map(|&at| (at, &of_job[at.index()]));
    statistics
        .map(|(at, statistic)| (Group::of(surveyed, at, statistic), statistic))
        .collect()
}

/// Whether a selection of a pass ranges over a whole model.
pub(super) fn is_global(pass: &Pass<'_>) -> bool {
    pass.jobs.iter().any(|surveyed| {
        let groups = groups(pass.shared, surveyed);
        groups
            .iter()
            .any(|(group, _)| matches!(group, Group::Model { .. }))
    })
}

/// Puts the thresholds of a job into its row.
pub(super) fn fill_in(
    pass: &Pass<'_>,
    surveyed: &Surveyed<'_>,
    thresholds: &[Threshold],
    row: &mut Row,
) {
    let of_job = of_job(pass.shared, surveyed.job, surveyed.output);
    for (&at, threshold) in surveyed.statistics.iter().zip(thresholds) {
        fill(&of_job[at.index()], row, *threshold);
    }
}
