//! The statistics of a tensor that a lane reads chunk by chunk.

use std::collections::BTreeMap;
use std::ops::Range;

use super::iterate;
use super::memo::{Memo, Scan};
use super::statistics::{IDLE, SAMPLE, Totals, fill, of_job, selection};
use crate::exec::Batch;
use crate::exec::cpu::Tie;
use crate::exec::cpu::candidates::{Candidates, Found};
use crate::kernel::{
    BINS, Program, Row, Selection, Statistic, StatisticId, TILE, Threshold, Window,
};
use crate::merge::MergeError;
use crate::merge::lane::Lane;
use crate::plan::{OutputId, Part, ProgramId, SAMPLE_TILES};

/// A whole tensor, for one output, with its numbers.
#[derive(Clone, Copy)]
struct Place<'r> {
    part: Part,
    output: OutputId,
    row: &'r Row,
}

impl Place<'_> {
    fn tiles(&self) -> u64 {
        self.part.len.div_ceil(TILE as u64)
    }

    /// The elements of some tiles.
    fn part_of(&self, tiles: Range<u64>) -> Part {
        let start = tiles.start * TILE as u64;
        let end = (tiles.end * TILE as u64).min(self.part.len);
        Part {
            start,
            len: end - start,
            ..self.part
        }
    }
}

/// Fills a row of an output with the results of the statistics of a whole tensor. What a scan for
/// another output has found is not looked for again.
pub(in crate::merge) fn resolve<'p>(
    lane: &mut Lane<'p>,
    (part, output): (Part, OutputId),
    row: &mut Row,
    memo: &mut Memo<'p>,
) -> Result<(), MergeError> {
    let plan = lane.shared.plan;
    let Some(work) = plan.jobs[part.job].work(output) else {
        return Ok(());
    };
    for level in &plan.classes[work.class].levels {
        if let Some((program, statistics)) = &level.sums {
            sums(lane, (*program, statistics), (part, output), row, memo)?;
        }
        if let Some((program, statistics)) = &level.largest {
            largest(lane, (*program, statistics), (part, output), row, memo)?;
        }
        for (programs, statistic) in &level.iterated {
            iterate::run(lane, programs, *statistic, (part, output), row)?;
        }
    }
    Ok(())
}

fn sums<'p>(
    lane: &mut Lane<'p>,
    (number, statistics): (ProgramId, &[StatisticId]),
    (part, output): (Part, OutputId),
    row: &mut Row,
    memo: &mut Memo<'p>,
) -> Result<(), MergeError> {
    let plan = lane.shared.plan;
    let program = &plan.programs[number];
    let work = plan.jobs[part.job].work(output);
    let scan = work.and_then(|work| Scan::of((number, program), work, row, Vec::new()));
    let of_job = of_job(lane.shared, part.job, output);
    if let Some(totals) = memo.sums(scan.as_ref()) {
        totals.derive(of_job, statistics, program.compute(), row);
        return Ok(());
    }
    let mut totals = Totals::new(program.end().values().len());
    lane.stream((part, output), row, [program], |engine, piece, arena| {
        let batch = Batch {
            program,
            pieces: std::slice::from_ref(piece),
        };
        totals.add(&engine.sum(&batch, arena)?);
        Ok(())
    })?;
    totals.derive(of_job, statistics, program.compute(), row);
    memo.keep_sums(scan, totals);
    Ok(())
}

fn largest<'p>(
    lane: &mut Lane<'p>,
    (number, statistics): (ProgramId, &[StatisticId]),
    (part, output): (Part, OutputId),
    row: &mut Row,
    memo: &mut Memo<'p>,
) -> Result<(), MergeError> {
    let plan = lane.shared.plan;
    let program = &plan.programs[number];
    let of_job = of_job(lane.shared, part.job, output);
    let own = statistics.iter().map(|&at| &of_job[at.index()]);
    let kept = own.clone().filter_map(|statistic| match statistic {
        Statistic::Largest { kept, ties, .. } => {
            Some((kept.count(statistic.among(part.len)), *ties))
        }
        _ => None,
    });
    let work = plan.jobs[part.job].work(output);
    let scan = work.and_then(|work| Scan::of((number, program), work, row, kept.collect()));
    let known = memo.largest(scan.as_ref()).map(<[_]>::to_vec);
    let found = match known {
        Some(found) => found,
        None => {
            let place = Place { part, output, row };
            let found = search(lane, program, own.clone(), place)?;
            memo.keep_largest(scan, found.clone());
            found
        }
    };
    for (statistic, found) in own.zip(found) {
        fill(statistic, row, found);
    }
    Ok(())
}

/// Finds the thresholds of statistics.
fn search<'s>(
    lane: &mut Lane<'_>,
    program: &Program,
    statistics: impl Iterator<Item = &'s Statistic>,
    place: Place<'_>,
) -> Result<Vec<Threshold>, MergeError> {
    let mut selections: Vec<Selection> = statistics
        .map(|statistic| {
            let n = place.part.len;
            selection(statistic, n, statistic.among(n))
        })
        .collect();
    guess(lane, program, place, &mut selections)?;
    let found = collect(lane, program, place, &selections)?;
    count(lane, program, place, &mut selections, &found)?;
    let mut thresholds = Vec::with_capacity(selections.len());
    // Ties inside a tile that is known, and those that lie anywhere.
    let (mut near, mut far): (BTreeMap<u64, Vec<Tie>>, Vec<Tie>) = Default::default();
    for (value, (selection, found)) in selections.iter().zip(found).enumerate() {
        let key = found.map_or_else(|| selection.threshold(), |found| found.key);
        let tied = |ties: &mut Vec<Tie>, rank| ties.push(Tie::new(value, key, rank));
        match found {
            Some(found) => {
                if let Some(end) = found.end {
                    tied(near.entry(end.tile).or_default(), end.rank);
                }
            }
            None => {
                if let Some(rank) = selection.kept_ties() {
                    tied(&mut far, rank);
                }
            }
        }
        let cutoff = u64::MAX;
        thresholds.push(Threshold { key, cutoff });
    }
    for (tile, ties) in &mut near {
        locate(lane, program, place, *tile..*tile + 1, ties)?;
    }
    locate(lane, program, place, 0..place.tiles(), &mut far)?;
    for tie in near.into_values().flatten().chain(far) {
        thresholds[tie.value].cutoff = tie.found.unwrap_or(u64::MAX);
    }
    Ok(thresholds)
}

/// Guesses first windows from tiles spread evenly over the tensor.
fn guess(
    lane: &mut Lane<'_>,
    program: &Program,
    place: Place<'_>,
    selections: &mut [Selection],
) -> Result<(), MergeError> {
    // The samples lie where the keys are collected later.
    let candidates = lane.shared.plan.memory.candidates;
    let size = SAMPLE.min(candidates / selections.len().max(1)) / SAMPLE_TILES as usize;
    if size == 0 {
        return Ok(());
    }
    let stride = place.tiles().div_ceil(SAMPLE_TILES).max(1);
    let mut samples = vec![Vec::new(); selections.len()];
    for tile in (0..place.tiles()).step_by(stride as usize) {
        let part = place.part_of(tile..tile + 1);
        lane.stream(
            (part, place.output),
            place.row,
            [program],
            |engine, piece, arena| {
                let batch = Batch {
                    program,
                    pieces: std::slice::from_ref(piece),
                };
                let found = engine.cpu.sample(&batch, arena, size.min(piece.len / 2));
                for (sample, found) in samples.iter_mut().zip(found) {
                    sample.reserve_exact(size * SAMPLE_TILES as usize - sample.len());
                    sample.extend(found.iter().take(size));
                }
                Ok(())
            },
        )?;
    }
    for (selection, sample) in selections.iter_mut().zip(&mut samples) {
        selection.guess(sample, place.part.len);
    }
    Ok(())
}

/// One scan that finds what was guessed well.
fn collect(
    lane: &mut Lane<'_>,
    program: &Program,
    place: Place<'_>,
    selections: &[Selection],
) -> Result<Vec<Option<Found>>, MergeError> {
    let max = lane.shared.plan.memory.candidates;
    let mut candidates = Candidates::new(selections, place.part.len, max);
    if candidates.is_idle() {
        return Ok(vec![None; selections.len()]);
    }
    lane.stream(
        (place.part, place.output),
        place.row,
        [program],
        |engine, piece, arena| {
            let batch = Batch {
                program,
                pieces: std::slice::from_ref(piece),
            };
            engine.cpu.collect(&batch, &mut candidates, arena)
        },
    )?;
    Ok(candidates.finish())
}

/// Passes of counting for what is not found yet.
fn count(
    lane: &mut Lane<'_>,
    program: &Program,
    place: Place<'_>,
    selections: &mut [Selection],
    found: &[Option<Found>],
) -> Result<(), MergeError> {
    loop {
        let windows: Vec<Option<Window>> = selections
            .iter()
            .zip(found)
            .map(|(selection, found)| match found {
                None => selection.window(),
                Some(_) => None,
            })
            .collect();
        if windows.iter().all(Option::is_none) {
            return Ok(());
        }
        let counted: Vec<Window> = windows
            .iter()
            .map(|window| window.unwrap_or(IDLE))
            .collect();
        let mut totals = vec![0; selections.len() * (BINS + 1)];
        lane.stream(
            (place.part, place.output),
            place.row,
            [program],
            |engine, piece, arena| {
                let batch = Batch {
                    program,
                    pieces: std::slice::from_ref(piece),
                };
                let counts = engine.count(&batch, &counted, arena)?;
                totals
                    .iter_mut()
                    .zip(counts)
                    .for_each(|(total, count)| *total += count);
                Ok(())
            },
        )?;
        let fed = selections
            .iter_mut()
            .zip(windows)
            .zip(totals.chunks_exact(BINS + 1));
        for ((selection, window), counts) in fed {
            if window.is_some() {
                let fed = selection.feed(counts);
                fed.map_err(|_| lane.shared.contradiction(place.part.job))?;
            }
        }
    }
}

/// Finds where ties end, all in one pass over tiles, which ends with the last of them.
fn locate(
    lane: &mut Lane<'_>,
    program: &Program,
    place: Place<'_>,
    tiles: Range<u64>,
    ties: &mut [Tie],
) -> Result<(), MergeError> {
    let chunk = lane.shared.plan.memory.chunk_elements;
    let chunk = (chunk.unwrap_or(usize::MAX) / TILE).max(1) as u64;
    for first in tiles.clone().step_by(chunk as usize) {
        if ties.iter().all(|tie| tie.found.is_some()) {
            break;
        }
        let part = place.part_of(first..tiles.end.min(first + chunk));
        lane.stream(
            (part, place.output),
            place.row,
            [program],
            |engine, piece, arena| {
                let batch = Batch {
                    program,
                    pieces: std::slice::from_ref(piece),
                };
                engine.cpu.locate(&batch, arena, ties);
                Ok(())
            },
        )?;
    }
    Ok(())
}
