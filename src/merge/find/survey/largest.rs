//! Exact selections over surveyed tensors and over whole models.

use std::sync::{Mutex, PoisonError};

use super::pass::{Pass, Surveyed};
use super::search::{Searches, fill_in, is_global};
use super::ties;
use super::turns::lock;
use crate::exec::{Batch, Piece};
use crate::kernel::{BINS, TILE, Threshold, Window};
use crate::merge::MergeError;
use crate::merge::find::Rows;
use crate::merge::find::statistics::{IDLE, SAMPLE};
use crate::merge::lane::Lane;
use crate::merge::pool::workers;
use crate::plan::{JobId, Part};

/// Keys that are sampled of a tile.
const TILE_SAMPLE: usize = 64;
/// Tiles that are sampled at a time.
const TILES: usize = 16;
/// Bytes of a sampled key while samples grow.
const SAMPLE_BYTES: usize = 8;

/// Fills in the thresholds.
pub(super) fn run<'a>(
    pass: &Pass<'a>,
    lanes: &mut [Lane<'a>],
    rows: &mut Rows<'a>,
) -> Result<(), MergeError> {
    let room = pass.shared.plan.survey_room();
    let windows = room / (size_of::<u64>() * (BINS + 1));
    let global = is_global(pass);
    let mut from = 0;
    while from < pass.jobs.len() {
        // Selections over whole models see all jobs; others a few at a time, as many as there is
        // memory to count for.
        let mut len = pass.jobs.len() - from;
        if !global {
            let mut values = 0;
            let fits = pass.jobs[from..].iter().take_while(|surveyed| {
                values += surveyed.statistics.len();
                values <= windows
            });
            len = fits.count().max(1);
        }
        let some = Pass {
            shared: pass.shared,
            jobs: pass.jobs[from..from + len].to_vec(),
        };
        select(&some, room, lanes, rows)?;
        from += len;
    }
    Ok(())
}

fn select<'a>(
    pass: &Pass<'a>,
    room: usize,
    lanes: &mut [Lane<'a>],
    rows: &mut Rows<'a>,
) -> Result<(), MergeError> {
    let mut searches = Searches::of(pass, room);
    guess(pass, &mut searches, room, lanes, rows)?;
    while !searches.are_done() {
        count(pass, &mut searches, lanes, rows)?;
    }
    let limits = ties::limits(pass, &searches, lanes, rows)?;
    for (at, surveyed) in pass.jobs.iter().enumerate() {
        let numbers = searches.numbers(surveyed).into_iter();
        let thresholds = numbers.map(|number| Threshold {
            key: searches.get(number).selection.threshold(),
            cutoff: limits.get(&number).map_or(u64::MAX, |limit| limit.of(at)),
        });
        let thresholds: Vec<Threshold> = thresholds.collect();
        let row = rows.fill(surveyed.job, surveyed.output);
        fill_in(pass, surveyed, &thresholds, row);
    }
    Ok(())
}

/// Guesses first windows from tiles spread over the tensors.
fn guess<'a>(
    pass: &Pass<'a>,
    searches: &mut Searches<'a>,
    room: usize,
    lanes: &mut [Lane<'a>],
    rows: &Rows<'a>,
) -> Result<(), MergeError> {
    let shared = pass.shared;
    let plan = shared.plan;
    let size = SAMPLE.min(room / SAMPLE_BYTES / searches.len().max(1));
    if size < TILE_SAMPLE {
        return Ok(());
    }
    let tiles_of = |at: usize| plan.jobs[pass.jobs[at].job].elements.div_ceil(TILE as u64);
    let tiles: u64 = (0..pass.jobs.len()).map(tiles_of).sum();
    let global = is_global(pass);
    let samples: Mutex<Vec<Vec<u32>>> = Mutex::new(vec![Vec::new(); searches.len()]);
    let jobs = 0..pass.jobs.len();
    let by_job = |a: &usize, b: &usize| pass.jobs[*a].job < pass.jobs[*b].job;
    workers::run(shared.cancel, lanes, jobs, by_job, |lane, _, &at| {
        let surveyed = &pass.jobs[at];
        let job = &plan.jobs[surveyed.job];
        // Tiles of a selection over the whole model are spread over the whole model.
        let own = tiles_of(at);
        let spread = if global { tiles } else { own };
        let stride = spread.div_ceil((size / TILE_SAMPLE) as u64).max(1);
        let parts = (at as u64 % stride..own).step_by(stride as usize);
        let parts: Vec<Part> = parts
            .map(|tile| {
                let start = tile * TILE as u64;
                Part {
                    job: surveyed.job,
                    start,
                    len: (job.elements - start).min(TILE as u64),
                }
            })
            .collect();
        let tile_bytes = job.arena_bytes(TILE as u64).max(1) as usize;
        let together = (plan.memory.arena_bytes / tile_bytes).clamp(1, TILES);
        for parts in parts.chunks(together) {
            let bytes = parts.iter().map(|part| shared.arena_bytes(part)).sum();
            let loaded = lane.load(parts, surveyed.output, bytes)?;
            let row = rows.get(surveyed.job, surveyed.output);
            let pieces: Vec<Piece<'_>> = loaded.iter().map(|part| part.piece(row)).collect();
            let batch = Batch {
                program: &plan.programs[surveyed.program],
                pieces: &pieces,
            };
            let size_here = TILE_SAMPLE * pieces.len();
            let arena = lane.arena.get(bytes);
            let found = lane.engine.cpu.sample(&batch, arena, size_here);
            let mut samples = lock(&samples);
            for (number, found) in searches.numbers(surveyed).into_iter().zip(found) {
                let free = size.saturating_sub(samples[number].len());
                samples[number].extend(found.into_iter().take(free));
            }
        }
        Ok(())
    })?;
    let samples = samples.into_inner().unwrap_or_else(PoisonError::into_inner);
    for (number, mut sample) in samples.into_iter().enumerate() {
        let searched = searches.get_mut(number);
        searched.selection.guess(&mut sample, searched.elements);
    }
    Ok(())
}

/// One pass of counting over the jobs whose selections go on.
fn count<'a>(
    pass: &Pass<'a>,
    searches: &mut Searches<'a>,
    lanes: &mut [Lane<'a>],
    rows: &Rows<'a>,
) -> Result<(), MergeError> {
    let shared = pass.shared;
    let plan = shared.plan;
    searches.begin();
    let windows = searches.windows();
    let is_open = |searches: &Searches<'_>, at: usize| {
        let mut numbers = searches.numbers(&pass.jobs[at]).into_iter();
        numbers.any(|number| windows[number].is_some())
    };
    let jobs = (0..pass.jobs.len()).filter(|&at| is_open(searches, at));
    let bytes = jobs.map(|at| plan.jobs[pass.jobs[at].job].input_bytes());
    shared.progress.begin("survey: magnitudes", bytes.sum());
    let counted = Mutex::new(&mut *searches);
    pass.each(
        lanes,
        pass.runs().filter(|(at, _)| is_open(&lock(&counted), *at)),
        |lane, run| {
            let surveyed = &pass.jobs[run.at];
            let numbers = lock(&counted).numbers(surveyed);
            let own = numbers.iter().map(|&number| windows[number]);
            let own: Vec<Window> = own.map(|window| window.unwrap_or(IDLE)).collect();
            let piece = [run.loaded.piece(rows.get(surveyed.job, surveyed.output))];
            let batch = Batch {
                program: &plan.programs[surveyed.program],
                pieces: &piece,
            };
            let arena = lane.arena.get(run.arena_bytes);
            let upload = lane.engine.upload(arena);
            let counts = upload
                .and_then(|()| lane.engine.count(&batch, &own, arena))
                .map_err(|fault| shared.fault(fault, (surveyed.job, surveyed.output)))?;
            let mut searches = lock(&counted);
            let stretch = searches.stretch(run.at, &run.loaded.part);
            for (number, counts) in numbers.into_iter().zip(counts.chunks_exact(BINS + 1)) {
                if windows[number].is_some() {
                    searches.count(number, stretch, counts);
                }
            }
            Ok(())
        },
    )?;
    let contradicted = searches.end();
    match contradicted {
        None => Ok(()),
        Some(number) => {
            let has = |job: &&Surveyed<'_>| searches.numbers(job).contains(&number);
            let job = pass
                .jobs
                .iter()
                .find(has)
                .map_or_else(JobId::default, |job| job.job);
            Err(shared.contradiction(job))
        }
    }
}
