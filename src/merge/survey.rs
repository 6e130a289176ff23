//! Statistics in passes of their own: of tensors that do not fit a lane, and of whole models.
//!
//! Each pass reads the surveyed tensors in runs, all lanes at once, and gathers what they found;
//! between passes the selections narrow their windows. The result is the same as if the tensors had
//! lain in memory.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use super::lane::{Lane, Loaded};
use super::statistics::{IDLE, SAMPLE, derive, fill, of_job, selection};
use super::{MergeError, Shared, lanes};
use crate::exec::cpu::Threshold;
use crate::exec::{Batch, Piece};
use crate::kernel::{BINS, Row, Scope, Selection, Statistic, TILE, Window};
use crate::plan::{Action, Level, Part, survey_parts};

/// What a selection ranges over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Group {
    /// A statistic of a job.
    Tensor(usize, u16),
    /// All tensors of a model.
    Model(u32),
}

/// Fills the rows of the surveyed jobs.
pub(super) fn run<'a>(
    shared: &'a Shared<'a>,
    lanes: &mut [Lane<'a>],
    rows: &mut [Row],
) -> Result<(), MergeError> {
    let plan = shared.merge.plan();
    let level_of = |job: usize, level: usize| match &plan.jobs[job].action {
        Action::Merge { class, .. } => plan.classes[*class].levels.get(level),
        Action::Copy(_) => None,
    };
    for level in 0.. {
        let jobs: Vec<(usize, &Level)> = plan
            .survey
            .iter()
            .filter_map(|&job| Some((job, level_of(job, level)?)))
            .collect();
        if jobs.is_empty() {
            return Ok(());
        }
        let sums = jobs.iter().filter_map(|(job, level)| Some((*job, level.sums.as_ref()?)));
        Pass::new(shared, sums).sum(lanes, rows)?;
        let largest = jobs.iter().filter_map(|(job, level)| Some((*job, level.largest.as_ref()?)));
        Pass::new(shared, largest).select(lanes, rows)?;
    }
    Ok(())
}

/// A surveyed job in one level.
struct Surveyed<'a> {
    job: usize,
    program: usize,
    statistics: &'a [u16],
}

/// The jobs of one kind of statistic, and the runs they are read in.
struct Pass<'a> {
    shared: &'a Shared<'a>,
    jobs: Vec<Surveyed<'a>>,
    /// The number of the job in `jobs`, and the run.
    parts: Vec<(usize, Part)>,
}

impl<'a> Pass<'a> {
    fn new(
        shared: &'a Shared<'a>,
        jobs: impl Iterator<Item = (usize, &'a (usize, Vec<u16>))>,
    ) -> Pass<'a> {
        let plan = shared.merge.plan();
        let jobs: Vec<Surveyed<'a>> = jobs
            .map(|(job, (program, statistics))| Surveyed { job, program: *program, statistics })
            .collect();
        let parts = jobs
            .iter()
            .enumerate()
            .flat_map(|(at, surveyed)| {
                let parts = survey_parts(surveyed.job, &plan.jobs, &plan.memory);
                parts.into_iter().map(move |part| (at, part))
            })
            .collect();
        Pass { shared, jobs, parts }
    }

    fn bytes(&self) -> u64 {
        let jobs = &self.shared.merge.plan().jobs;
        self.jobs.iter().map(|surveyed| jobs[surveyed.job].input_bytes()).sum()
    }

    /// Reads every run and hands it to `work` with its number.
    fn each(
        &self,
        lanes: &mut [Lane<'a>],
        name: &str,
        work: impl Fn(&mut Lane<'a>, usize, &Surveyed<'a>, &Loaded, usize) -> Result<(), MergeError>
        + Sync,
    ) -> Result<(), MergeError> {
        self.shared.progress.begin(name, self.bytes());
        lanes::run(self.shared, lanes, self.parts.len(), |lane, number| {
            let (at, part) = self.parts[number];
            let bytes = self.shared.merge.arena_bytes(&part);
            let loaded = lane.load(&[part], bytes)?;
            self.shared.permits.with(|| work(lane, number, &self.jobs[at], &loaded[0], bytes))
        })
    }

    fn sum(&self, lanes: &mut [Lane<'a>], rows: &mut [Row]) -> Result<(), MergeError> {
        if self.jobs.is_empty() {
            return Ok(());
        }
        let plan = self.shared.merge.plan();
        let partials: Mutex<BTreeMap<usize, Vec<f32>>> = Mutex::default();
        let known: &[Row] = rows;
        self.each(lanes, "survey: sums", |lane, number, surveyed, loaded, bytes| {
            let piece = [loaded.piece(&known[surveyed.job])];
            let batch = Batch { program: &plan.programs[surveyed.program], pieces: &piece };
            let arena = lane.arena.get(bytes);
            let upload = lane.engine.upload(arena);
            let own = upload
                .and_then(|()| lane.engine.sum(&batch, arena))
                .map_err(|fault| self.shared.fault(fault, surveyed.job))?;
            lock(&partials).insert(number, own);
            Ok(())
        })?;
        let partials = partials.into_inner().unwrap_or_else(PoisonError::into_inner);
        for (at, surveyed) in self.jobs.iter().enumerate() {
            let own: Vec<f32> = partials
                .iter()
                .filter(|(number, _)| self.parts[**number].0 == at)
                .flat_map(|(_, own)| own.iter().copied())
                .collect();
            let program = &plan.programs[surveyed.program];
            let values = program.end().values().len();
            let of_job = of_job(self.shared, surveyed.job);
            let row = &mut rows[surveyed.job];
            derive(of_job, surveyed.statistics, program.compute(), &own, values, row);
        }
        Ok(())
    }

    fn select(&self, lanes: &mut [Lane<'a>], rows: &mut [Row]) -> Result<(), MergeError> {
        if self.jobs.is_empty() {
            return Ok(());
        }
        let mut selections = self.selections();
        self.guess(lanes, rows, &mut selections)?;
        let mut counted = Counted::default();
        while selections.values().any(|selection| selection.window().is_some()) {
            self.count(lanes, rows, &mut selections, &mut counted)?;
        }
        let mut limits = HashMap::new();
        for (group, selection) in &selections {
            if let Some(rank) = selection.kept_ties() {
                let limit = self.locate(lanes, rows, *group, selection, rank, &counted)?;
                limits.insert(*group, limit);
            }
        }
        for surveyed in &self.jobs {
            let of_job = of_job(self.shared, surveyed.job);
            for &at in surveyed.statistics {
                let statistic = &of_job[usize::from(at)];
                let group = group_of(surveyed.job, at, statistic);
                let cutoff = limits.get(&group).map_or(u64::MAX, |limit| limit.of(self, surveyed));
                let key = selections[&group].threshold();
                fill(statistic, &mut rows[surveyed.job], Threshold { key, cutoff });
            }
        }
        Ok(())
    }

    fn groups<'s>(&self, surveyed: &'s Surveyed<'a>) -> Vec<(Group, &'s Statistic)>
    where
        'a: 's,
    {
        let of_job = of_job(self.shared, surveyed.job);
        let statistics = surveyed.statistics.iter();
        statistics
            .map(|&at| {
                let statistic = &of_job[usize::from(at)];
                (group_of(surveyed.job, at, statistic), statistic)
            })
            .collect()
    }

    fn selections(&self) -> HashMap<Group, Selection> {
        let jobs = &self.shared.merge.plan().jobs;
        let mut sizes: HashMap<Group, (u64, &Statistic)> = HashMap::new();
        for surveyed in &self.jobs {
            for (group, statistic) in self.groups(surveyed) {
                sizes.entry(group).or_insert((0, statistic)).0 += jobs[surveyed.job].elements;
            }
        }
        let sized = sizes.into_iter();
        sized.map(|(group, (n, statistic))| (group, selection(statistic, n))).collect()
    }

    /// Guesses first windows from tiles spread over the tensors.
    fn guess(
        &self,
        lanes: &mut [Lane<'a>],
        rows: &[Row],
        selections: &mut HashMap<Group, Selection>,
    ) -> Result<(), MergeError> {
        let plan = self.shared.merge.plan();
        let tiles: u64 = self.jobs.iter().map(|s| plan.jobs[s.job].elements.div_ceil(TILE as u64)).sum();
        let global = self.jobs.iter().any(|s| {
            self.groups(s).iter().any(|(group, _)| matches!(group, Group::Model(_)))
        });
        let samples: Mutex<HashMap<Group, Vec<u32>>> = Mutex::default();
        lanes::run(self.shared, lanes, self.jobs.len(), |lane, at| {
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
                    Part { job: surveyed.job, start, len: (elements - start).min(TILE as u64) }
                })
                .collect();
            for parts in parts.chunks(16) {
                let bytes = parts.iter().map(|part| self.shared.merge.arena_bytes(part)).sum();
                let loaded = lane.load(parts, bytes)?;
                let row = &rows[surveyed.job];
                let pieces: Vec<Piece<'_>> = loaded.iter().map(|part| part.piece(row)).collect();
                let program = &plan.programs[surveyed.program];
                let batch = Batch { program, pieces: &pieces };
                let found = lane.engine.cpu.sample(&batch, lane.arena.get(bytes), 64 * pieces.len());
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
        let jobs = &self.shared.merge.plan().jobs;
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
        let plan = self.shared.merge.plan();
        let unfinished: Vec<usize> = (0..self.jobs.len())
            .filter(|&at| {
                let groups = self.groups(&self.jobs[at]);
                groups.iter().any(|(group, _)| selections[group].window().is_some())
            })
            .collect();
        let some = Pass {
            shared: self.shared,
            jobs: unfinished
                .iter()
                .map(|&at| Surveyed { ..self.jobs[at] })
                .collect(),
            parts: Vec::new(),
        }
        .with_parts(self, &unfinished);
        let totals: Mutex<HashMap<Group, Vec<u64>>> = Mutex::default();
        let finest: Mutex<&mut Counted> = Mutex::new(counted);
        let known: &HashMap<Group, Selection> = selections;
        some.each(lanes, "survey: magnitudes", |lane, number, surveyed, loaded, bytes| {
            let groups = some.groups(surveyed);
            let windows: Vec<Window> =
                groups.iter().map(|(group, _)| known[group].window().unwrap_or(IDLE)).collect();
            let piece = [loaded.piece(&rows[surveyed.job])];
            let batch = Batch { program: &plan.programs[surveyed.program], pieces: &piece };
            let arena = lane.arena.get(bytes);
            let upload = lane.engine.upload(arena);
            let counts = upload
                .and_then(|()| lane.engine.count(&batch, &windows, arena))
                .map_err(|fault| self.shared.fault(fault, surveyed.job))?;
            let place = (surveyed.job, some.parts[number].1.start);
            for (((group, _), window), counts) in
                groups.into_iter().zip(windows).zip(counts.chunks_exact(BINS + 1))
            {
                if known[&group].window().is_none() {
                    continue;
                }
                if window.shift == 0 {
                    lock(&finest).keep(group, place, window, counts);
                }
                let mut totals = lock(&totals);
                let total = totals.entry(group).or_insert_with(|| vec![0; BINS + 1]);
                total.iter_mut().zip(counts).for_each(|(total, count)| *total += count);
            }
            Ok(())
        })?;
        for (group, total) in totals.into_inner().unwrap_or_else(PoisonError::into_inner) {
            if let Some(selection) = selections.get_mut(&group) {
                selection.feed(&total);
            }
        }
        Ok(())
    }

    fn with_parts(mut self, all: &Pass<'a>, chosen: &[usize]) -> Pass<'a> {
        let place: HashMap<usize, usize> =
            chosen.iter().enumerate().map(|(new, &old)| (old, new)).collect();
        self.parts = all
            .parts
            .iter()
            .filter_map(|(at, part)| Some((*place.get(at)?, *part)))
            .collect();
        self
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
            let bytes = self.shared.merge.arena_bytes(part);
            let loaded = lane.load(&[*part], bytes)?;
            let piece = [loaded[0].piece(&rows[surveyed.job])];
            let program = &self.shared.merge.plan().programs[surveyed.program];
            let batch = Batch { program, pieces: &piece };
            let found = lane.engine.cpu.locate(&batch, value, key, left, lane.arena.get(bytes));
            return Ok(Limit { at: *at, element: found.unwrap_or(u64::MAX) });
        }
        Ok(Limit { at: self.jobs.len(), element: u64::MAX })
    }
}

fn group_of(job: usize, at: u16, statistic: &Statistic) -> Group {
    match statistic {
        Statistic::Largest { scope: Scope::Model(model), .. } => Group::Model(*model),
        _ => Group::Tensor(job, at),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where the kept ties of a selection end: in which job, at which element.
struct Limit {
    at: usize,
    element: u64,
}

impl Limit {
    /// The limit as one job sees it: jobs before keep all their ties, jobs after none.
    fn of(&self, pass: &Pass<'_>, surveyed: &Surveyed<'_>) -> u64 {
        let at = pass.jobs.iter().position(|other| other.job == surveyed.job);
        match at.map(|at| at.cmp(&self.at)) {
            Some(std::cmp::Ordering::Greater) => 0,
            Some(std::cmp::Ordering::Equal) => self.element,
            _ => u64::MAX,
        }
    }
}

/// The finest counts of each run: how many elements have which key.
#[derive(Default)]
struct Counted(HashMap<(Group, (usize, u64)), Vec<(u32, u64)>>);

impl Counted {
    fn keep(&mut self, group: Group, place: (usize, u64), window: Window, counts: &[u64]) {
        let keys = (window.lo..).zip(&counts[..BINS]);
        let some = keys.filter(|(_, count)| **count > 0).map(|(key, count)| (key, *count));
        self.0.insert((group, place), some.collect());
    }

    fn ties(&self, group: Group, place: (usize, u64), key: u32) -> u64 {
        let counts = self.0.get(&(group, place)).map_or(&[][..], Vec::as_slice);
        counts.iter().find(|(known, _)| *known == key).map_or(0, |(_, count)| *count)
    }
}
