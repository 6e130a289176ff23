//! Exact selections over surveyed tensors and over whole models.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::group::{Counted, Group, Limit, group_of};
use super::pass::{Pass, Surveyed, lock};
use crate::exec::{Batch, Piece};
use crate::kernel::{BINS, Row, Selection, Statistic, TILE, Threshold, Window};
use crate::merge::MergeError;
use crate::merge::find::statistics::{IDLE, SAMPLE, fill, of_job, selection};
use crate::merge::lane::Lane;
use crate::merge::pool::workers;
use crate::plan::Part;

/// Fills in the thresholds.
pub(super) fn run<'a>(
    pass: &Pass<'a>,
    lanes: &mut [Lane<'a>],
    rows: &mut [Row],
) -> Result<(), MergeError> {
    pass.select(lanes, rows)
}

impl<'a> Pass<'a> {
    fn select(&self, lanes: &mut [Lane<'a>], rows: &mut [Row]) -> Result<(), MergeError> {
        if self.jobs.is_empty() {
            return Ok(());
        }
        let mut selections = self.selections();
        self.guess(lanes, rows, &mut selections)?;
        let mut counted = Counted::default();
        while selections
            .values()
            .any(|selection| selection.window().is_some())
        {
            self.count(lanes, rows, &mut selections, &mut counted)?;
        }
        let mut limits = HashMap::new();
        for (group, selection) in &selections {
            if let Some(rank) = selection.kept_ties() {
                let limit = self.locate(lanes, rows, *group, selection, rank, &counted)?;
                limits.insert(*group, limit);
            }
        }
        let plan = self.shared.plan;
        for (number, surveyed) in self.jobs.iter().enumerate() {
            let of_job = of_job(self.shared, surveyed.job);
            for &at in surveyed.statistics {
                let statistic = &of_job[usize::from(at)];
                let group = group_of(plan, surveyed.job, at, statistic);
                let cutoff = limits
                    .get(&group)
                    .map_or(u64::MAX, |limit| limit.of(number));
                let key = selections[&group].threshold();
                fill(
                    statistic,
                    &mut rows[surveyed.job],
                    Threshold { key, cutoff },
                );
            }
        }
        Ok(())
    }

    fn groups<'s>(&self, surveyed: &'s Surveyed<'a>) -> Vec<(Group, &'s Statistic)>
    where
        'a: 's,
    {
        let of_job = of_job(self.shared, surveyed.job);
        let plan = self.shared.plan;
        let statistics = surveyed.statistics.iter();
        statistics
            .map(|&at| {
                let statistic = &of_job[usize::from(at)];
                (group_of(plan, surveyed.job, at, statistic), statistic)
            })
            .collect()
    }

    fn selections(&self) -> HashMap<Group, Selection> {
        let jobs = &self.shared.plan.jobs;
        let mut sizes: HashMap<Group, (u64, u64, &Statistic)> = HashMap::new();
        for surveyed in &self.jobs {
            for (group, statistic) in self.groups(surveyed) {
                let size = sizes.entry(group).or_insert((0, 0, statistic));
                let elements = jobs[surveyed.job].elements;
                size.0 += elements;
                size.1 += statistic.among(elements);
            }
        }
        let sized = sizes.into_iter();
        sized
            .map(|(group, (n, among, statistic))| (group, selection(statistic, n, among)))
            .collect()
    }

    /// Guesses first windows from tiles spread over the tensors.
    fn guess(
        &self,
        lanes: &mut [Lane<'a>],
        rows: &[Row],
        selections: &mut HashMap<Group, Selection>,
    ) -> Result<(), MergeError> {
        let plan = self.shared.plan;
        let tiles: u64 = self
            .jobs
            .iter()
            .map(|s| plan.jobs[s.job].elements.div_ceil(TILE as u64))
            .sum();
        let global = self.jobs.iter().any(|s| {
            self.groups(s)
                .iter()
                .any(|(group, _)| matches!(group, Group::Model(..)))
        });
        let samples: Mutex<HashMap<Group, Vec<u32>>> = Mutex::default();
        let (cancel, jobs) = (self.shared.cancel, self.jobs.len());
        workers::run(cancel, lanes, jobs, self.by_job(), |lane, at| {
            let surveyed = &self.jobs[at];
            let elements = plan.jobs[surveyed.job].elements;
            // Tiles of a selection over the whole model are spread over the whole model.
            let own = elements.div_ceil(TILE as u64);
            let spread = if global { tiles } else { own };
            let stride = spread.div_ceil(SAMPLE as u64 / 64).max(1);
            let parts: Vec<Part> = (at as u64 % stride..own)
                .step_by(stride as usize)
                .map(|tile| {
                    let start = tile * TILE as u64;
                    Part {
                        job: surveyed.job,
                        start,
                        len: (elements - start).min(TILE as u64),
                    }
                })
                .collect();
            for parts in parts.chunks(16) {
                let bytes = parts.iter().map(|part| self.shared.arena_bytes(part)).sum();
                let loaded = lane.load(parts, bytes)?;
                let row = &rows[surveyed.job];
                let pieces: Vec<Piece<'_>> = loaded.iter().map(|part| part.piece(row)).collect();
                let program = &plan.programs[surveyed.program];
                let batch = Batch {
                    program,
                    pieces: &pieces,
                };
                let found =
                    lane.engine
                        .cpu
                        .sample(&batch, lane.arena.get(bytes), 64 * pieces.len());
                let mut samples = lock(&samples);
                for ((group, _), found) in self.groups(surveyed).into_iter().zip(found) {
                    samples.entry(group).or_default().extend(found);
                }
            }
            Ok(())
        })?;
        let sizes = self.selections_sizes();
        let samples = samples.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (group, mut sample) in samples {
            if let Some(selection) = selections.get_mut(&group) {
                selection.guess(&mut sample, sizes[&group]);
            }
        }
        Ok(())
    }

    fn selections_sizes(&self) -> HashMap<Group, u64> {
        let jobs = &self.shared.plan.jobs;
        let mut sizes = HashMap::new();
        for surveyed in &self.jobs {
            for (group, _) in self.groups(surveyed) {
                *sizes.entry(group).or_insert(0) += jobs[surveyed.job].elements;
            }
        }
        sizes
    }

    /// One pass of counting.
    fn count(
        &self,
        lanes: &mut [Lane<'a>],
        rows: &[Row],
        selections: &mut HashMap<Group, Selection>,
        counted: &mut Counted,
    ) -> Result<(), MergeError> {
        let plan = self.shared.plan;
        let some = self.unfinished(selections);
        let totals: Mutex<HashMap<Group, Vec<u64>>> = Mutex::default();
        let finest: Mutex<&mut Counted> = Mutex::new(counted);
        let known: &HashMap<Group, Selection> = selections;
        some.each(
            lanes,
            "survey: magnitudes",
            |lane, number, surveyed, loaded, bytes| {
                let groups = some.groups(surveyed);
                let windows: Vec<Window> = groups
                    .iter()
                    .map(|(group, _)| known[group].window().unwrap_or(IDLE))
                    .collect();
                let piece = [loaded.piece(&rows[surveyed.job])];
                let batch = Batch {
                    program: &plan.programs[surveyed.program],
                    pieces: &piece,
                };
                let arena = lane.arena.get(bytes);
                let upload = lane.engine.upload(arena);
                let counts = upload
                    .and_then(|()| lane.engine.count(&batch, &windows, arena))
                    .map_err(|fault| self.shared.fault(fault, surveyed.job))?;
                let place = (surveyed.job, some.parts[number].1.start);
                for (((group, _), window), counts) in groups
                    .into_iter()
                    .zip(windows)
                    .zip(counts.chunks_exact(BINS + 1))
                {
                    if known[&group].window().is_none() {
                        continue;
                    }
                    if window.shift == 0 {
                        lock(&finest).keep(group, place, window, counts);
                    }
                    let mut totals = lock(&totals);
                    let total = totals.entry(group).or_insert_with(|| vec![0; BINS + 1]);
                    total
                        .iter_mut()
                        .zip(counts)
                        .for_each(|(total, count)| *total += count);
                }
                Ok(())
            },
        )?;
        for (group, total) in totals.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if let Some(selection) = selections.get_mut(&group) {
                let job = |surveyed: &&Surveyed<'a>| {
                    let groups = self.groups(surveyed);
                    groups.iter().any(|(own, _)| *own == group)
                };
                let job = self.jobs.iter().find(job).map_or(0, |found| found.job);
                let fed = selection.feed(&total);
                fed.map_err(|_| self.shared.contradiction(job))?;
            }
        }
        Ok(())
    }

    /// The jobs whose selections go on, and their runs.
    fn unfinished(&self, selections: &HashMap<Group, Selection>) -> Pass<'a> {
        let open = |surveyed: &&Surveyed<'a>| {
            let groups = self.groups(surveyed);
            groups
                .iter()
                .any(|(group, _)| selections[group].window().is_some())
        };
        let jobs = self.jobs.iter().filter(open);
        let statistics = jobs.map(|surveyed| Surveyed { ..*surveyed });
        Pass::of(self.shared, statistics.collect())
    }

    /// Finds the element at which the kept ties of a group end.
    fn locate(
        &self,
        lanes: &mut [Lane<'a>],
        rows: &[Row],
        group: Group,
        selection: &Selection,
        rank: u64,
        counted: &Counted,
    ) -> Result<Limit, MergeError> {
        let key = selection.threshold();
        let mut left = rank;
        for (at, part) in &self.parts {
            let surveyed = &self.jobs[*at];
            let groups = self.groups(surveyed);
            let Some(value) = groups.iter().position(|(own, _)| *own == group) else {
                continue;
            };
            let ties = counted.ties(group, (surveyed.job, part.start), key);
            if ties <= left {
                left -= ties;
                continue;
            }
            let lane = &mut lanes[0];
            let bytes = self.shared.arena_bytes(part);
            let loaded = lane.load(&[*part], bytes)?;
            let piece = [loaded[0].piece(&rows[surveyed.job])];
            let program = &self.shared.plan.programs[surveyed.program];
            let batch = Batch {
                program,
                pieces: &piece,
            };
            let found = lane
                .engine
                .cpu
                .locate(&batch, value, key, left, lane.arena.get(bytes))
                .ok();
            return Ok(Limit {
                at: *at,
                element: found.unwrap_or(u64::MAX),
            });
        }
        Ok(Limit {
            at: self.jobs.len(),
            element: u64::MAX,
        })
    }
}
