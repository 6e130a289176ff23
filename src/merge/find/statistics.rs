//! The statistics of tensors whose inputs lie in a lane's arena as a whole.

use crate::exec::cpu::Tie;
use crate::exec::{Batch, Piece};
use crate::kernel::{
    BINS, Compute, Program, Row, Selection, Statistic, StatisticId, Threshold, Window,
};
use crate::merge::MergeError;
use crate::merge::device::Engine;
use crate::merge::lane::{Lane, Loaded};
use crate::merge::shared::Shared;
use crate::plan::{Class, JobId, OutputId, ProgramId};

/// Elements of the sample from which the first window of a selection is guessed.
pub(in crate::merge) const SAMPLE: usize = 1 << 16;
/// Counts nothing: for values whose selection is done.
pub(in crate::merge) const IDLE: Window = Window {
    lo: 0x7fff_ffff,
    shift: 0,
};

/// Fills the rows of parts of one class with the results of their statistics. The parts are whole
/// tensors.
pub(in crate::merge) fn resolve(
    lane: &mut Lane<'_>,
    class: &Class,
    parts: &[&Loaded],
    rows: &mut [Row],
    arena_bytes: usize,
) -> Result<(), MergeError> {
    for level in &class.levels {
        if let Some((program, statistics)) = &level.sums {
            sums(lane, *program, statistics, parts, rows, arena_bytes)?;
        }
        if let Some((program, statistics)) = &level.largest {
            largest(lane, *program, statistics, parts, rows, arena_bytes)?;
        }
    }
    Ok(())
}

/// The statistics of an output of a job.
pub(in crate::merge) fn of_job<'s>(
    shared: &Shared<'s>,
    job: JobId,
    output: OutputId,
) -> &'s [Statistic] {
    let work = shared.plan.jobs[job].work(output);
    work.map_or(&[], |work| &work.statistics)
}

fn sums(
    lane: &mut Lane<'_>,
    program: ProgramId,
    statistics: &[StatisticId],
    parts: &[&Loaded],
    rows: &mut [Row],
    arena_bytes: usize,
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let program = &shared.plan.programs[program];
    let values = program.end().values().len();
    let pieces: Vec<Piece<'_>> = parts
        .iter()
        .zip(rows.iter())
        .map(|(part, row)| part.piece(row))
        .collect();
    let batch = Batch {
        program,
        pieces: &pieces,
    };
    let partials = lane
        .engine
        .sum(&batch, lane.arena.get(arena_bytes))
        .map_err(|fault| {
            shared.fault_at(fault, |piece| (parts[piece].part.job, OutputId::FIRST))
        })?;
    let tiles: Vec<usize> = pieces.iter().map(Piece::tiles).collect();
    let mut rest = partials.as_slice();
    for ((part, row), tiles) in parts.iter().zip(rows).zip(tiles) {
        let (own, others) = rest.split_at(tiles * values);
        rest = others;
        let of_job = of_job(shared, part.part.job, OutputId::FIRST);
        let mut totals = Totals::new(values);
        totals.add(own);
        totals.derive(of_job, statistics, program.compute(), row);
    }
    Ok(())
}

/// Sums over a tensor: those of its tiles, added in f64 in index order.
#[derive(Clone, Debug)]
pub(in crate::merge) struct Totals(Vec<f64>);

impl Totals {
    /// Totals of so many values, of no elements.
    pub(in crate::merge) fn new(values: usize) -> Totals {
        Totals(vec![0.0; values])
    }

    /// Adds the sums of the tiles that follow.
    pub(in crate::merge) fn add(&mut self, partials: &[f32]) {
        for tile in partials.chunks_exact(self.0.len()) {
            for (total, partial) in self.0.iter_mut().zip(tile) {
                *total += f64::from(*partial);
            }
        }
    }

    /// Fills in the scalars that statistics derive from them.
    pub(in crate::merge) fn derive(
        &self,
        of_job: &[Statistic],
        statistics: &[StatisticId],
        compute: Compute,
        row: &mut Row,
    ) {
        let mut totals = self.0.as_slice();
        for statistic in statistics {
            if let Statistic::Sums {
                values,
                derive,
                first,
                ..
            } = &of_job[statistic.index()]
            {
                let (own, others) = totals.split_at(values.len());
                totals = others;
                let scalars = (derive.function)(own, &derive.parameters);
                row.put(*first, scalars.into_iter().map(|x| compute.scalar(x)));
            }
        }
    }
}

/// A search for the largest of `n` entries, of which as many are kept as of `among`.
pub(in crate::merge) fn selection(statistic: &Statistic, n: u64, among: u64) -> Selection {
    match statistic {
        Statistic::Largest { kept, ties, .. } => Selection::new(n, kept.count(among), *ties),
        Statistic::Sums { .. } | Statistic::Iterated { .. } => {
            unreachable!("a Program that counts serves selections only")
        }
    }
}

fn largest(
    lane: &mut Lane<'_>,
    program: ProgramId,
    statistics: &[StatisticId],
    parts: &[&Loaded],
    rows: &mut [Row],
    arena_bytes: usize,
) -> Result<(), MergeError> {
    let shared = lane.shared;
    let program = &shared.plan.programs[program];
    let values = statistics.len();
    let pieces: Vec<Piece<'_>> = parts
        .iter()
        .zip(rows.iter())
        .map(|(part, row)| part.piece(row))
        .collect();
    let mut search = Search {
        shared,
        jobs: parts.iter().map(|part| part.part.job).collect(),
        program,
        pieces,
        values,
        selections: Vec::new(),
    };
    for part in parts {
        let of_job = of_job(shared, part.part.job, OutputId::FIRST);
        let own = statistics
            .iter()
            .map(|&at| &of_job[at.index()])
            .map(|statistic| selection(statistic, part.part.len, statistic.among(part.part.len)));
        search.selections.extend(own);
    }
    let arena = lane.arena.get(arena_bytes);
    search.guess(&mut lane.engine, arena);
    let found = search.run(&mut lane.engine, arena)?;
    for ((part, row), found) in parts.iter().zip(rows).zip(found.chunks(values)) {
        let of_job = of_job(shared, part.part.job, OutputId::FIRST);
        for (&statistic, found) in statistics.iter().zip(found) {
            fill(&of_job[statistic.index()], row, *found);
        }
    }
    Ok(())
}

/// The selections of pieces that lie in memory, one per piece and value.
struct Search<'a> {
    shared: &'a Shared<'a>,
    /// The job of each piece.
    jobs: Vec<JobId>,
    program: &'a Program,
    pieces: Vec<Piece<'a>>,
    values: usize,
    selections: Vec<Selection>,
}

impl Search<'_> {
    /// Guesses first windows from samples.
    fn guess(&mut self, engine: &mut Engine<'_>, arena: &[u8]) {
        for (piece, own) in self
            .pieces
            .iter()
            .zip(self.selections.chunks_mut(self.values))
        {
            let batch = Batch {
                program: self.program,
                pieces: std::slice::from_ref(piece),
            };
            let mut samples = engine.cpu.sample(&batch, arena, SAMPLE.min(piece.len / 16));
            for (selection, sample) in own.iter_mut().zip(&mut samples) {
                selection.guess(sample, piece.len as u64);
            }
        }
    }

    /// Finds every threshold.
    fn run(mut self, engine: &mut Engine<'_>, arena: &[u8]) -> Result<Vec<Threshold>, MergeError> {
        while self.count(engine, arena)? {}
        let mut found = Vec::with_capacity(self.selections.len());
        for (piece, own) in self.pieces.iter().zip(self.selections.chunks(self.values)) {
            let batch = Batch {
                program: self.program,
                pieces: std::slice::from_ref(piece),
            };
            let first = found.len();
            let mut ties = Vec::new();
            for (value, selection) in own.iter().enumerate() {
                let (key, cutoff) = (selection.threshold(), u64::MAX);
                let rank = selection.kept_ties();
                ties.extend(rank.map(|rank| Tie::new(value, key, rank)));
                found.push(Threshold { key, cutoff });
            }
            engine.cpu.locate(&batch, arena, &mut ties);
            for tie in ties {
                found[first + tie.value].cutoff = tie.found.unwrap_or(u64::MAX);
            }
        }
        Ok(found)
    }

    /// One pass of counting over the pieces that still need it; whether there were any.
    fn count(&mut self, engine: &mut Engine<'_>, arena: &[u8]) -> Result<bool, MergeError> {
        let window = |at: usize| self.selections[at].window();
        let all = |piece: usize| piece * self.values..(piece + 1) * self.values;
        let unfinished: Vec<usize> = (0..self.pieces.len())
            .filter(|&piece| all(piece).any(|at| window(at).is_some()))
            .collect();
        let pieces: Vec<Piece<'_>> = unfinished
            .iter()
            .map(|&piece| self.pieces[piece].clone())
            .collect();
        let at: Vec<usize> = unfinished.iter().flat_map(|&piece| all(piece)).collect();
        let windows: Vec<Window> = at.iter().map(|&at| window(at).unwrap_or(IDLE)).collect();
        if pieces.is_empty() {
            return Ok(false);
        }
        let batch = Batch {
            program: self.program,
            pieces: &pieces,
        };
        let counts = engine.count(&batch, &windows, arena).map_err(|fault| {
            let job_of = |piece: usize| (self.jobs[unfinished[piece]], OutputId::FIRST);
            self.shared.fault_at(fault, job_of)
        })?;
        for (at, counts) in at.into_iter().zip(counts.chunks_exact(BINS + 1)) {
            let fed = self.selections[at].feed(counts);
            fed.map_err(|_| self.shared.contradiction(self.jobs[at / self.values]))?;
        }
        Ok(true)
    }
}

/// Puts a threshold into a row.
pub(in crate::merge) fn fill(statistic: &Statistic, row: &mut Row, found: Threshold) {
    if let Statistic::Largest {
        threshold, cutoff, ..
    } = statistic
    {
        row.scalars[threshold.index()] = found.key;
        row.cutoffs[cutoff.index()] = found.cutoff;
    }
}
